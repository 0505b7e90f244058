//! `mox config domain disable`

use clap_complete::ArgValueCompleter;
use mox::addr::Domain;
use mox::admin::Change;

use crate::args::DryRun;
use crate::commands::Run;
use crate::complete;
use crate::error::Error;

/// Refuse mail that involves a domain for now
///
/// Mail to it and from it is answered with a temporary failure, so that the other side tries again, by
/// then perhaps at another machine. Logins and stored mail are not touched.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mox config domain disable example.org")]
pub(crate) struct Args {
    #[command(flatten)]
    dry_run: DryRun,

    /// The domain
    #[arg(add = ArgValueCompleter::new(complete::domains))]
    domain: Domain,
}

pub(crate) fn run(args: Args, run: &Run) -> Result<(), Error> {
    let change = Change::DomainSetDisabled {
        domain: args.domain,
        disabled: true,
    };
    run.change(&change, args.dry_run.dry_run)
}
