//! `mox config address account`

use clap_complete::ArgValueCompleter;
use mox::ctl::{Answer, Query};

use super::pattern;
use crate::backend::wrong_answer;
use crate::commands::Run;
use crate::complete;
use crate::error::Error;
use crate::ui::clean;

/// Print the account that an address belongs to
///
/// Catchall separators, case and catchall addresses count as they do for mail.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mox config address account sales@example.org")]
pub(crate) struct Args {
    /// The address, or @domain for a catchall
    #[arg(value_parser = pattern, add = ArgValueCompleter::new(complete::addresses))]
    address: String,
}

pub(crate) fn run(args: Args, run: &Run) -> Result<(), Error> {
    let address = args.address;
    let Answer::AddressOwner(owner) = run.server().query(&Query::AddressOwner { address })? else {
        return Err(wrong_answer());
    };
    run.ui
        .result(&format!("{}\n", clean(&owner.account)), &owner)
}
