//! `mox config reload`

use mox::admin::Change;

use crate::args::DryRun;
use crate::commands::Run;
use crate::error::Error;

/// Load the configuration file now
///
/// The server watches the file and loads it by itself; this waits until it is served, and tells what is
/// wrong with it otherwise. Certificates are read again too.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mox config reload")]
pub(crate) struct Args {
    #[command(flatten)]
    dry_run: DryRun,
}

pub(crate) fn run(args: Args, run: &Run) -> Result<(), Error> {
    run.change_with_diff(&Change::Adopt, args.dry_run.dry_run)
}
