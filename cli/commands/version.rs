//! `mox version`

use serde_json::json;

use super::Run;
use crate::error::Error;

/// Print the version of this program
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mox version")]
pub(crate) struct Args {}

pub(crate) fn run(_args: Args, run: &Run) -> Result<(), Error> {
    let version = env!("CARGO_PKG_VERSION");
    run.ui
        .result(&format!("mox {version}\n"), &json!({"version": version}))
}
