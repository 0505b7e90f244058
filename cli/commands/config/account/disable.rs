//! `mox config account disable`

use clap_complete::ArgValueCompleter;
use mox::addr::AccountName;
use mox::admin::Change;
use mox::config::is_login_message;

use crate::args::DryRun;
use crate::commands::Run;
use crate::complete;
use crate::error::Error;

/// Stop the logins of an account
///
/// Who logs in with the right password sees the message; open sessions end with it. Mail to and from
/// the account flows as before.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mox config account disable alice \"moved, see https://example.org/moved\"")]
pub(crate) struct Args {
    #[command(flatten)]
    dry_run: DryRun,

    /// The account
    #[arg(add = ArgValueCompleter::new(complete::accounts))]
    account: AccountName,

    /// What people are told: 1 to 256 printable ASCII characters
    #[arg(value_parser = message)]
    message: String,
}

pub(crate) fn run(args: Args, run: &Run) -> Result<(), Error> {
    let change = Change::AccountSetLoginDisabled {
        account: args.account,
        message: args.message,
    };
    run.change(&change, args.dry_run.dry_run)
}

fn message(text: &str) -> Result<String, &'static str> {
    match !text.is_empty() && is_login_message(text) {
        true => Ok(text.to_owned()),
        false => Err("a message is 1 to 256 printable ASCII characters"),
    }
}
