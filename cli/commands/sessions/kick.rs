//! `mox sessions kick`

use clap_complete::ArgValueCompleter;
use mox::ctl::Kick;
use serde_json::json;

use crate::commands::Run;
use crate::complete;
use crate::error::Error;

/// End sessions at once
///
/// Their clients are told that the administrator ended the session, and may log in again: `mox config
/// account disable` keeps them out. Exits 3 if there is no such session, 5 if no server runs.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mox sessions kick --account mox")]
pub(crate) struct Args {
    #[command(flatten)]
    whom: Whom,
}

#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct Whom {
    /// All sessions of this account; none is fine
    #[arg(long, add = ArgValueCompleter::new(complete::accounts))]
    account: Option<String>,

    /// The session of this id, as `mox sessions list` shows it
    #[arg(long)]
    id: Option<String>,
}

pub(crate) fn run(args: Args, run: &Run) -> Result<(), Error> {
    let kick = match args.whom {
        Whom { id: Some(id), .. } => Kick::Id(id),
        Whom { account, .. } => Kick::Account(account.unwrap_or_default()),
    };
    let kicked = run.server().kick(kick)?;
    let text = match kicked {
        1 => "1 session ended\n".to_owned(),
        n => format!("{n} sessions ended\n"),
    };
    run.ui.result(&text, &json!({"kicked": kicked}))
}
