//! Why a kit does not start, or does not do what it was told.

use std::io;

use crate::demo::trust::Untrusted;
use crate::demo::world::NoWorld;
use crate::gateway::StartError;
use crate::partner::mock::NoPartner;
use crate::store::consents::Unchanged;
use crate::store::{StoreError, Unblocked};
use crate::tls::TlsFault;

/// Why a kit does not start, or does not do what it was told.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The gateway does not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The folder cannot be made.
    #[error(transparent)]
    World(#[from] NoWorld),
    /// A mock partner does not start.
    #[error(transparent)]
    Partner(#[from] NoPartner),
    /// A key cannot be used.
    #[error(transparent)]
    Key(#[from] Untrusted),
    /// A certificate cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsFault),
    /// A file of the rules cannot be changed so.
    #[error("`{file}` cannot be edited: {why}")]
    Edit {
        /// The file.
        file: String,
        /// Why.
        why: String,
    },
    /// A caller's name is taken.
    #[error("a caller cannot be named `{0}`: a partner or the gateway is")]
    Caller(String),
    /// A consent does not fit the rules.
    #[error("the consent does not fit the rules: {0}")]
    Consent(String),
    /// A step speaks of what was never made.
    #[error("there is nothing of the name `{0}`")]
    Unnamed(String),
    /// A script of a mock partner cannot be read.
    #[error("the script of `{0}` cannot be read\n{1}")]
    Script(String, String),
    /// The consents were not changed.
    #[error(transparent)]
    Unchanged(#[from] Unchanged),
    /// The blocks were not changed.
    #[error(transparent)]
    Unblocked(#[from] Unblocked),
    /// The request cannot be written.
    #[error("`{0}` cannot be written as a request: check the method, the path and the headers")]
    Request(String),
    /// The gateway does not take the connection.
    #[error("the gateway took no connection: {0}")]
    Silent(io::Error),
    /// The gateway hung up without an answer.
    #[error("the gateway hung up without an answer")]
    Hung,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An entry of the ledger is not JSON.
    #[error("an entry of the ledger cannot be read")]
    Entry,
    /// The kit was stopped.
    #[error("the kit was stopped")]
    Stopped,
    /// A file cannot be read or written.
    #[error(transparent)]
    File(#[from] io::Error),
}
