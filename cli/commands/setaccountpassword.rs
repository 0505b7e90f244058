//! `mox setaccountpassword`

use clap_complete::ArgValueCompleter;
use mox::addr::AccountName;
use mox::admin::{Change, Secret};
use mox::ctl::Query;

use super::Run;
use crate::complete;
use crate::error::Error;

/// Set the password of an account
///
/// On a terminal it is asked for; else it is the first line of stdin. Open sessions that logged in with
/// the password before end.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mox setaccountpassword alice
  openssl rand -base64 24 | mox setaccountpassword alice")]
pub(crate) struct Args {
    /// The account
    #[arg(add = ArgValueCompleter::new(complete::accounts))]
    account: AccountName,
}

pub(crate) fn run(args: Args, run: &Run) -> Result<(), Error> {
    if run.ui.can_ask() {
        // Before somebody types a password for nobody.
        run.server().query(&Query::Account {
            account: args.account.to_string(),
        })?;
    }
    let password = run.ui.new_password(&format!("account {}", args.account))?;
    let change = Change::PasswordSet {
        account: args.account,
        password: Secret(password),
    };
    run.change(&change, false)
}
