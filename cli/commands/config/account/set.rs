//! `mox config account set`

use clap_complete::{ArgValueCandidates, ArgValueCompleter};
use mox::addr::AccountName;
use mox::admin::Change;

use crate::args::DryRun;
use crate::commands::Run;
use crate::complete;
use crate::error::Error;

/// Set a plain key of an account
///
/// The keys are those of `[accounts.NAME]` in the configuration file that hold one value or a list of
/// texts; a list is written with spaces between its texts. An empty VALUE takes the key away, as
/// `--unset` does.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mox config account set alice quota 10GB
  mox config account set --unset alice quota")]
pub(crate) struct Args {
    /// Take the key away: its default holds
    #[arg(long, conflicts_with = "value")]
    unset: bool,

    #[command(flatten)]
    dry_run: DryRun,

    /// The account
    #[arg(add = ArgValueCompleter::new(complete::accounts))]
    account: AccountName,

    /// The key
    #[arg(add = ArgValueCandidates::new(complete::account_keys))]
    key: String,

    /// Its value
    #[arg(required_unless_present = "unset", allow_hyphen_values = true)]
    value: Option<String>,
}

pub(crate) fn run(args: Args, run: &Run) -> Result<(), Error> {
    let change = Change::AccountSet {
        account: args.account,
        key: args.key,
        value: args.value.filter(|value| !value.is_empty()),
    };
    run.change(&change, args.dry_run.dry_run)
}
