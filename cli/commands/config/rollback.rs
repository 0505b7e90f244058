//! `mox config rollback`

use clap_complete::ArgValueCandidates;
use mox::admin::Change;

use crate::args::DryRun;
use crate::commands::Run;
use crate::complete;
use crate::error::Error;

/// Make the configuration what it was in an earlier generation
///
/// The way out of a broken file: it need not be valid. What it holds and no generation has is kept beside
/// it, as mox.toml.replaced-N. Refused where the old text would not be valid today, or accounts exist that
/// it does not know; an account that was removed since comes back empty and without a password. On a
/// terminal it asks.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mox config rollback --dry-run 11
  mox config rollback --yes 11")]
pub(crate) struct Args {
    /// Do not ask
    #[arg(long)]
    yes: bool,

    #[command(flatten)]
    dry_run: DryRun,

    /// The generation, as `config history` lists it
    #[arg(value_name = "GEN", add = ArgValueCandidates::new(complete::generations))]
    generation: u64,
}

pub(crate) fn run(args: Args, run: &Run) -> Result<(), Error> {
    let generation = args.generation;
    run.confirm(
        &format!("Replace the configuration by that of generation {generation}?"),
        args.yes || args.dry_run.dry_run,
    )?;
    run.change(&Change::Rollback { generation }, args.dry_run.dry_run)
}
