//! `mox config account list`

use mox::ctl::{Answer, Query};

use crate::backend::wrong_answer;
use crate::commands::Run;
use crate::error::Error;

/// List the accounts
///
/// Where no terminal reads it: account, "disabled" or nothing, and the message of a disabled one,
/// tab-separated.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mox config account list
  mox config account list --json | jq -r '.[] | select(.quota == 0) | .account'")]
pub(crate) struct Args {}

pub(crate) fn run(_args: Args, run: &Run) -> Result<(), Error> {
    let Answer::Accounts(accounts) = run.server().query(&Query::Accounts)? else {
        return Err(wrong_answer());
    };
    let people = run.ui.for_people();
    let rows: Vec<Vec<String>> = accounts
        .iter()
        .map(|row| {
            let state = match row.login_disabled.is_empty() {
                true => "",
                false => "disabled",
            };
            let message = row.login_disabled.clone();
            let mut cells = vec![row.account.clone(), state.to_owned(), message];
            if people {
                cells.push(row.addresses.join(" "));
            }
            cells
        })
        .collect();
    let header = ["account", "state", "message", "addresses"];
    run.ui.list(&header, &rows, &accounts)
}
