//! `mox config dkim rm`

use clap_complete::ArgValueCompleter;
use mox::addr::Domain;
use mox::admin::Change;

use crate::args::DryRun;
use crate::commands::{Run, Tolerate};
use crate::complete;
use crate::error::Error;

/// Remove a DKIM key from a domain
///
/// Refused while it signs. The file of the key stays: a rollback needs it, and its record should be
/// public until mail that it signed has arrived.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mox config dkim rm --if-exists example.org 2025a")]
pub(crate) struct Args {
    /// Do nothing if there is no such domain or key
    #[arg(long)]
    if_exists: bool,

    #[command(flatten)]
    dry_run: DryRun,

    /// The domain
    #[arg(add = ArgValueCompleter::new(complete::domains))]
    domain: Domain,

    /// The name of the key
    #[arg(add = ArgValueCompleter::new(complete::selectors))]
    selector: String,
}

pub(crate) fn run(args: Args, run: &Run) -> Result<(), Error> {
    let tolerate = match args.if_exists {
        true => Tolerate::Absence(format!(
            "domain {} has no DKIM key {}",
            args.domain, args.selector
        )),
        false => Tolerate::Nothing,
    };
    let change = Change::DkimRemove {
        domain: args.domain,
        selector: args.selector,
    };
    run.change_unless(&change, args.dry_run.dry_run, tolerate)
}
