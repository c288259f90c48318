//! `otkel partner`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use tokio::signal::unix::{SignalKind, signal};

use super::{Outcome, mock, runtime};
use crate::gateway::SystemClock;
use crate::partner::{Config, NoStart, Partner};
use crate::reason::Language;

/// The arguments of `otkel partner`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The configuration file.
    #[arg(long, value_name = "FILE", required_unless_present = "mock")]
    config: Option<PathBuf>,
    #[command(flatten)]
    mock: mock::Mock,
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    let config = arguments.config.as_deref().map(config).transpose()?;
    let config = match config {
        Some(config) if !arguments.mock.is_asked_for() => config,
        config => return mock::run(&arguments.mock, config),
    };
    runtime()?.block_on(async {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut reload = signal(SignalKind::hangup())?;
        let mut partner = Partner::start(config, Arc::new(SystemClock)).await?;
        let status = partner.status.map(|status| format!(", status on http://{status}"));
        say!("listening on https://{}{}", partner.address, status.unwrap_or_default());
        loop {
            tokio::select! {
                _ = terminate.recv() => break,
                _ = tokio::signal::ctrl_c() => break,
                _ = reload.recv() => tell(partner.reload().await),
            }
        }
        say!("stopping: messages under way are finished");
        partner.stop().await;
        Ok(ExitCode::SUCCESS)
    })
}

/// Says what came of a reload; the proxy goes on either way.
fn tell(reloaded: Result<(), NoStart>) {
    match reloaded {
        Ok(()) => say!("reloaded: keys and gateways are in force"),
        Err(why) => {
            tracing::error!("not reloaded, everything stays as it was");
            eprintln!("otkel: not reloaded: {}", super::told(&why, Language::En));
        }
    }
}

fn config(path: &Path) -> Result<Config, Box<dyn std::error::Error>> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| format!("`{}` cannot be read: {error}", path.display()))?;
    let folder = path.parent().map_or_else(PathBuf::new, Path::to_path_buf);
    let read = Config::read(&path.to_string_lossy(), &text, &folder);
    read.map_err(|wrong| NoStart::Config(wrong).into())
}
