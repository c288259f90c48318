//! The partner's side: takes what gateways send, and passes on only what has passed every check.
//!
//! | module | what |
//! |---|---|
//! | [`receiver`] | every check of a request, and the answer with its signed receipt |
//! | [`trust`] | the partner's keys, and the gateways that it knows |
//! | [`taken`] | which messages were taken, on disk, so that none is taken twice |
//! | [`application`] | what a message is passed on to |
//! | [`forward`] | the application over plain HTTP |
//! | [`refusal`] | what a gateway is told otherwise |
//! | [`mock`] | a partner that answers by a script |
//! | [`config`], [`run`] | the proxy that a partner runs |
//! | [`status`] | its health and counters |
//! | [`telemetry`] | what is logged and counted |

pub mod application;
pub mod config;
pub mod forward;
pub mod mock;
pub mod receiver;
pub mod refusal;
pub mod run;
pub mod status;
pub mod taken;
pub mod telemetry;
pub mod trust;

pub use application::{Application, Message, NoReply, Payload, Reply};
pub use config::Config;
pub use receiver::{Limits, Parts, Receiver};
pub use refusal::Refusal;
pub use run::{NoStart, Partner};
pub use taken::Taken;
pub use trust::{Gateway, GatewayKeys, InForce, Trust};
