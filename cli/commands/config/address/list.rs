//! `mox config address list`

use mox::ctl::{Answer, Query};

use crate::backend::wrong_answer;
use crate::commands::Run;
use crate::error::Error;

/// List the addresses of all accounts
///
/// Where no terminal reads it: address, account and mailbox, tab-separated.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mox config address list")]
pub(crate) struct Args {}

pub(crate) fn run(_args: Args, run: &Run) -> Result<(), Error> {
    let Answer::Addresses(addresses) = run.server().query(&Query::Addresses)? else {
        return Err(wrong_answer());
    };
    let rows: Vec<Vec<String>> = addresses
        .iter()
        .map(|row| {
            vec![
                row.address.clone(),
                row.account.clone(),
                row.mailbox.clone(),
            ]
        })
        .collect();
    run.ui
        .list(&["address", "account", "mailbox"], &rows, &addresses)
}
