//! `otkel partner --mock`.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{Outcome, runtime};
use crate::demo::trust;
use crate::demo::world::{Cast, GATEWAY, GATEWAY_CLIENT, Part, World};
use crate::diagnostic::{Diagnostics, Text};
use crate::gateway::SystemClock;
use crate::keyfile;
use crate::partner::mock::{self, MockPartner, Script, Setup, Told};
use crate::partner::{Config, Gateway, GatewayKeys, Trust, run};
use crate::signing::{BadSigningKey, VerifyKey};
use crate::time::Clock as _;
use crate::tls::{self, Identity};
use crate::vocabulary::Name;

/// The arguments of a mock partner.
#[derive(Debug, clap::Args)]
pub(super) struct Mock {
    /// Be a mock: answer by a script, or take everything without one.
    #[arg(id = "mock", long = "mock", value_name = "SCRIPT", num_args = 0..=1)]
    script: Option<Vec<PathBuf>>,
    /// Of a mock: where it listens.
    #[arg(long, value_name = "ADDRESS", requires = "mock")]
    listen: Option<SocketAddr>,
    /// Of a mock: print what it receives as lines of JSON.
    #[arg(long, requires = "mock")]
    json: bool,
    /// Of a mock without a configuration: its name in the gateway's rules.
    #[arg(long, default_value = "partner", conflicts_with = "config", value_parser = Name::parse)]
    name: Name,
    /// Of a mock without a configuration: its host there, with the port if that is not 443;
    /// `<name>.example` without it.
    #[arg(long, conflicts_with = "config")]
    host: Option<String>,
    /// Of a mock without a configuration: the folder for certificates and keys, which are made when
    /// they are not there.
    #[arg(long, value_name = "FOLDER", default_value = "otkel-mock", conflicts_with = "config")]
    dir: PathBuf,
    /// Of a mock without a configuration: the gateway's name.
    #[arg(long, default_value = GATEWAY, conflicts_with = "config")]
    gateway: String,
    /// Of a mock without a configuration: a public key that the gateway signs requests with.
    /// Without it signatures are not checked, and no streams are taken.
    #[arg(long, value_name = "BASE64", conflicts_with = "config", value_parser = key)]
    gateway_key: Vec<VerifyKey>,
}

impl Mock {
    /// Whether a mock is asked for.
    pub(super) const fn is_asked_for(&self) -> bool {
        self.script.is_some()
    }

    fn address(&self) -> SocketAddr {
        self.listen.unwrap_or(([127, 0, 0, 1], 9443).into())
    }
}

fn key(text: &str) -> Result<VerifyKey, BadSigningKey> {
    VerifyKey::parse(text)
}

/// Runs a mock until it is told to end.
pub(super) fn run(arguments: &Mock, config: Option<Config>) -> Outcome {
    let script = script(arguments.script.iter().flatten().next())?;
    runtime()?.block_on(async {
        let mut terminate = signal(SignalKind::terminate())?;
        let (tell, mut heard) = mpsc::unbounded_channel();
        let (setup, told) = match config {
            Some(config) => (configured(arguments, &config, script).await?, String::new()),
            None => made(arguments, script)?,
        };
        let name = setup.trust.name.clone();
        let stop = CancellationToken::new();
        let mock = MockPartner::start(Setup { tell: Some(tell), ..setup }, stop.clone()).await?;
        introduce(arguments, &format!("mock partner {name} at {}", mock.address));
        if !told.is_empty() {
            introduce(arguments, &told.replace("@ADDRESS@", &mock.address.to_string()));
        }
        introduce(arguments, "what it receives is shown here, until `Ctrl-C`");
        loop {
            tokio::select! {
                _ = terminate.recv() => break,
                _ = tokio::signal::ctrl_c() => break,
                told = heard.recv() => match told {
                    Some(told) => say(&told, arguments.json),
                    None => break,
                },
            }
        }
        stop.cancel();
        Ok(ExitCode::SUCCESS)
    })
}

/// Says what is not a message: beside the messages, where those are for programs.
fn introduce(arguments: &Mock, text: &str) {
    if arguments.json {
        eprintln!("{text}");
    } else {
        say!("{text}");
    }
}

/// Says what a mock partner tells.
pub(super) fn say(told: &Told, json: bool) {
    match told {
        Told::Received(received) if json => say!("{}", received.json()),
        Told::Received(received) => {
            let (header, text) = (&received.header, received.shown());
            let gap = if text.contains('\n') { '\n' } else { ' ' };
            say!("{} received for {}:{gap}{text}", header.aud, header.pur);
        }
        Told::Refused(refusal) => {
            let (code, title, cure) = (refusal.code(), refusal.title(), refusal.cure());
            eprintln!("refused {code}: {title}\n  help: {cure}");
        }
    }
}

