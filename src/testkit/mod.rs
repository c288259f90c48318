//! A kit for the tests of integrators: given these rules, consents and this time, a request brings
//! the partner exactly this, the ledger exactly this, or the caller exactly this refusal.
//!
//! Everything is real but the partners and the clock: the gateway, TLS on both sides, the seal, the
//! store on disk. Partners are mocks in the same process, by the names and hosts of the rules; the
//! clock stands still until it is set. All of it is below a temporary folder that goes with the
//! [`Testkit`].
//!
//! ```no_run
//! use otkel::testkit::{Consent, Testkit};
//!
//! # async fn test() -> Result<(), otkel::testkit::Fault> {
//! let kit = Testkit::start("policies").await?;
//! let consent = Consent::new("580101100015", "training-gb");
//! kit.consent(&consent.of(&["P09"], &["D01", "D08"]).abroad(&["GB"])).await?;
//!
//! let learner = r#"{"learners":[{"iin":"580101100015","family_name":"A","iban":"KZ00"}]}"#;
//! let sent = kit.send("POST /training-gb/enrolments", learner).await?;
//! assert_eq!(sent.at("training-gb").text(), r#"{"learners":[{"family_name":"A"}]}"#);
//! assert_eq!(sent.record("disclosure")["purpose"], "P09");
//!
//! let other = r#"{"learners":[{"iin":"911231200429","family_name":"B"}]}"#;
//! let sent = kit.send("POST /training-gb/enrolments", other).await?;
//! assert_eq!(sent.refusal(), Some("NO_CONSENT"));
//! assert!(sent.received.is_empty());
//! # Ok(())
//! # }
//! ```
//!
//! The same as a file, for `otkel test`, is a [`Script`]; a kit writes what went through it as such
//! a file by [`Testkit::record`]. Test data are written into files and shown: they must be made up.
//!
//! | module | what |
//! |---|---|
//! | `setup`, `stage` | rules and callers; the gateway, the partners, the clock |
//! | `ask`, `sent` | a request, and all that came of it |
//! | `consent` | consents in short |
//! | `script`, `run`, `held` | a file of steps, run, and held against what came |
//! | `pattern` | places in expected values that stand for what differs from run to run |
//! | `recording` | what came, as a file of steps |

mod ask;
mod consent;
mod fault;
mod held;
mod pattern;
mod recording;
mod run;
mod script;
mod sent;
mod setup;
mod stage;

pub use ask::Ask;
pub use consent::{Consent, Given};
pub use fault::Fault;
pub use held::Difference;
pub use recording::Recording;
pub use run::{Ending, Run, Tried, Unrun, run};
pub use script::{SCHEMA, Script};
pub use sent::{Arrived, Sent};
pub use setup::Setup;
pub use stage::{Standing, Testkit, settled};
