//! What a partner signed of a disclosure, as an entry of its own.
//!
//! It stands right before the outcome of the disclosure; of a record stream, which has one receipt,
//! before that of the first part that was sent.
//!
//! | member | what |
//! |---|---|
//! | `of` | the position of the disclosure |
//! | `status` | `accepted`, `rejected` or `deferred`, as the partner says; `missing`; `wrong` |
//! | `jws` | the receipt, verbatim, where it is one of this disclosure by the partner's key |
//! | `sha256` | SHA-256, in hexadecimal, of a wrong one, which is not kept |
//! | `why` | what is wrong with it, one of a closed list of words |
//!
//! There is none where the partner did not answer, or its rules ask for no receipts.

use uuid::Uuid;

/// What a partner signed of a disclosure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The disclosure's id.
    pub did: Uuid,
    /// The position of the disclosure.
    pub of: u64,
    /// What came.
    pub proof: Proof,
}

/// What came as a receipt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// A receipt of the disclosure by the partner's key.
    Good {
        /// `accepted`, `rejected` or `deferred`.
        status: &'static str,
        /// The receipt, which holds nothing but what its form asks for.
        jws: String,
    },
    /// Nothing.
    Missing,
    /// Something else.
    Wrong {
        /// What is wrong with it, one of a closed list of words.
        why: &'static str,
        /// SHA-256 of it in hexadecimal.
        sha256: String,
    },
}

impl Proof {
    /// The word for it: the member `status`.
    #[must_use]
    pub const fn status(&self) -> &'static str {
        match self {
            Self::Good { status, .. } => status,
            Self::Missing => "missing",
            Self::Wrong { .. } => "wrong",
        }
    }
}
