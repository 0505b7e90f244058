//! `mox config address add`

use clap_complete::ArgValueCompleter;
use mox::addr::AccountName;
use mox::admin::Change;
use mox::ctl::{Answer, Query};

use super::pattern;
use crate::args::DryRun;
use crate::commands::{Run, Tolerate};
use crate::complete;
use crate::error::Error;

/// Give an account another address
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mox config address add sales@example.org alice
  mox config address add @example.org alice")]
pub(crate) struct Args {
    /// Do nothing if the account has the address
    #[arg(long)]
    if_not_exists: bool,

    #[command(flatten)]
    dry_run: DryRun,

    /// The address, or @domain for what no other address of the domain takes
    #[arg(value_parser = pattern)]
    address: String,

    /// The account
    #[arg(add = ArgValueCompleter::new(complete::accounts))]
    account: AccountName,
}

pub(crate) fn run(args: Args, run: &Run) -> Result<(), Error> {
    let tolerate = match args.if_not_exists {
        true => Tolerate::Presence(
            Query::AddressOwner {
                address: args.address.clone(),
            },
            has_it,
            format!(
                "account {} has the address already: {}",
                args.account, args.address
            ),
        ),
        false => Tolerate::Nothing,
    };
    let change = Change::AddressAdd {
        address: args.address,
        account: args.account,
    };
    run.change_unless(&change, args.dry_run.dry_run, tolerate)
}

/// Whether the very account has the address, and not by a catchall.
fn has_it(answer: &Answer, change: &Change) -> bool {
    match (answer, change) {
        (Answer::AddressOwner(owner), Change::AddressAdd { address, account }) => {
            owner.account == account.as_str() && owner.catchall == address.starts_with('@')
        }
        _ => false,
    }
}