fn script(path: Option<&PathBuf>) -> Result<Script, Box<dyn std::error::Error>> {
    let Some(path) = path else { return Ok(Script::default()) };
    let text = std::fs::read_to_string(path)
        .map_err(|error| format!("`{}` cannot be read: {error}", path.display()))?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let read = Script::read(&path.to_string_lossy(), &text, folder);
    Ok(read.map_err(Unread)?)
}

/// A mock with the keys and gateways of a receiver's configuration.
async fn configured(
    arguments: &Mock,
    config: &Config,
    script: Script,
) -> Result<Setup, Box<dyn std::error::Error>> {
    let clock = Arc::new(SystemClock);
    let identity = Identity::load(&config.certificate, &config.key)?;
    Ok(Setup {
        tls: tls::acceptor(&identity, &config.client_ca)?,
        trust: run::mock_trust(config, clock.now()).await?,
        script,
        listen: arguments.listen.unwrap_or(config.listen),
        clock,
        tell: None,
    })
}

/// A mock with certificates and keys of its own, and what a gateway must be told of them.
fn made(arguments: &Mock, script: Script) -> Result<(Setup, String), Box<dyn std::error::Error>> {
    let clock = Arc::new(SystemClock);
    let name = arguments.name.to_string();
    let host = arguments.host.clone().unwrap_or_else(|| format!("{name}.example"));
    let (host, port) = match host.split_once(':') {
        Some((host, port)) => {
            (host.to_owned(), port.parse().map_err(|_| "`--host` has no port behind its colon")?)
        }
        None => (host, 443),
    };
    let hosts = vec![(host.clone(), port)];
    let partner = Part { name: name.clone(), hosts, recipients: Vec::new() };
    let cast = Cast { partners: vec![partner], callers: Vec::new(), key_days: KEY_DAYS };
    let world = match World::open(&arguments.dir, cast.clone()) {
        Some(world) => world,
        None if arguments.dir.exists() => return Err(taken(arguments, &host, port).into()),
        None => World::make_for(&arguments.dir, clock.now(), cast)?,
    };
    let gateway = Gateway {
        name: arguments.gateway.clone(),
        certificate: GATEWAY_CLIENT.to_owned(),
        signed: !arguments.gateway_key.is_empty(),
        keys: GatewayKeys::Pinned(arguments.gateway_key.clone()),
    };
    let trust = Trust { gateways: vec![gateway], ..trust::of(&world, &name)? };
    let told = for_the_gateway(&world, &trust, (&host, port));
    let tls = mock::tls(&world.certificate_folder(), &name)?;
    let listen = arguments.address();
    Ok((Setup { tls, trust, script, listen, clock, tell: None }, told))
}

/// What must stand in the gateway's configuration.
fn for_the_gateway(world: &World, trust: &Trust, (host, port): (&str, u16)) -> String {
    let certificates = world.certificate_folder();
    let certificates = certificates.display();
    let identity = keyfile::identity_line(trust.identity.key());
    let list = world.partner_list(&trust.name);
    format!(
        r#"
for the configuration of the gateway:

[partner.{name}]
ca = "{certificates}/authority.pem"
certificate = "{certificates}/gateway-client.pem"
key = "{certificates}/gateway-client.key"
{identity}
keys = "{list}"

[resolve]
"{host}:{port}" = "@ADDRESS@"
"#,
        name = trust.name,
        list = list.display(),
    )
}

fn taken(arguments: &Mock, host: &str, port: u16) -> String {
    let (folder, name) = (arguments.dir.display(), &arguments.name);
    format!(
        "`{folder}` was not made for the partner `{name}` at `{host}:{port}`: give another \
         `--dir`, or the `--name` and `--host` that it was made for"
    )
}

/// A script that does not load.
#[derive(Debug, thiserror::Error)]
#[error("{UNREAD}\n{0}")]
pub(super) struct Unread(Diagnostics);

impl Unread {
    /// What was found, and the words before it.
    pub(super) fn diagnostics(&self) -> (Text, &Diagnostics) {
        (UNREAD.into(), &self.0)
    }
}

const UNREAD: &str = "the script does not load";
/// For how long the keys of a mock are valid.
const KEY_DAYS: i64 = 365;
