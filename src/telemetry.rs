//! What is logged and counted: one line a transfer, with fixed fields and never a personal value.

use std::io::IsTerminal as _;
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;
use tracing_subscriber::filter::{EnvFilter, FilterExt as _, filter_fn};
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;
use uuid::Uuid;

use crate::proxy::refusal::Refusal;
use crate::reason::Reason;
use crate::transfer::Known;

/// What is counted. Clones count together.
#[derive(Clone)]
pub struct Metrics {
    registry: Arc<Registry>,
    carried: Counter,
    refused: Family<Labels, Counter>,
    receipts: Family<Received, Counter>,
    seconds: Histogram,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Received {
    status: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    reason: Code,
}

/// A reason as a label: a closed list, so that nothing a caller sends can become one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Code(Reason);

impl EncodeLabelValue for Code {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), std::fmt::Error> {
        self.0.code().encode(encoder)
    }
}

impl Metrics {
    /// Counters at zero.
    #[must_use]
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("otkel");
        let carried = Counter::default();
        let refused = Family::<Labels, Counter>::default();
        let seconds = Histogram::new(exponential_buckets(0.0005, 2.0, 16));
        registry.register("transfers_carried", "Transfers a partner answered", carried.clone());
        registry.register("transfers_refused", "Transfers refused, by reason", refused.clone());
        let receipts = Family::<Received, Counter>::default();
        let help = "What partners signed of what they got, by status";
        registry.register("receipts", help, receipts.clone());
        registry.register("transfer_seconds", "Time of carried transfers", seconds.clone());
        Self { registry: Arc::new(registry), carried, refused, receipts, seconds }
    }

    /// Counts a transfer that a partner answered.
    pub fn carried(&self, took: Duration) {
        self.carried.inc();
        self.seconds.observe(took.as_secs_f64());
    }

    /// Counts a refusal.
    pub fn refused(&self, reason: Reason) {
        self.refused.get_or_create(&Labels { reason: Code(reason) }).inc();
    }

    /// Counts what came as a receipt, by its word.
    pub fn receipt(&self, status: &'static str) {
        self.receipts.get_or_create(&Received { status }).inc();
    }

    /// The counters in the `OpenMetrics` text format.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to memory cannot fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

/// The line of a transfer that a partner answered.
///
/// `receipt` is what came as the partner's receipt, in a word.
pub fn carried(
    did: Uuid,
    known: &Known,
    (status, receipt): (u16, Option<&'static str>),
    took: Duration,
) {
    tracing::info!(
        %did,
        decision = "carried",
        status,
        receipt,
        caller = known.caller.as_ref().map(tracing::field::display),
        route = known.route.as_ref().map(tracing::field::display),
        purpose = known.purpose.map(tracing::field::display),
        took_us = micros(took),
        "transfer"
    );
}

/// The line of a refused transfer.
pub fn refused(refusal: &Refusal, took: Duration) {
    let known = &refusal.known;
    tracing::info!(
        did = %refusal.did,
        decision = "refused",
        reason = refusal.reason.code(),
        caller = known.caller.as_ref().map(tracing::field::display),
        route = known.route.as_ref().map(tracing::field::display),
        purpose = known.purpose.map(tracing::field::display),
        took_us = micros(took),
        "transfer"
    );
}

/// Starts logging to standard error: `level` is a filter such as `info` or `otkel=debug`.
///
/// Only this program's own lines are written, whatever the filter asks for: libraries log headers
/// and names as they come, and those may be personal.
pub fn start(level: &str, json: bool) {
    let asked = EnvFilter::try_new(level).unwrap_or_else(|_| EnvFilter::new("info"));
    let ours = filter_fn(|line| line.target().split("::").next() == Some("otkel"));
    let lines = tracing_subscriber::fmt::layer()
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    let lines = if json { lines.json().boxed() } else { lines.boxed() };
    // A second start, as in tests, keeps the first.
    let _ = tracing_subscriber::registry().with(lines.with_filter(asked.and(ours))).try_init();
}

fn micros(took: Duration) -> u64 {
    u64::try_from(took.as_micros()).unwrap_or(u64::MAX)
}
