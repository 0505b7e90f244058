//! `mox config domain enable`

use clap_complete::ArgValueCompleter;
use mox::addr::Domain;
use mox::admin::Change;

use crate::args::DryRun;
use crate::commands::Run;
use crate::complete;
use crate::error::Error;

/// Take mail that involves a domain again
///
/// Undoes `mox config domain disable`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mox config domain enable example.org")]
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
        disabled: false,
    };
    run.change(&change, args.dry_run.dry_run)
}
