//! `mox stop`

use std::time::Duration;

use serde_json::json;

use super::Run;
use crate::error::Error;

/// Stop the running server
///
/// Ports are closed, sessions are told, mail that is being written is finished. Returns when the server
/// has ended. Exits 5 if none runs.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mox stop")]
pub(crate) struct Args {}

/// The daemon itself waits 5 s at most for its sessions.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn run(_args: Args, run: &Run) -> Result<(), Error> {
    let pid = run.server().stop(PATIENCE)?;
    run.ui.result(
        &format!("stopped: process {pid}\n"),
        &json!({"stopped": true, "pid": pid}),
    )
}
