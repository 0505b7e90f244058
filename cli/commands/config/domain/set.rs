//! `mox config domain set`

use clap_complete::{ArgValueCandidates, ArgValueCompleter};
use mox::addr::Domain;
use mox::admin::Change;

use crate::args::DryRun;
use crate::commands::Run;
use crate::complete;
use crate::error::Error;

/// Set a plain key of a domain
///
/// The keys are those of `[domains.NAME]` in the configuration file that hold one value or a list of
/// texts; a list is written with spaces between its texts. An empty VALUE takes the key away, as
/// `--unset` does.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mox config domain set example.org localpart_catchall_separators '+ -'
  mox config domain set example.org client_settings_domain mail.example.org")]
pub(crate) struct Args {
    /// Take the key away: its default holds
    #[arg(long, conflicts_with = "value")]
    unset: bool,

    #[command(flatten)]
    dry_run: DryRun,

    /// The domain
    #[arg(add = ArgValueCompleter::new(complete::domains))]
    domain: Domain,

    /// The key
    #[arg(add = ArgValueCandidates::new(complete::domain_keys))]
    key: String,

    /// Its value
    #[arg(required_unless_present = "unset", allow_hyphen_values = true)]
    value: Option<String>,
}

pub(crate) fn run(args: Args, run: &Run) -> Result<(), Error> {
    let change = Change::DomainSet {
        domain: args.domain,
        key: args.key,
        value: args.value.filter(|value| !value.is_empty()),
    };
    run.change(&change, args.dry_run.dry_run)
}
