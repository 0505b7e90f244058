//! `mox config account addresses`

use clap_complete::ArgValueCompleter;
use mox::addr::AccountName;
use mox::ctl::{Answer, Query};

use crate::backend::wrong_answer;
use crate::commands::Run;
use crate::complete;
use crate::error::Error;
use crate::ui::clean;

/// List the addresses of an account, one a line
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mox config account addresses alice")]
pub(crate) struct Args {
    /// The account
    #[arg(add = ArgValueCompleter::new(complete::accounts))]
    account: AccountName,
}

pub(crate) fn run(args: Args, run: &Run) -> Result<(), Error> {
    let account = args.account.to_string();
    let Answer::Account(account) = run.server().query(&Query::Account { account })? else {
        return Err(wrong_answer());
    };
    let addresses = &account.row.addresses;
    let text: String = addresses.iter().map(|a| clean(a) + "\n").collect();
    run.ui.result(&text, addresses)
}
