//! `mox sessions`

mod kick;
mod list;

use clap::Subcommand;

use super::Run;
use crate::error::Error;

/// See who is logged in, and end sessions
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    List(list::Args),
    Kick(kick::Args),
}

pub(crate) fn run(args: Args, run: &Run) -> Result<(), Error> {
    match args.verb {
        Verb::List(args) => list::run(args, run),
        Verb::Kick(args) => kick::run(args, run),
    }
}
