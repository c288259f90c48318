//! Acts when the rule files change, once they have come to rest.
//!
//! An editor writes a file under another name and moves it, a copy comes file by file, a mounted
//! volume swaps a link: so two looks, a second apart, must agree before anything is read.

use std::path::PathBuf;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::Activation;
use super::folder::{self, Look};

/// Watches a folder and reloads the rules whenever it has changed and come to rest.
pub async fn watch(activation: Activation, folder: PathBuf, stop: CancellationToken) {
    let mut last = None;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(PERIOD) => {}
        }
        let folder = folder.clone();
        let look = tokio::task::spawn_blocking(move || folder::look(&folder).ok()).await;
        let look = look.ok().flatten();
        if is_new(look.as_ref(), last.as_ref(), activation.looked().as_ref()) {
            // What comes of it is told and recorded by the reload itself.
            let _ = activation.reload("file-change").await;
        }
        last = look;
    }
}

/// Whether a folder has come to rest in a state that nobody has tried to activate.
fn is_new(look: Option<&Look>, last: Option<&Look>, tried: Option<&Look>) -> bool {
    look.is_some() && look == last && look != tried
}

const PERIOD: Duration = Duration::from_secs(1);
