//! `mox explain login`

use clap_complete::ArgValueCompleter;
use mox::ctl::Query;

use super::explain;
use crate::commands::Run;
use crate::complete;
use crate::error::Error;

/// Tell what a login with an address and the right password is answered
///
/// In SMTP's words; IMAP and the web pages decide alike. How many logins failed lately does not count.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mox explain login alice@example.org")]
pub(crate) struct Args {
    /// The address that stands for the user
    #[arg(add = ArgValueCompleter::new(complete::addresses))]
    address: String,
}

pub(crate) fn run(args: Args, run: &Run) -> Result<(), Error> {
    let address = args.address;
    explain(run, &Query::ExplainLogin { address })
}
