//! How a partner's envelopes are made, and what travels beside them.

use crate::vocabulary::{Kem, Name};

/// How what goes to a partner is sealed, signed and acknowledged: `[envelope]` of its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvelopeRules {
    /// The one way in which a secret is agreed on; no key of another is sealed to.
    pub kem: Kem,
    /// How the length is hidden, if it is.
    pub pad: Option<Padding>,
    /// How long what was agreed on with a key may serve for more than one message, if it may.
    pub kept: Option<Keeping>,
    /// Those within the partner to whom every envelope is sealed as well, by their names.
    pub also: Vec<Name>,
    /// Whether the partner seals its answers.
    pub reply: Reply,
    /// Whether requests are signed.
    pub signed: bool,
    /// Whether the partner is asked for receipts.
    pub receipts: bool,
}

impl Default for EnvelopeRules {
    fn default() -> Self {
        Self {
            kem: Kem::X25519,
            pad: None,
            kept: None,
            also: Vec::new(),
            reply: Reply::Plain,
            signed: true,
            receipts: true,
        }
    }
}

/// To what length a payload is filled up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Padding {
    /// To the next multiple of so many bytes.
    Multiple(u32),
    /// To the next length of the PADME series, at most 12 % longer.
    Padme,
}

/// Until when what was agreed on with a key serves for more messages; whichever ends first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keeping {
    /// How many seconds, at least 1.
    pub seconds: u32,
    /// How many messages, at least 1.
    pub messages: u32,
}

/// Whether a partner's answers come sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    /// They come as the partner sends them; nothing is offered.
    Plain,
    /// The partner gets a key and may seal to it.
    Offered,
    /// An answer that is not sealed is withheld.
    Required,
}

impl Reply {
    /// All.
    pub const ALL: [Self; 3] = [Self::Plain, Self::Offered, Self::Required];

    /// The word that rule files and people have for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Offered => "offered",
            Self::Required => "required",
        }
    }
}
