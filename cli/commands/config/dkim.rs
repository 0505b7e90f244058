//! `mox config dkim`

mod add;
mod list;
mod rm;
mod sign;

use clap::Subcommand;

use crate::commands::Run;
use crate::error::Error;

/// Manage the DKIM keys of a domain
///
/// To change keys: add one, publish its record, let it sign, and remove the old one some days later.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    List(list::Args),
    Add(add::Args),
    Rm(rm::Args),
    Sign(sign::Args),
}

pub(crate) fn run(args: Args, run: &Run) -> Result<(), Error> {
    match args.verb {
        Verb::List(args) => list::run(args, run),
        Verb::Add(args) => add::run(args, run),
        Verb::Rm(args) => rm::run(args, run),
        Verb::Sign(args) => sign::run(args, run),
    }
}
