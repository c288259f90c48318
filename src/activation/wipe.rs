//! Wipes what was kept of agreements with partners' keys, and the keys that answers were sealed to,
//! once their time is over.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{Activation, Inner};
use crate::proxy::ReplyKeys;

/// Looks for such once a second, as without a further message nothing else would.
pub async fn wipe(activation: Activation, replies: ReplyKeys, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(PERIOD) => {}
        }
        activation.0.wipe().await;
        replies.forget(activation.0.clock.now());
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
