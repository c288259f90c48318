//! `otkel demo`.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::table::row;
use super::{Outcome, WRONG, config, runtime};
use crate::demo::caller::{Caller, Reply};
use crate::demo::sample::{self, Expect, Sample, fits};
use crate::demo::trust;
use crate::demo::world::{Cast, PARTNERS, Setting, World};
use crate::envelope::Header;
use crate::gateway::{Gateway, SystemClock, ledger_key};
use crate::partner::mock::{self, MockPartner, Received, Script, Setup, Told};
use crate::proxy::RECEIPT_STATUS_HEADER;
use crate::store::audit::audit;
use crate::store::sqlite;
use crate::testkit::{Ask, Recording, Sent, Standing, settled};
use crate::time::Clock;

type Fault = Box<dyn std::error::Error>;

/// The arguments of `otkel demo`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The folder for certificates, keys and the store; made anew each time.
    #[arg(long, value_name = "FOLDER", default_value = "otkel-demo")]
    dir: PathBuf,
    /// The folder of rules.
    #[arg(long, value_name = "FOLDER", default_value = "policies")]
    policies: PathBuf,
    /// The gateway's port; its admin API is on the next one.
    #[arg(long, default_value_t = 8443)]
    port: u16,
    /// End after the sample, with exit code 1 if anything differed from what it expects.
    #[arg(long)]
    once: bool,
    /// Write the sample and all that came of it as a file for `otkel test`. The clock stands still.
    #[arg(long, value_name = "FILE", requires = "once")]
    record: Option<PathBuf>,
}

pub(super) fn run(arguments: Arguments) -> Outcome {
    runtime()?.block_on(demo(arguments))
}

async fn demo(arguments: Arguments) -> Outcome {
    let now = SystemClock.now();
    let policies = std::fs::canonicalize(&arguments.policies).map_err(|_| {
        let folder = arguments.policies.display();
        format!("`{folder}` is not there: run this where the rules are, or give `--policies`")
    })?;
    let world = World::make(&arguments.dir, now)?;
    let mut recording = None;
    let mut clock: Arc<dyn Clock> = Arc::new(SystemClock);
    if arguments.record.is_some() {
        world.use_known_pseudonyms()?;
        recording = Some(Recording::new(&policies, &Cast::demonstration().callers, now));
        clock = Arc::new(Standing::at(now));
    }
    say!("made certificates, keys and sample consents in {}", arguments.dir.display());
    let stop = CancellationToken::new();
    let (partners, heard) = partners(&world, &clock, &stop).await?;
    let config_file = configure(&world, &arguments, &policies, &partners)?;
    let gateway = Gateway::start(config(&config_file)?, clock).await?;
    import(&gateway, &world, recording.as_mut())?;

    let differing = show_sample(&gateway, &world, &partners, recording.as_mut()).await?;
    if let (Some(file), Some(recording)) = (&arguments.record, &recording) {
        std::fs::write(file, recording.text(file))?;
    }
    signed(&gateway).await;
    let sound = verify(&config_file)?;
    if !arguments.once {
        tell_how(&arguments.dir, &gateway);
        listen(heard).await;
    }
    stop.cancel();
    gateway.stop().await;
    if differing == 0 && sound {
        say!("\nevery transfer ended as the sample expects");
        return Ok(ExitCode::SUCCESS);
    }
    say!("\n{differing} transfers ended differently than the sample expects");
    Ok(WRONG)
}

