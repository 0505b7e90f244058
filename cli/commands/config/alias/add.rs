//! `mox config alias add`

use clap_complete::ArgValueCompleter;
use mox::addr::Address;
use mox::admin::Change;
use mox::ctl::Query;

use crate::args::DryRun;
use crate::commands::{Run, Tolerate};
use crate::complete;
use crate::error::Error;

/// Add an alias: mail to it goes to all of its members
///
/// Anybody may send to it, until `mox config alias update --post-public false`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mox config alias add team@example.org alice@example.org bob@example.org")]
pub(crate) struct Args {
    /// Do nothing if the alias exists
    #[arg(long)]
    if_not_exists: bool,

    #[command(flatten)]
    dry_run: DryRun,

    /// The alias, at a domain that is hosted here
    alias: Address,

    /// Its members: addresses of accounts
    #[arg(required = true, value_name = "RCPT", add = ArgValueCompleter::new(complete::members))]
    members: Vec<Address>,
}

pub(crate) fn run(args: Args, run: &Run) -> Result<(), Error> {
    let tolerate = match args.if_not_exists {
        true => Tolerate::Presence(
            Query::Alias {
                alias: args.alias.to_string(),
            },
            |_, _| true,
            format!("alias exists already: {}", args.alias),
        ),
        false => Tolerate::Nothing,
    };
    let change = Change::AliasAdd {
        alias: args.alias,
        members: args.members,
    };
    run.change_unless(&change, args.dry_run.dry_run, tolerate)
}
