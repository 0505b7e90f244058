//! `mox config account add`

use mox::addr::{AccountName, Address};
use mox::admin::Change;
use mox::ctl::Query;

use crate::args::DryRun;
use crate::commands::{Run, Tolerate};
use crate::error::Error;

/// Add an account with its first address
///
/// Logins work once it has a password: `mox setaccountpassword ACCOUNT`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mox config account add alice alice@example.org")]
pub(crate) struct Args {
    /// Do nothing if the account exists
    #[arg(long)]
    if_not_exists: bool,

    #[command(flatten)]
    dry_run: DryRun,

    /// The account: a name of a folder
    account: AccountName,

    /// Its address, at a domain that is hosted here
    address: Address,
}

pub(crate) fn run(args: Args, run: &Run) -> Result<(), Error> {
    let name = args.account.to_string();
    let tolerate = match args.if_not_exists {
        true => Tolerate::Presence(
            Query::Account {
                account: name.clone(),
            },
            |_, _| true,
            format!("account exists already: {name}"),
        ),
        false => Tolerate::Nothing,
    };
    let change = Change::AccountAdd {
        account: args.account,
        address: args.address,
    };
    run.change_unless(&change, args.dry_run.dry_run, tolerate)
}
