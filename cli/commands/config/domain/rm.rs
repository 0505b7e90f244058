//! `mox config domain rm`

use clap_complete::ArgValueCompleter;
use mox::addr::Domain;
use mox::admin::Change;

use crate::args::DryRun;
use crate::commands::{Run, Tolerate};
use crate::complete;
use crate::error::Error;

/// Stop hosting a domain
///
/// Refused while accounts still have addresses at it: remove those first. On a terminal it asks.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mox config domain rm --dry-run example.net
  mox config domain rm --yes example.net")]
pub(crate) struct Args {
    /// Do nothing if the domain is not hosted here
    #[arg(long)]
    if_exists: bool,

    /// Do not ask
    #[arg(long)]
    yes: bool,

    #[command(flatten)]
    dry_run: DryRun,

    /// The domain
    #[arg(add = ArgValueCompleter::new(complete::domains))]
    domain: Domain,
}

pub(crate) fn run(args: Args, run: &Run) -> Result<(), Error> {
    let dry_run = args.dry_run.dry_run;
    run.confirm(
        &format!("Stop hosting domain {}?", args.domain),
        args.yes || dry_run,
    )?;
    let tolerate = match args.if_exists {
        true => Tolerate::Absence(format!("domain is not hosted here: {}", args.domain)),
        false => Tolerate::Nothing,
    };
    let change = Change::DomainRemove {
        domain: args.domain,
    };
    run.change_unless(&change, dry_run, tolerate)
}
