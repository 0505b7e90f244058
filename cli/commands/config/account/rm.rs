//! `mox config account rm`

use clap_complete::ArgValueCandidates;
use mox::addr::AccountName;
use mox::admin::Change;

use crate::args::DryRun;
use crate::commands::{Run, Tolerate};
use crate::complete;
use crate::error::Error;

/// Remove an account with all of its mail
///
/// Refused while others still refer to it: it is the postmaster, or the last member of an alias. Its
/// sessions end. On a terminal it asks.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Do nothing if there is no such account
    #[arg(long)]
    if_exists: bool,

    /// Do not ask
    #[arg(long)]
    yes: bool,

    #[command(flatten)]
    dry_run: DryRun,

    /// The account
    #[arg(add = ArgValueCandidates::new(complete::accounts))]
    account: AccountName,
}

pub(crate) fn run(args: Args, run: &Run) -> Result<(), Error> {
    let dry_run = args.dry_run.dry_run;
    run.confirm(
        &format!("Remove account {} with all of its mail?", args.account),
        args.yes || dry_run,
    )?;
    let tolerate = match args.if_exists {
        true => Tolerate::Absence(format!("there is no account {}", args.account)),
        false => Tolerate::Nothing,
    };
    let change = Change::AccountRemove {
        account: args.account,
    };
    run.change_unless(&change, dry_run, tolerate)
}
