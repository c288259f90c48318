//! A file of steps, run on a kit of its own.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use uuid::Uuid;

use super::script::{Act, Blocked, Change, Consented, Handed, Mocked, Named, Script, Step};
use super::{Ask, Difference, Fault, Sent, Setup, Testkit, held};
use crate::diagnostic::{Diagnostics, Source, text};
use crate::gateway::StartError;

/// What came of a file.
#[derive(Debug)]
pub struct Run {
    /// The steps that were tried, in their order.
    pub tried: Vec<Tried>,
}

/// What came of a step.
#[derive(Debug)]
pub struct Tried {
    /// Its name.
    pub name: String,
    /// Its line in the file, counted from 1.
    pub line: usize,
    /// How it ended.
    pub ending: Ending,
}

/// How a step ended.
#[derive(Debug)]
pub enum Ending {
    /// All was as it says.
    Well,
    /// Something was not.
    Differs(Vec<Difference>),
    /// It was left out.
    Skipped,
}

impl Run {
    /// Whether no step differs.
    #[must_use]
    pub fn is_well(&self) -> bool {
        !self.tried.iter().any(|tried| matches!(tried.ending, Ending::Differs(_)))
    }
}

/// Why a file was not run.
#[derive(Debug, thiserror::Error)]
pub enum Unrun {
    /// Something in it is wrong.
    #[error(transparent)]
    File(#[from] Diagnostics),
    /// The gateway does not start, as where the rules do not load.
    #[error(transparent)]
    Gateway(#[from] StartError),
}

/// Runs a file; requests are sent only in steps whose names `wanted` takes, and `record`, if it is
/// a path, gets what came as a new file.
///
/// # Errors
/// What keeps it from being run: rules that do not load, consents that they do not take.
pub async fn run(
    script: &Script,
    wanted: &(dyn Fn(&str) -> bool + Sync),
    record: Option<&Path>,
) -> Result<Run, Unrun> {
    let source = &script.source;
    let kit = setup(script)?.start().await.map_err(|fault| unstarted(source, fault))?;
    let mut running = Running { script, kit, names: BTreeMap::new(), playing: BTreeMap::new() };
    if let Err(found) = running.prepare().await {
        running.kit.stop().await;
        return Err(found.into());
    }
    let mut tried = Vec::new();
    for step in &script.steps {
        let is_left_out = matches!(step.act, Act::Ask(_)) && !wanted(&step.name);
        let ending = if is_left_out { Ending::Skipped } else { running.step(step).await };
        let line = source.line(step.span.start);
        tried.push(Tried { name: step.name.clone(), line, ending });
    }
    if let Some(file) = record {
        running.kit.record(file).map_err(|fault| unstarted(source, fault))?;
    }
    running.kit.stop().await;
    Ok(Run { tried })
}

/// The setup with the edits made.
fn setup(script: &Script) -> Result<Setup, Diagnostics> {
    let mut setup = script.setup.clone();
    let mut found = Diagnostics::new();
    if !setup.rules.is_dir() {
        let message = text!("there is no folder `{}`", setup.rules.display());
        let help = "name the folder of rules from the folder of this file";
        found.error(&script.source, script.rules.clone(), message, help);
        return Err(found);
    }
    for edit in &script.edits {
        match &edit.change {
            Change::Text(text) => {
                setup.files.insert(edit.file.clone(), text.clone());
            }
            Change::Replace(from, to) => match setup.clone().edit(&edit.file, from, to) {
                Ok(edited) => setup = edited,
                Err(fault) => {
                    let help = "write more or less of the text, so that it stands there once";
                    found.error(&script.source, edit.span.clone(), fault.to_string(), help);
                }
            },
        }
    }
    if found.has_errors() { Err(found) } else { Ok(setup) }
}

fn unstarted(source: &Arc<Source>, fault: Fault) -> Unrun {
    match fault {
        Fault::Start(error) => error.into(),
        other => {
            let mut found = Diagnostics::new();
            let message = text!("the kit does not start: {}", other);
            found.error(source, 0..0, message, "mend what is named");
            found.into()
        }
    }
}

struct Running<'s> {
    script: &'s Script,
    kit: Testkit,
    // Records of consents and blocks, by the names that the file gives them.
    names: BTreeMap<String, Uuid>,
    // What mock partners answer by, where the file says it.
    playing: BTreeMap<String, String>,
}

impl Running<'_> {
    async fn prepare(&mut self) -> Result<(), Diagnostics> {
        let mut found = Diagnostics::new();
        let script = self.script;
        let help = "mend it here, or the rules that it speaks of";
        for consent in &script.consents {
            if let Err(fault) = self.grant(consent).await {
                found.error(&script.source, consent.span.clone(), fault.to_string(), help);
            }
        }
        for block in &script.blocks {
            if let Err(fault) = self.block(block).await {
                found.error(&script.source, block.span.clone(), fault.to_string(), help);
            }
        }
        for mocked in script.mocks.iter().chain(script.steps.iter().flat_map(|step| &step.mocks)) {
            if !self.kit.policy().partners.keys().any(|name| name.as_str() == mocked.partner.value)
            {
                let message = text!("there is no partner `{}`", mocked.partner.value);
                found.error(&script.source, mocked.partner.span.clone(), message, help);
            }
        }
        if found.has_errors() { Err(found) } else { Ok(()) }
    }

