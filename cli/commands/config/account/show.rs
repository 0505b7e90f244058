//! `mox config account show`

use clap_complete::ArgValueCompleter;
use mox::addr::AccountName;
use mox::config::format_size;
use mox::ctl::{Answer, Query};

use crate::backend::wrong_answer;
use crate::commands::Run;
use crate::complete;
use crate::error::Error;

/// Show an account
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mox config account show alice")]
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
    let row = &account.row;
    let quota = match row.quota {
        0 => String::new(),
        bytes => format_size(bytes),
    };
    let password = if account.password { "set" } else { "not set" };
    let mut facts = vec![
        ("account", row.account.clone()),
        ("domain", row.domain.clone()),
        ("full name", account.full_name.clone()),
        ("login disabled", row.login_disabled.clone()),
        ("quota", quota),
        ("password", password.to_owned()),
    ];
    if !run.ui.for_people() {
        let destinations = account.destinations.iter();
        facts.extend(destinations.map(|d| ("address", format!("{} {}", d.address, d.mailbox))));
    }
    run.ui.facts(&facts, &account)?;
    let rows: Vec<Vec<String>> = account
        .destinations
        .iter()
        .map(|d| vec![d.address.clone(), d.mailbox.clone()])
        .collect();
    run.ui.table(&["address", "mailbox"], &rows)
}
