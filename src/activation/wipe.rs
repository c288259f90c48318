//! Wipes what was kept of agreements with partners' keys, once its time is over.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{Activation, Inner};

/// Looks for such once a second, as without a further message nothing else would.
pub async fn wipe(activation: Activation, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(PERIOD) => {}
        }
        activation.0.wipe().await;
    }
}

impl Inner {
    async fn wipe(&self) {
        let (rules, now) = (self.in_force.now().await, self.clock.now());
        for kept in rules.kept.values() {
            kept.forget(now);
        }
    }
}

const PERIOD: Duration = Duration::from_secs(1);
