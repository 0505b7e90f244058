//! `mox config alias`

mod add;
mod addaddr;
mod list;
mod print;
mod rm;
mod rmaddr;
mod update;

use clap::Subcommand;

use crate::commands::Run;
use crate::error::Error;

/// Manage aliases: addresses with several members
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    List(list::Args),
    Print(print::Args),
    Add(add::Args),
    Update(update::Args),
    Rm(rm::Args),
    Addaddr(addaddr::Args),
    Rmaddr(rmaddr::Args),
}

pub(crate) fn run(args: Args, run: &Run) -> Result<(), Error> {
    match args.verb {
        Verb::List(args) => list::run(args, run),
        Verb::Print(args) => print::run(args, run),
        Verb::Add(args) => add::run(args, run),
        Verb::Update(args) => update::run(args, run),
        Verb::Rm(args) => rm::run(args, run),
        Verb::Addaddr(args) => addaddr::run(args, run),
        Verb::Rmaddr(args) => rmaddr::run(args, run),
    }
}
