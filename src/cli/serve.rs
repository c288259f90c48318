//! `otkel serve`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use tokio::signal::unix::{SignalKind, signal};

use super::{Outcome, config, runtime};
use crate::gateway::{Gateway, SystemClock};

/// The arguments of `otkel serve`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The configuration file.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    let config = config(&arguments.config)?;
    runtime()?.block_on(async {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut reload = signal(SignalKind::hangup())?;
        let gateway = Gateway::start(config, Arc::new(SystemClock)).await?;
        say!("listening on https://{}, admin on http://{}", gateway.address, gateway.admin);
        loop {
            tokio::select! {
                _ = terminate.recv() => break,
                _ = tokio::signal::ctrl_c() => break,
                _ = reload.recv() => {
                    let activation = gateway.activation.clone();
                    // What comes of it is told and recorded by the reload itself.
                    tokio::spawn(async move { activation.reload("signal").await });
                }
            }
        }
        say!("stopping: transfers under way are finished and settled");
        gateway.stop().await;
        Ok(ExitCode::SUCCESS)
    })
}
