//! `mox config address rm`

use clap_complete::ArgValueCompleter;
use mox::admin::Change;

use super::pattern;
use crate::args::DryRun;
use crate::commands::{Run, Tolerate};
use crate::complete;
use crate::error::Error;

/// Take an address from its account
///
/// Mail to it is refused from then on; mail that came stays.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mox config address rm sales@example.org
  mox config address rm --if-exists @example.org")]
pub(crate) struct Args {
    /// Do nothing if no account has the address
    #[arg(long)]
    if_exists: bool,

    #[command(flatten)]
    dry_run: DryRun,

    /// The address, or @domain for a catchall
    #[arg(value_parser = pattern, add = ArgValueCompleter::new(complete::addresses))]
    address: String,
}

pub(crate) fn run(args: Args, run: &Run) -> Result<(), Error> {
    let tolerate = match args.if_exists {
        true => Tolerate::Absence(format!("no account has the address {}", args.address)),
        false => Tolerate::Nothing,
    };
    let change = Change::AddressRemove {
        address: args.address,
    };
    run.change_unless(&change, args.dry_run.dry_run, tolerate)
}
