//! `mox config account rm`

use std::thread;
use std::time::Duration;

use clap_complete::ArgValueCompleter;
use mox::addr::AccountName;
use mox::admin::{Change, Removal};
use mox::ctl::{Answer, Query};

use crate::args::DryRun;
use crate::backend::{is_not_found, wrong_answer};
use crate::commands::{Run, Tolerate};
use crate::complete;
use crate::error::Error;

/// Between two looks at what is left.
const PAUSE: Duration = Duration::from_millis(50);

/// Remove an account with all of its mail
///
/// Refused while others still refer to it: it is the postmaster, or the last member of an alias. Its
/// sessions end. On a terminal it asks.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mox config account rm --dry-run bob
  mox config account rm --wait --yes bob")]
pub(crate) struct Args {
    /// Do nothing if there is no such account
    #[arg(long)]
    if_exists: bool,

    /// Return when nothing is left of its mail, not as soon as it is removed
    #[arg(long, conflicts_with = "dry_run")]
    wait: bool,

    /// Do not ask
    #[arg(long)]
    yes: bool,

    #[command(flatten)]
    dry_run: DryRun,

    /// The account
    #[arg(add = ArgValueCompleter::new(complete::accounts))]
    account: AccountName,
}

pub(crate) fn run(args: Args, run: &Run) -> Result<(), Error> {
    let dry_run = args.dry_run.dry_run;
    run.confirm(
        &format!("Remove account {} with all of its mail?", args.account),
        args.yes || dry_run,
    )?;
    let tolerate = match args.if_exists {
        true => Tolerate::Absence(format!("there is no account {}", args.account)),
        false => Tolerate::Nothing,
    };
    let account = args.account.clone();
    let change = Change::AccountRemove {
        account: args.account,
    };
    match run.change_unless(&change, dry_run, tolerate) {
        Ok(()) => {}
        // What an earlier command began can be waited for.
        Err(error) => match args.wait && is_not_found(&error) && removal(run, &account)?.pending {
            true => {}
            false => return Err(error),
        },
    }
    match args.wait {
        true => wait(run, &account),
        false => Ok(()),
    }
}

/// Returns when nothing is left of the account.
fn wait(run: &Run, account: &AccountName) -> Result<(), Error> {
    let mut progress = run.ui.progress(&format!("removing the mail of {account}"));
    loop {
        let removal = removal(run, account)?;
        if !removal.pending {
            break;
        }
        if !removal.error.is_empty() {
            return Err(Error::Failed {
                message: format!("remove the mail of {account}: {}", removal.error),
                hint: "it is tried again when the server starts".to_owned(),
            });
        }
        progress.left(removal.bytes);
        thread::sleep(PAUSE);
    }
    drop(progress);
    match run.ui.json() {
        true => Ok(()),
        false => run
            .ui
            .result(&format!("nothing is left of account {account}\n"), &()),
    }
}

fn removal(run: &Run, account: &AccountName) -> Result<Removal, Error> {
    let query = Query::Removal {
        account: account.clone(),
    };
    match run.server().query(&query)? {
        Answer::Removal(removal) => Ok(removal),
        _ => Err(wrong_answer()),
    }
}
