//! `mox config describe`

use mox::config::reference;

use crate::commands::Run;
use crate::error::Error;

/// Print the reference of the configuration file: every key with what it means
///
/// The text is a valid mox.toml in which most keys are switched off: a start for a file of one's own.
/// With --json, a list of all keys with type, default and description.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mox config describe > reference.toml")]
pub(crate) struct Args {}

pub(crate) fn run(_args: Args, run: &Run) -> Result<(), Error> {
    match run.ui.json() {
        true => run.ui.result("", &reference::list()),
        false => run.ui.result(&reference::describe(), &()),
    }
}
