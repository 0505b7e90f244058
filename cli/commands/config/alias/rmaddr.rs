//! `mox config alias rmaddr`

use clap_complete::ArgValueCompleter;
use mox::addr::Address;
use mox::admin::Change;

use crate::args::DryRun;
use crate::commands::Run;
use crate::complete;
use crate::error::Error;

/// Take members from an alias
///
/// One has to stay: to remove the last, remove the alias.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mox config alias rmaddr team@example.org bob@example.org")]
pub(crate) struct Args {
    /// Pass over those that are no members
    #[arg(long)]
    if_exists: bool,

    #[command(flatten)]
    dry_run: DryRun,

    /// The alias
    #[arg(add = ArgValueCompleter::new(complete::aliases))]
    alias: Address,

    /// The members
    #[arg(required = true, value_name = "RCPT", add = ArgValueCompleter::new(complete::members))]
    members: Vec<Address>,
}

pub(crate) fn run(args: Args, run: &Run) -> Result<(), Error> {
    let change = Change::AliasMembersRemove {
        alias: args.alias,
        members: args.members,
        if_exists: args.if_exists,
    };
    run.change(&change, args.dry_run.dry_run)
}
