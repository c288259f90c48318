//! What is logged and counted of messages: one line each, with fixed fields and never a value.

use std::sync::Arc;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;
use uuid::Uuid;

use super::refusal::Refusal;
use crate::signing::receipt::Status;

/// What is counted. Clones count together.
#[derive(Clone)]
pub struct Metrics {
    registry: Arc<Registry>,
    messages: Family<Labels, Counter>,
    seconds: Histogram,
}

/// A word of [`Status`] or a code of [`Refusal`]: a closed list, so that nothing a gateway sends
/// can become a label.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    result: &'static str,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("otkel_partner");
        let messages = Family::<Labels, Counter>::default();
        let seconds = Histogram::new(exponential_buckets(0.0005, 2.0, 16));
        registry.register("messages", "Requests of gateways, by result", messages.clone());
        registry.register("message_seconds", "Time of taken requests", seconds.clone());
        Self { registry: Arc::new(registry), messages, seconds }
    }
}

impl Metrics {
    /// The counters in the `OpenMetrics` text format.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to memory cannot fail.
        let _ = encode(&mut text, &self.registry);
        text
    }

    /// Counts and logs a request that the application replied to.
    pub(super) fn answered(&self, known: &Known, (result, status): (Status, u16), took: Duration) {
        self.messages.get_or_create(&Labels { result: result.word() }).inc();
        self.seconds.observe(took.as_secs_f64());
        tracing::info!(
            did = known.did.map(tracing::field::display),
            gateway = known.gateway.as_deref(),
            result = result.word(),
            status,
            took_us = micros(took),
            "message"
        );
    }

    /// Counts and logs a request that was refused, or that the application gave no reply to.
    pub(super) fn refused(&self, known: &Known, refusal: Refusal, took: Duration) {
        self.messages.get_or_create(&Labels { result: refusal.code() }).inc();
        tracing::info!(
            did = known.did.map(tracing::field::display),
            gateway = known.gateway.as_deref(),
            result = "refused",
            code = refusal.code(),
            status = refusal.status().as_u16(),
            took_us = micros(took),
            "message"
        );
    }
}

/// What is known of a request when it ends.
#[derive(Default)]
pub(super) struct Known {
    pub(super) did: Option<Uuid>,
    pub(super) gateway: Option<String>,
}

fn micros(took: Duration) -> u64 {
    u64::try_from(took.as_micros()).unwrap_or(u64::MAX)
}
