//! `mox config address`

mod account;
mod add;
mod list;
mod rm;

use clap::Subcommand;
use mox::config::model::AddressPattern;

use crate::commands::Run;
use crate::error::Error;

/// Manage the addresses of accounts
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    List(list::Args),
    Account(account::Args),
    Add(add::Args),
    Rm(rm::Args),
}

pub(crate) fn run(args: Args, run: &Run) -> Result<(), Error> {
    match args.verb {
        Verb::List(args) => list::run(args, run),
        Verb::Account(args) => account::run(args, run),
        Verb::Add(args) => add::run(args, run),
        Verb::Rm(args) => rm::run(args, run),
    }
}

/// An address, or @domain for all others at it.
fn pattern(text: &str) -> Result<String, String> {
    AddressPattern::parse(text)
        .map(|pattern| pattern.to_string())
        .map_err(|e| e.to_string())
}
