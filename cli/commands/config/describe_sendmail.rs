//! `mox config describe-sendmail`

use mox::config::reference;
use serde_json::json;

use crate::commands::Run;
use crate::error::Error;

/// Print the reference of sendmail.toml, the file of `mox sendmail`
///
/// The text is a valid file in which most keys are switched off: a start for a file of one's own.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mox config describe-sendmail > ~/.config/mox/sendmail.toml")]
pub(crate) struct Args {}

pub(crate) fn run(_args: Args, run: &Run) -> Result<(), Error> {
    let text = reference::describe_submission();
    run.ui.result(&text, &json!({"reference": text}))
}
