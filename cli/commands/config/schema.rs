//! `mox config schema`

use mox::config::reference;

use crate::commands::Run;
use crate::error::Error;

/// Print the JSON Schema of the configuration file, for editors
///
/// An editor with a TOML extension then completes keys, shows what they mean and underlines mistakes:
/// begin mox.toml with the line `#:schema ./mox.schema.json`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mox config schema > mox.schema.json")]
pub(crate) struct Args {}

pub(crate) fn run(_args: Args, run: &Run) -> Result<(), Error> {
    run.ui.document(&reference::schema())
}
