//! `mox explain rcpt`

use clap_complete::ArgValueCompleter;
use mox::ctl::Query;

use super::explain;
use crate::commands::Run;
use crate::complete;
use crate::error::Error;

/// Tell what another server is answered that has mail for an address
///
/// Whether it is accepted on port 25, for which account and mailbox, and by way of which alias, catchall
/// or separator. How full the mailbox is does not count.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mox explain rcpt alice@example.org
  mox explain rcpt --json postmaster")]
pub(crate) struct Args {
    /// The address, or postmaster
    #[arg(add = ArgValueCompleter::new(complete::addresses))]
    address: String,
}

pub(crate) fn run(args: Args, run: &Run) -> Result<(), Error> {
    let address = args.address;
    explain(run, &Query::ExplainRecipient { address })
}
