//! The numbers that the law sets. They are data of the register, each with its source and the day
//! on which somebody checked it; no other place of the program holds one.

use crate::time::Timestamp;

/// A number of the law, as the register gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Legal {
    /// How many.
    pub value: u32,
    /// Of what.
    pub unit: Unit,
    /// The article that sets it.
    pub source: String,
    /// When somebody last held it against that article.
    pub checked_on: Timestamp,
}

/// What a number counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Working days of Kazakhstan, the day of the event not counted.
    WorkingDays,
    /// Days, the day of the event not counted.
    Days,
    /// Years.
    Years,
    /// Data subjects.
    Subjects,
}

macro_rules! numbers {
    ($($variant:ident $word:literal $unit:ident $doc:literal)*) => {
        /// Which number of the law.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Number {
            $(#[doc = $doc] $variant,)*
        }

        impl Number {
            /// Every number that the register must give.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// Its key in `[legal]`.
            #[must_use]
            pub const fn key(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }

            /// What it counts.
            #[must_use]
            pub const fn unit(self) -> Unit {
                match self { $(Self::$variant => Unit::$unit,)* }
            }
        }
    };
}

numbers! {
    Blocking "blocking" WorkingDays "To block after word of a violation (94-V Art. 25(2)(8))."
    BreachNotice "breach-notice" WorkingDays
        "To tell the authority of a breach (94-V Art. 25(2)(8))."
    ClaimAnswer "claim-answer" Days "To answer a claim (clause 6.2 of the policy)."
    ClassLarge "class-large" Subjects
        "From how many subjects an operator is large (94-V Art. 10-1)."
    ClassSmall "class-small" Subjects
        "Up to how many subjects an operator is small (94-V Art. 10-1)."
    ConsentTerm "consent-term" Years "The longest term of a consent (94-V Art. 8(5))."
    Correction "correction" WorkingDays "To correct data (94-V Art. 25(2)(8))."
    Destruction "destruction" WorkingDays "To destroy data (94-V Art. 25(2)(8))."
    LogKeeping "log-keeping" Years "To keep the record of a disclosure after the last one."
    Majority "majority" Years "The age from which a subject consents alone (94-V Art. 7(1))."
    Objection "objection" WorkingDays
        "To answer an objection to an automated decision (94-V Art. 19-1)."
    SubjectRequest "subject-request" WorkingDays
        "To answer a subject's request (94-V Art. 24(1)(1))."
    TransferNotice "transfer-notice" WorkingDays
        "To tell a subject of a transfer (94-V Art. 19(1))."
    Withdrawal "withdrawal" WorkingDays "To stop after a withdrawal (94-V Art. 8(7))."
}
