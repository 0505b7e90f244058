//! `mox sessions list`

use clap_complete::ArgValueCompleter;
use mox::ctl::SessionRow;

use crate::commands::{Run, local_time};
use crate::complete;
use crate::error::Error;

/// List the sessions in which somebody is logged in
///
/// The oldest connection first. Where no terminal reads it: id, protocol, account, login address, address
/// of the client, since when, TLS and the selected mailbox, tab-separated. Exits 5 if no server runs.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mox sessions list
  mox sessions list --account mox --json")]
pub(crate) struct Args {
    /// Only those of this account
    #[arg(long, add = ArgValueCompleter::new(complete::accounts))]
    account: Option<String>,
}

pub(crate) fn run(args: Args, run: &Run) -> Result<(), Error> {
    let sessions = run.server().sessions(args.account)?;
    let people = run.ui.for_people();
    let now = mox::clock::now();
    let cells = |row: &SessionRow| {
        vec![
            row.id.clone(),
            row.protocol.clone(),
            row.account.clone(),
            row.login_address.clone(),
            row.remote_ip.clone(),
            match people {
                true => local_time(&row.since, now),
                false => row.since.clone(),
            },
            row.tls.clone(),
            row.mailbox.clone(),
        ]
    };
    let rows: Vec<Vec<String>> = sessions.iter().map(cells).collect();
    let header = [
        "id", "protocol", "account", "login", "client", "since", "tls", "mailbox",
    ];
    run.ui.list(&header, &rows, &sessions)
}
