//! `mox explain sender`

use clap_complete::ArgValueCompleter;
use mox::ctl::Query;

use super::explain;
use crate::commands::Run;
use crate::complete;
use crate::error::Error;

/// Tell whether an account may send mail from an address
///
/// As MAIL FROM and as the From field of a message that it submits.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mox explain sender alice@example.org
  mox explain sender --account alice sales@example.org")]
pub(crate) struct Args {
    /// Who sends; by default the account whose address it is, or the first member of an alias
    #[arg(long, value_name = "A", add = ArgValueCompleter::new(complete::accounts))]
    account: Option<String>,

    /// The address
    #[arg(add = ArgValueCompleter::new(complete::addresses))]
    address: String,
}

pub(crate) fn run(args: Args, run: &Run) -> Result<(), Error> {
    let query = Query::ExplainSender {
        address: args.address,
        account: args.account,
    };
    explain(run, &query)
}
