//! `mox config tlspubkey`

mod add;
mod get;
mod list;
mod rm;
mod update;
mod r#gen;

use clap::Subcommand;

use crate::commands::Run;
use crate::error::Error;

/// Manage TLS public keys, which log in instead of a password
///
/// A mail program that proves with its TLS client certificate that it has the private key is logged in
/// over IMAP and submission. Only the key counts, by its fingerprint: dates, names and issuers of
/// certificates do not.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    List(list::Args),
    Get(get::Args),
    Add(add::Args),
    Update(update::Args),
    Rm(rm::Args),
    Gen(r#gen::Args),
}

pub(crate) fn run(args: Args, run: &Run) -> Result<(), Error> {
    match args.verb {
        Verb::List(args) => list::run(args, run),
        Verb::Get(args) => get::run(args, run),
        Verb::Add(args) => add::run(args, run),
        Verb::Update(args) => update::run(args, run),
        Verb::Rm(args) => rm::run(args, run),
        Verb::Gen(args) => r#gen::run(args, run),
    }
}
