//! `mox config tlspubkey`

mod r#gen;

use clap::Subcommand;

use crate::commands::Run;
use crate::error::Error;

/// Manage the keys of TLS client certificates, which log in without a password
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Gen(r#gen::Args),
}

pub(crate) fn run(args: Args, run: &Run) -> Result<(), Error> {
    match args.verb {
        Verb::Gen(args) => r#gen::run(args, run),
    }
}
