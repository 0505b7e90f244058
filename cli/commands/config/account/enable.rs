//! `mox config account enable`

use clap_complete::ArgValueCompleter;
use mox::addr::AccountName;
use mox::admin::Change;

use crate::args::DryRun;
use crate::commands::Run;
use crate::complete;
use crate::error::Error;

/// Allow the logins of an account again
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mox config account enable alice")]
pub(crate) struct Args {
    #[command(flatten)]
    dry_run: DryRun,

    /// The account
    #[arg(add = ArgValueCompleter::new(complete::accounts))]
    account: AccountName,
}

pub(crate) fn run(args: Args, run: &Run) -> Result<(), Error> {
    let change = Change::AccountSetLoginDisabled {
        account: args.account,
        message: String::new(),
    };
    run.change(&change, args.dry_run.dry_run)
}
