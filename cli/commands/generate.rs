//! `mox util`: what is made from the grammar and kept in the repository. Hidden: only the tests and
//! who changes a command need it.

mod completions;
mod man;
mod page;

use clap::Subcommand;

use super::Run;
use crate::error::Error;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    Man(man::Args),
    Completions(completions::Args),
}

pub(crate) fn run(args: Args, run: &Run) -> Result<(), Error> {
    match args.what {
        What::Man(args) => man::run(args, run),
        What::Completions(args) => completions::run(args, run),
    }
}
