//! `mox config dkim sign`

use clap_complete::ArgValueCompleter;
use mox::addr::Domain;
use mox::admin::Change;

use crate::args::DryRun;
use crate::commands::Run;
use crate::complete;
use crate::error::Error;

/// Set which DKIM keys sign the mail of a domain
///
/// Those that are named sign from then on, all others do not.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mox config dkim sign example.org 2027a 2027b")]
pub(crate) struct Args {
    /// No key signs
    #[arg(long, conflicts_with = "selectors")]
    none: bool,

    #[command(flatten)]
    dry_run: DryRun,

    /// The domain
    #[arg(add = ArgValueCompleter::new(complete::domains))]
    domain: Domain,

    /// The names of the keys
    #[arg(required_unless_present = "none", value_name = "SELECTOR", add = ArgValueCompleter::new(complete::selectors))]
    selectors: Vec<String>,
}

pub(crate) fn run(args: Args, run: &Run) -> Result<(), Error> {
    let change = Change::DkimSign {
        domain: args.domain,
        selectors: args.selectors,
    };
    run.change(&change, args.dry_run.dry_run)
}
