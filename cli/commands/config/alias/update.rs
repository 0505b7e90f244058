//! `mox config alias update`

use clap_complete::ArgValueCompleter;
use mox::addr::Address;
use mox::admin::Change;

use crate::args::DryRun;
use crate::commands::Run;
use crate::complete;
use crate::error::Error;

/// Change the settings of an alias; what is not named stays
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mox config alias update --post-public false team@example.org")]
#[group(id = "settings", required = true, multiple = true, args = ["post_public", "list_members", "allow_msg_from"])]
pub(crate) struct Args {
    /// Whether others than its members may send to it
    #[arg(long, value_name = "BOOL")]
    post_public: Option<bool>,

    /// Whether members see who else is one
    #[arg(long, value_name = "BOOL")]
    list_members: Option<bool>,

    /// Whether members may send as it
    #[arg(long, value_name = "BOOL")]
    allow_msg_from: Option<bool>,

    #[command(flatten)]
    dry_run: DryRun,

    /// The alias
    #[arg(add = ArgValueCompleter::new(complete::aliases))]
    alias: Address,
}

pub(crate) fn run(args: Args, run: &Run) -> Result<(), Error> {
    let change = Change::AliasUpdate {
        alias: args.alias,
        post_public: args.post_public,
        list_members: args.list_members,
        allow_msg_from: args.allow_msg_from,
    };
    run.change(&change, args.dry_run.dry_run)
}
