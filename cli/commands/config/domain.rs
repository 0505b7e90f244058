//! `mox config domain`

mod add;
mod disable;
mod enable;
mod list;
mod rm;
mod set;
mod show;

use clap::Subcommand;

use crate::commands::Run;
use crate::error::Error;

/// Manage the domains that are hosted here
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    List(list::Args),
    Show(show::Args),
    Add(add::Args),
    Set(set::Args),
    Rm(rm::Args),
    Disable(disable::Args),
    Enable(enable::Args),
}

pub(crate) fn run(args: Args, run: &Run) -> Result<(), Error> {
    match args.verb {
        Verb::List(args) => list::run(args, run),
        Verb::Show(args) => show::run(args, run),
        Verb::Add(args) => add::run(args, run),
        Verb::Set(args) => set::run(args, run),
        Verb::Rm(args) => rm::run(args, run),
        Verb::Disable(args) => disable::run(args, run),
        Verb::Enable(args) => enable::run(args, run),
    }
}
