//! `mox config alias rm`

use clap_complete::ArgValueCompleter;
use mox::addr::Address;
use mox::admin::Change;

use crate::args::DryRun;
use crate::commands::{Run, Tolerate};
use crate::complete;
use crate::error::Error;

/// Remove an alias
///
/// Mail to it is refused from then on; its members keep their addresses.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mox config alias rm team@example.org")]
pub(crate) struct Args {
    /// Do nothing if there is no such alias
    #[arg(long)]
    if_exists: bool,

    #[command(flatten)]
    dry_run: DryRun,

    /// The alias
    #[arg(add = ArgValueCompleter::new(complete::aliases))]
    alias: Address,
}

pub(crate) fn run(args: Args, run: &Run) -> Result<(), Error> {
    let tolerate = match args.if_exists {
        true => Tolerate::Absence(format!("there is no alias {}", args.alias)),
        false => Tolerate::Nothing,
    };
    let change = Change::AliasRemove { alias: args.alias };
    run.change_unless(&change, args.dry_run.dry_run, tolerate)
}
