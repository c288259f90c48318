//! The whole path beside its peers: CPU time per request, on loopback, in alternating rounds.
//!
//! `cargo bench --bench path` starts a mock partner, nginx as a plain TLS proxy, nginx with a Lua
//! script that redacts, and Otkel with everything on; drives each in turn with the same requests
//! from 64 keep-alive connections; and prints what each costs, next to nginx in the same round.
//! `benches/README.md` says how to read it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a bench")]
#![allow(clippy::panic, clippy::print_stdout, clippy::print_stderr, reason = "a bench")]
#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "sizes and times of a bench are far below 2^52"
)]

mod document;
mod load;
mod nginx;
mod otkel;
mod partner;
mod report;
mod running;
mod world;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Parser as _;

use crate::document::{People, Size};
use crate::partner::Arrival;
use crate::report::{Report, Round};
use crate::running::Running;
use crate::world::World;

/// Measures Otkel beside its peers.
#[derive(clap::Parser)]
struct Options {
    /// Seconds in a round.
    #[arg(long, env = "OTKEL_BENCH_SECONDS", default_value_t = 4.0)]
    seconds: f64,
    /// Rounds for each peer and size.
    #[arg(long, env = "OTKEL_BENCH_ROUNDS", default_value_t = 3)]
    rounds: usize,
    /// Keep-alive connections.
    #[arg(long, env = "OTKEL_BENCH_CONNECTIONS", default_value_t = 64)]
    connections: usize,
    /// Body sizes: `2k`, `64k`, `1m`.
    #[arg(long, env = "OTKEL_BENCH_SIZES", value_delimiter = ',', default_value = "2k,64k,1m")]
    sizes: Vec<Size>,
    /// Consents in Otkel's store, of as many people; one Otkel is started for each number.
    #[arg(long, env = "OTKEL_BENCH_CONSENTS", value_delimiter = ',', default_values_t = [PEOPLE])]
    consents: Vec<usize>,
    /// What to measure: `nginx`, `lua`, `otkel`, `kept`.
    #[arg(
        long,
        env = "OTKEL_BENCH_PEERS",
        value_delimiter = ',',
        default_value = "nginx,lua,otkel"
    )]
    peers: Vec<Peer>,
    /// A file for the rounds and medians as JSON.
    #[arg(long, env = "OTKEL_BENCH_JSON")]
    json: Option<PathBuf>,
    /// Given by `cargo bench`; without it, as under `cargo test`, nothing is measured.
    #[arg(long, hide = true)]
    bench: bool,
}

/// What can stand between the caller and the partner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Peer {
    /// nginx, TLS to TLS and nothing else.
    Nginx,
    /// nginx with Lua and cjson: the allow-list only.
    Lua,
    /// Otkel with everything on.
    Otkel,
    /// The same, where one agreement with the partner's key serves for many messages.
    Kept,
}

fn main() {
    let options = Options::parse();
    if !options.bench {
        println!("nothing measured; run `cargo bench --bench path`");
        return;
    }
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(measure(&options));
}

async fn measure(options: &Options) {
    let world = World::new().await;
    let contenders: Vec<Contender> = options
        .peers
        .iter()
        .flat_map(|peer| peer.numbers(&options.consents).iter().map(|number| (*peer, *number)))
        .filter_map(|(peer, number)| Contender::start(peer, number, &world))
        .collect();
    let mut report = Report::default();
    for size in &options.sizes {
        for round in 1..=options.rounds {
            for contender in &contenders {
                let plan = load::Plan {
                    address: contender.running.address(),
                    connections: options.connections,
                    duration: Duration::from_secs_f64(options.seconds),
                    documents: Arc::new(contender.people.documents(*size)),
                };
                let round = run(&world, contender, (*size, round), plan).await;
                eprintln!("{round}");
                report.add(round);
            }
        }
    }
    println!("{report}");
    if let Some(path) = &options.json {
        std::fs::write(path, report.json()).unwrap();
    }
}

/// A peer that runs, and the people that it is asked about.
struct Contender {
    name: String,
    peer: Peer,
    people: Arc<People>,
    running: Running,
}

impl Contender {
    /// Starts a peer, or says why it cannot be measured.
    fn start(peer: Peer, consents: usize, world: &World) -> Option<Self> {
        let people = Arc::new(People::new(consents));
        let name = match (peer, consents) {
            (Peer::Otkel | Peer::Kept, PEOPLE) | (Peer::Nginx | Peer::Lua, _) => peer.to_string(),
            (Peer::Otkel | Peer::Kept, consents) => format!("{peer}/{consents}"),
        };
        let binary = Path::new(env!("CARGO_BIN_EXE_otkel"));
        let started = match peer {
            Peer::Nginx => nginx::start(world, nginx::Task::Forward),
            Peer::Lua => nginx::start(world, nginx::Task::Redact),
            Peer::Otkel => otkel::start(world, &people, binary, ""),
            Peer::Kept => otkel::start(world, &people, binary, otkel::KEPT),
        };
        let running = started.map_err(|reason| eprintln!("{name}: not measured: {reason}")).ok()?;
        Some(Self { name, peer, people, running })
    }
}

/// One round: a peer is loaded, and its answers and what the partner received are checked.
async fn run(
    world: &World,
    contender: &Contender,
    (size, number): (Size, usize),
    plan: load::Plan,
) -> Round {
    let (peer, running) = (contender.peer, &contender.running);
    let ready = load::warm_up(world, &plan).await;
    world.partner.forget();
    let before = running.cpu();
    let load = ready.run(plan.duration).await;
    let cpu = running.cpu().saturating_sub(before);
    let received = world.partner.received();
    let fault = load.fault().or_else(|| received.fault(load.completed(), peer.arrival()));
    let (name, resident) = (contender.name.clone(), running.resident());
    Round { peer: name, size, number, cpu, resident, received, load, fault }
}

impl Peer {
    /// The numbers of consents to start it with: to all but Otkel they say nothing.
    fn numbers(self, consents: &[usize]) -> &[usize] {
        if matches!(self, Self::Otkel | Self::Kept) { consents } else { &[PEOPLE] }
    }

    /// What its partner must receive.
    fn arrival(self) -> Arrival {
        match self {
            Self::Nginx => Arrival::Whole,
            Self::Lua => Arrival::Redacted,
            Self::Otkel | Self::Kept => Arrival::Sealed,
        }
    }
}

impl std::fmt::Display for Peer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Nginx => "nginx",
            Self::Lua => "nginx+lua",
            Self::Otkel => "otkel",
            Self::Kept => "otkel+kept",
        })
    }
}

/// How many people documents speak of, unless Otkel is to know more.
const PEOPLE: usize = 4000;
