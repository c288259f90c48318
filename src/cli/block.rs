//! `otkel block`.

use std::io;
use std::process::ExitCode;
use std::sync::Arc;

use uuid::Uuid;

use super::consent::Desk;
use super::{Outcome, config};
use crate::config::Config;
use crate::consent::record::Evidence;
use crate::gateway::{OpenStore, SystemClock, open_store, read_rules};
use crate::store::{Blocks, NewBlock, Unblocked};
use crate::time::Clock as _;
use crate::vocabulary::{BadWord, Name, PurposeId};

/// The arguments of `otkel block`.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Arguments {
    /// Block transfers, at once: those that fit everything that is named, at least one thing.
    Add {
        #[command(flatten)]
        desk: Desk,
        /// Only to this partner.
        #[arg(long, value_parser = partner)]
        partner: Option<Name>,
        /// Only for this purpose.
        #[arg(long, value_parser = purpose)]
        purpose: Option<PurposeId>,
        /// Only of one subject: {"scheme": "kz-iin", "id": …} on standard input.
        #[arg(long)]
        subject_stdin: bool,
        /// The document that the block rests on, by its number or place.
        #[arg(long, value_name = "REFERENCE")]
        document: String,
    },
    /// Lift a block, by a decision that is on paper.
    Lift {
        #[command(flatten)]
        desk: Desk,
        /// The block's id.
        block: String,
        /// The decision, by its number or place.
        #[arg(long, value_name = "REFERENCE")]
        decision: String,
        /// The SHA-256 of the decision, in hexadecimal.
        #[arg(long, value_name = "HEX")]
        sha256: String,
    },
    /// Show every block, the one that changed last at the end.
    List {
        #[command(flatten)]
        desk: Desk,
    },
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    let desk = match arguments {
        Arguments::Add { desk, .. } | Arguments::Lift { desk, .. } | Arguments::List { desk } => {
            desk
        }
    };
    let config = config(&desk.config)?;
    let clock = Arc::new(SystemClock);
    let OpenStore { reader, recorder } = open_store(&config, clock.clone())?;
    let blocks = Blocks::new(reader, recorder.clone(), clock);
    let outcome = act(&blocks, &config, arguments);
    recorder.close();
    outcome
}

fn act(blocks: &Blocks, config: &Config, arguments: &Arguments) -> Outcome {
    match arguments {
        Arguments::Add { desk, partner, purpose, subject_stdin, document } => {
            let subject = if *subject_stdin {
                let read = serde_json::from_reader(io::stdin().lock());
                read.map_err(|_| "give {\"scheme\": \"kz-iin\", \"id\": …} on standard input")?
            } else {
                None
            };
            let (partner, purpose, document) = (partner.clone(), *purpose, document.clone());
            let new = NewBlock { subject, partner, purpose, document };
            check(&new, config)?;
            let changed = blocks.add(&new, &desk.by)?;
            say!("block {} recorded as entry {}", changed.record, changed.seq);
        }
        Arguments::Lift { desk, block, decision, sha256 } => {
            let block = Uuid::parse_str(block)
                .map_err(|_| "not a block's id: `otkel block list` shows them")?;
            let (reference, sha256) = (decision.clone(), sha256.clone());
            let changed = blocks.lift(block, &Evidence { reference, sha256 }, &desk.by)?;
            say!("block {} lifted as entry {}", changed.record, changed.seq);
        }
        Arguments::List { .. } => say!("{}", serde_json::to_string_pretty(&blocks.list()?)?),
    }
    Ok(ExitCode::SUCCESS)
}

/// Holds the names against the rules, or against the configuration where those do not load: that
/// must not keep a block from coming into force in an emergency.
fn check(new: &NewBlock, config: &Config) -> Result<(), Unblocked> {
    if let Ok((policy, _)) = read_rules(&config.policies, SystemClock.now()) {
        return new.fits(&policy);
    }
    let known = |partner| config.partners.contains_key(partner);
    if !new.partner.as_ref().is_none_or(known) {
        return Err(Unblocked::Partner);
    }
    eprintln!("the rules do not load: a purpose that they do not have is not noticed");
    Ok(())
}

fn partner(text: &str) -> Result<Name, BadWord> {
    Name::parse(text)
}

fn purpose(text: &str) -> Result<PurposeId, BadWord> {
    PurposeId::parse(text)
}