type Partners = Vec<(&'static str, MockPartner)>;

async fn partners(
    world: &World,
    clock: &Arc<dyn Clock>,
    stop: &CancellationToken,
) -> Result<(Partners, mpsc::UnboundedReceiver<Told>), Fault> {
    let (tell, heard) = mpsc::unbounded_channel();
    let mut partners = Vec::new();
    for (name, host, _) in PARTNERS {
        let setup = Setup {
            tls: mock::tls(&world.certificate_folder(), name)?,
            trust: trust::of(world, name)?,
            script: Script::default(),
            listen: ([127, 0, 0, 1], 0).into(),
            clock: Arc::clone(clock),
            tell: Some(tell.clone()),
        };
        let partner = MockPartner::start(setup, stop.clone()).await?;
        say!("mock partner {name} is {host} at {}", partner.address);
        partners.push((name, partner));
    }
    Ok((partners, heard))
}

fn configure(
    world: &World,
    arguments: &Arguments,
    policies: &Path,
    partners: &Partners,
) -> Result<PathBuf, Fault> {
    let port = if arguments.once { 0 } else { arguments.port };
    let admin = if port == 0 { 0 } else { port.checked_add(1).ok_or("no port after `--port`")? };
    let mocks: Vec<SocketAddr> = partners.iter().map(|(_, partner)| partner.address).collect();
    Ok(world.configure(&Setting {
        listen: ([127, 0, 0, 1], port).into(),
        admin: ([127, 0, 0, 1], admin).into(),
        policies,
        mocks: &mocks,
        more: "",
    })?)
}

fn import(
    gateway: &Gateway,
    world: &World,
    recording: Option<&mut Recording>,
) -> Result<(), Fault> {
    let text = std::fs::read_to_string(world.folder.join("consents.ndjson"))?;
    let lines: Vec<&str> = text.lines().collect();
    for result in gateway.consents.grant_all(&lines, "demo") {
        result?;
    }
    if let Some(recording) = recording {
        for line in &lines {
            recording.grant(line);
        }
    }
    say!("the gateway is at https://{}; {} consents imported\n", gateway.address, lines.len());
    Ok(())
}

/// Sends the sample, shows a row for each transfer, and counts those that ended differently.
async fn show_sample(
    gateway: &Gateway,
    world: &World,
    partners: &Partners,
    mut recording: Option<&mut Recording>,
) -> Result<usize, Fault> {
    say!("{}", line(&["", "sent", "decision", "what the partner received", "entry"]).trim_end());
    say!("{}", "─".repeat(WIDTHS.iter().sum::<usize>() + 2 * (WIDTHS.len() - 1)));
    let mut differing = 0;
    for (n, sample) in sample::transfers().iter().enumerate() {
        let (before, from) = (counts(partners), gateway.reader.size());
        let caller = Caller::new(&world.certificate_folder(), sample.caller, gateway.address)?;
        let reply = caller.send(sample.request, &sample.headers, sample.body.clone()).await?;
        let new = received_since(partners, &before);
        let as_expected = holds(sample, &reply, &shown_each(&new));
        if let Some(recording) = recording.as_deref_mut() {
            let entries = settled(&gateway.reader, from).await?;
            recording.name(sample.title);
            recording.sent(&sent(sample, &reply, new.clone(), entries));
        }
        let envelope = new.first().map(|(_, received)| received.header.clone());
        let new = shown_each(&new);
        if !as_expected {
            differing += 1;
        }
        let decided = Decided::of(gateway, &reply, envelope.as_ref());
        let mark = if as_expected { "" } else { "DIFFERS: " };
        let (method, path) = sample.request;
        let sent = format!("{}\n{} → {method} {path}", sample.title, sample.caller);
        let got = brief(&shown(&new));
        let decision = format!("{mark}{}", decided.words);
        say!("{}", line(&[&(n + 1).to_string(), &sent, &decision, &got, &decided.entry]));
    }
    Ok(differing)
}

fn counts(partners: &Partners) -> Vec<usize> {
    partners.iter().map(|(_, partner)| partner.received().len()).collect()
}

/// What each partner received beyond a number of payloads.
fn received_since(partners: &Partners, counts: &[usize]) -> Vec<(String, Received)> {
    let of = |((name, partner), count): (&(&'static str, MockPartner), &usize)| {
        let (name, new) = (*name, partner.received().into_iter().skip(*count));
        new.map(move |received| (name.to_owned(), received)).collect::<Vec<_>>()
    };
    partners.iter().zip(counts).flat_map(of).collect()
}

fn shown_each(new: &[(String, Received)]) -> Vec<(&str, String)> {
    new.iter().map(|(name, received)| (name.as_str(), received.shown())).collect()
}

fn sent(
    sample: &Sample,
    reply: &Reply,
    received: Vec<(String, Received)>,
    entries: Vec<Value>,
) -> Sent {
    let (method, path) = sample.request;
    let headers = sample.headers.iter().map(|(name, value)| ((*name).into(), (*value).into()));
    Sent {
        ask: Ask {
            caller: sample.caller.to_owned(),
            method: method.to_owned(),
            path: path.to_owned(),
            headers: headers.collect(),
            body: sample.body.clone().into(),
        },
        status: reply.status,
        headers: reply.headers.clone(),
        body: reply.body.clone(),
        is_whole: true,
        received,
        entries,
    }
}

fn shown(new: &[(&str, String)]) -> String {
    let Some((name, _)) = new.first() else { return "—".to_owned() };
    let texts: Vec<&str> = new.iter().map(|(_, text)| text.as_str()).collect();
    format!("{name}:\n{}", texts.join("\n"))
}

fn holds(sample: &Sample, reply: &Reply, new: &[(&str, String)]) -> bool {
    let is_told = |text| fits(text, &String::from_utf8_lossy(&reply.body));
    let is_answered = sample.answer.is_none_or(is_told);
    is_answered
        && match &sample.expect {
            Expect::Receives(partner, text) => {
                let wanted = format!("{partner}:\n{text}");
                reply.status == 200 && fits(&wanted, &shown(new))
            }
            Expect::Refused(code) => {
                let problem: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
                new.is_empty() && problem.get("code").and_then(Value::as_str) == Some(code)
            }
        }
}

/// A decision as the table shows it.
struct Decided {
    words: String,
    entry: String,
}

impl Decided {
    fn of(gateway: &Gateway, reply: &Reply, envelope: Option<&Header>) -> Self {
        let did = reply.decision.as_deref().and_then(|did| did.parse().ok());
        let stored = did.and_then(|did| gateway.reader.decision(&did).ok().flatten());
        let Some(stored) = stored else {
            return Self { words: "not in the ledger".to_owned(), entry: "—".to_owned() };
        };
        let entry: Value = serde_json::from_slice(&stored.entry).unwrap_or_default();
        let mut words = match entry.get("reason").and_then(Value::as_str) {
            Some(code) => refused(code),
            None => carried(&entry),
        };
        words.extend(envelope.and_then(|header| sealed(&entry, header)));
        let receipt =
            reply.headers.get(RECEIPT_STATUS_HEADER).and_then(|status| status.to_str().ok());
        if let Some(status) = receipt {
            words.extend(["\nreceipt ", status]);
        }
        Self { words, entry: stored.seq.to_string() }
    }
}

fn refused(code: &str) -> String {
    let reason = crate::reason::Reason::parse(code);
    reason.map_or_else(|| code.to_owned(), |reason| format!("refused {code}\n{}", reason.clause()))
}

fn carried(entry: &Value) -> String {
    let mut words = format!("sent for {}", text(entry, "purpose"));
    if entry.get("stream").is_some() {
        words.push_str("\nthe first part of a stream");
    }
    for verdict in entry.get("verdicts").and_then(Value::as_array).into_iter().flatten() {
        let n = verdict.get("n").and_then(Value::as_u64).unwrap_or(0);
        if n == 0 {
            continue;
        }
        let (decision, reason) = (text(verdict, "decision"), text(verdict, "reason"));
        words.extend(["\n", &n.to_string(), " ", &decision, " ", &reason]);
        for (field, what) in members(verdict, "treated") {
            let what = what.as_str().unwrap_or_default();
            words.extend(["\n~ ", last(field), ": ", what]);
        }
        for (field, kinds) in members(verdict, "found") {
            let kinds = kinds.as_object().into_iter().flatten();
            for (kind, _) in kinds {
                words.extend(["\n~ ", last(field), ": found ", kind]);
            }
        }
        for (field, why) in members(verdict, "removed") {
            words.extend(["\n− ", last(field), ": ", why.as_str().unwrap_or_default()]);
        }
        if let Some(unmapped) = verdict.get("unmapped").and_then(Value::as_u64) {
            words.extend(["\n− ", &unmapped.to_string(), " unmapped"]);
        }
    }
    words
}

/// How the envelope was made, where it was not in the usual way.
fn sealed(entry: &Value, header: &Header) -> Option<String> {
    let payload = entry.get("payload")?;
    let keys = payload.get("kids").and_then(Value::as_array).map_or(1, Vec::len);
    let is_kept = text(payload, "mode") == "kept";
    let ways = [
        (!text(payload, "kem").is_empty()).then(|| text(payload, "kem")),
        is_kept.then(|| "kept".to_owned()),
        (keys > 1).then(|| format!("to {keys} keys")),
        header.pad.then(|| "padded".to_owned()),
        header.re.is_some().then(|| "answer sealed".to_owned()),
    ];
    let ways: Vec<String> = ways.into_iter().flatten().collect();
    (!ways.is_empty()).then(|| format!("\nenvelope: {}", ways.join(", ")))
}

fn text(value: &Value, member: &str) -> String {
    value.get(member).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn members<'v>(value: &'v Value, member: &str) -> impl Iterator<Item = (&'v String, &'v Value)> {
    value.get(member).and_then(Value::as_object).into_iter().flatten()
}

/// The last name of a path.
fn last(path: &str) -> &str {
    let name = path.rsplit(['.', '[']).next().unwrap_or_default();
    name.trim_matches(['\'', ']'])
}

/// A text with its long secrets shortened: nobody reads those.
fn brief(text: &str) -> String {
    let is_of_secret = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let mut brief = String::new();
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(|c| !is_of_secret(c)).unwrap_or(rest.len());
        let (word, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
        match word.get(..8) {
            Some(beginning) if word.len() > SECRET_CHARS => brief.extend([beginning, "…"]),
            _ => brief.push_str(word),
        }
        let next = after.chars().next();
        brief.extend(next);
        rest = after.get(next.map_or(0, char::len_utf8)..).unwrap_or_default();
    }
    brief
}

/// Waits until a checkpoint covers the whole ledger: one is signed every second.
async fn signed(gateway: &Gateway) {
    let covered = || {
        let note = gateway.reader.latest_checkpoint().ok().flatten()?;
        note.lines().nth(1)?.parse::<u64>().ok()
    };
    for _ in 0..50 {
        if covered() == Some(gateway.reader.size()) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn verify(config_file: &Path) -> Result<bool, Fault> {
    let config = config(config_file)?;
    let key = ledger_key(&config)?.public().clone();
    let mut snapshot = sqlite::snapshot(&config.store)?;
    let published = std::fs::read_to_string(&config.checkpoint).ok();
    match audit(&mut *snapshot, Some(key), published.as_deref()) {
        Ok(report) => {
            say!("the ledger was re-derived from its stored bytes:");
            say!("{}", super::verify::sound(&report));
            Ok(true)
        }
        Err(unsound) => {
            say!("the ledger is NOT SOUND: {unsound}");
            Ok(false)
        }
    }
}

fn tell_how(dir: &Path, gateway: &Gateway) {
    let dir = dir.display();
    let (port, admin) = (gateway.address.port(), gateway.admin.port());
    say!(
        r#"
Send one of your own from a second terminal:

  curl --cacert {dir}/certificates/authority.pem \
       --cert {dir}/certificates/lms.pem --key {dir}/certificates/lms.key \
       --json '{{"learners":[{{"iin":"580101100015","family_name":"Сәрсенова","iban":"KZ00"}}]}}' \
       https://localhost:{port}/training-gb/enrolments

Withdraw that person's consent, then send it again:

  curl --json '{{"channel":"written"}}' \
       -H "Authorization: Bearer $(cat {dir}/keys/officer.token)" \
       http://localhost:{admin}/consents/01920000-0000-7000-8000-000000000002/withdraw

See what was decided for each field, by the id in `Otkel-Decision`, and check the ledger:

  curl -H "Authorization: Bearer $(cat {dir}/keys/officer.token)" \
       http://localhost:{admin}/decisions/ID
  otkel verify --config {dir}/gateway.toml

What a partner receives is shown here. Ctrl-C ends it."#
    );
}

/// Shows what partners receive until the person ends it.
async fn listen(mut heard: mpsc::UnboundedReceiver<Told>) {
    // What the sample sent was in the table.
    while heard.try_recv().is_ok() {}
    loop {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => return,
            told = heard.recv() => {
                let Some(told) = told else { return };
                super::mock::say(&told, false);
            }
        }
    }
}

fn line(cells: &[&str]) -> String {
    let cells: Vec<(usize, &str)> = WIDTHS.iter().copied().zip(cells.iter().copied()).collect();
    row(&cells)
}

/// Words longer than this are ciphertexts and pseudonyms.
const SECRET_CHARS: usize = 40;
// 110 columns: a terminal of usual width beside an editor.
const WIDTHS: [usize; 5] = [2, 36, 30, 34, 5];

#[cfg(test)]
mod tests {
    use super::{brief, last};

    #[test]
    fn only_long_words_are_shortened() {
        let secret = "T1RLMQEAAQl7InYiOjEsImRpZCI6IjAxYTIwNWJi";
        assert_eq!(brief(&format!("{{\"a\":\"{secret}x\"}}")), "{\"a\":\"T1RLMQEA…\"}");
        for text in ["", "Сәрсенова", secret, "a b\nc", "{\"iin\":\"580101100015\"}"] {
            assert_eq!(brief(text), text);
        }
    }

    #[test]
    fn a_path_is_shown_by_its_last_name() {
        let of = [("$.a.phone", "phone"), ("$[*]['Должность']", "Должность"), ("path.iin", "iin")];
        for (path, name) in of {
            assert_eq!(last(path), name);
        }
    }
}
