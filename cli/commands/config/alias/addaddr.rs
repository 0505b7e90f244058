//! `mox config alias addaddr`

use clap_complete::ArgValueCompleter;
use mox::addr::Address;
use mox::admin::Change;

use crate::args::DryRun;
use crate::commands::Run;
use crate::complete;
use crate::error::Error;

/// Give an alias more members
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mox config alias addaddr team@example.org carol@example.org")]
pub(crate) struct Args {
    /// Pass over those that are members already
    #[arg(long)]
    if_not_exists: bool,

    #[command(flatten)]
    dry_run: DryRun,

    /// The alias
    #[arg(add = ArgValueCompleter::new(complete::aliases))]
    alias: Address,

    /// The members: addresses of accounts
    #[arg(required = true, value_name = "RCPT", add = ArgValueCompleter::new(complete::members))]
    members: Vec<Address>,
}

pub(crate) fn run(args: Args, run: &Run) -> Result<(), Error> {
    let change = Change::AliasMembersAdd {
        alias: args.alias,
        members: args.members,
        if_not_exists: args.if_not_exists,
    };
    run.change(&change, args.dry_run.dry_run)
}