    /// Lets mock partners answer as a step, or else the whole file, says.
    fn play(&mut self, step: &Step) -> Result<(), Fault> {
        let of = |mocks: &'_ [Mocked]| -> BTreeMap<String, String> {
            mocks.iter().map(|it| (it.partner.value.clone(), it.text.clone())).collect()
        };
        let mut wanted = of(&self.script.mocks);
        wanted.extend(of(&step.mocks));
        for partner in self.playing.keys().filter(|partner| !wanted.contains_key(*partner)) {
            self.kit.play(partner, "")?;
        }
        for (partner, text) in &wanted {
            if self.playing.get(partner) != Some(text) {
                self.kit.play_in(&self.script.folder, partner, text)?;
            }
        }
        self.playing = wanted;
        Ok(())
    }

    async fn step(&mut self, step: &Step) -> Ending {
        if let Some(time) = step.time {
            self.kit.set_time(time);
        }
        self.kit.recorded(|recording| recording.name(&step.name));
        let source = &self.script.source;
        let from = self.kit.size().unwrap_or_default();
        let done = match &step.act {
            Act::Ask(ask) => match self.ask(step, ask).await {
                Ok(sent) => return ending(held::request(source, step, &sent)),
                Err(fault) => Err(fault),
            },
            Act::Wait => Ok(()),
            Act::Grant(consent) => self.grant(consent).await,
            Act::Withdraw(named, how) => match self.id(named) {
                Ok(id) => self.kit.withdraw(id, how).await,
                Err(fault) => Err(fault),
            },
            Act::Block(block) => self.block(block).await,
            Act::Lift(named) => match self.id(named) {
                Ok(id) => self.kit.lift(id).await,
                Err(fault) => Err(fault),
            },
        };
        match done.and_then(|()| self.kit.entries(from)) {
            Ok(entries) => ending(held::entries(source, step, &entries)),
            Err(fault) => {
                let message = text!("it cannot be done: {}", fault);
                let help = "mend the step, or those before it";
                ending(vec![held::plain(source, step.span.clone(), message, help)])
            }
        }
    }

    async fn ask(&mut self, step: &Step, ask: &Ask) -> Result<Sent, Fault> {
        self.play(step)?;
        self.kit.ask(ask.clone()).await
    }

    async fn grant(&mut self, consented: &Consented) -> Result<(), Fault> {
        let id = match &consented.consent {
            Handed::Short(consent) => self.kit.consent(consent).await?,
            Handed::Whole(record) => self.kit.grant(record).await?,
        };
        self.names.extend(consented.name.clone().map(|name| (name, id)));
        Ok(())
    }

    async fn block(&mut self, blocked: &Blocked) -> Result<(), Fault> {
        let id = self.kit.block(&blocked.block).await?;
        self.names.extend(blocked.name.clone().map(|name| (name, id)));
        Ok(())
    }

    fn id(&self, named: &Named) -> Result<Uuid, Fault> {
        let known = named.id.or_else(|| self.names.get(&named.name).copied());
        known.ok_or_else(|| Fault::Unnamed(named.name.clone()))
    }
}

fn ending(differences: Vec<Difference>) -> Ending {
    if differences.is_empty() { Ending::Well } else { Ending::Differs(differences) }
}
