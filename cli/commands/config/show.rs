//! `mox config show`

use mox::ctl::{Answer, Query};

use crate::backend::wrong_answer;
use crate::commands::Run;
use crate::error::Error;

/// Print what holds: the configuration with all defaults filled in
///
/// That of the running server, or without one that of the file.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mox config show
  mox config show --json | jq .limits")]
pub(crate) struct Args {}

pub(crate) fn run(_args: Args, run: &Run) -> Result<(), Error> {
    let Answer::Config { toml, json } = run.server().query(&Query::Config)? else {
        return Err(wrong_answer());
    };
    run.ui.result(&toml, &json)
}
