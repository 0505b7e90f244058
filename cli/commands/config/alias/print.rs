//! `mox config alias print`

use clap_complete::ArgValueCompleter;
use mox::addr::Address;
use mox::ctl::{Answer, Query};

use crate::backend::wrong_answer;
use crate::commands::Run;
use crate::complete;
use crate::error::Error;
use crate::ui::clean;

/// Print the settings and members of an alias
///
/// The settings are lines that begin with `#`, the members follow, one a line.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mox config alias print team@example.org")]
pub(crate) struct Args {
    /// The alias
    #[arg(add = ArgValueCompleter::new(complete::aliases))]
    alias: Address,
}

pub(crate) fn run(args: Args, run: &Run) -> Result<(), Error> {
    let alias = args.alias.to_string();
    let Answer::Alias(alias) = run.server().query(&Query::Alias { alias })? else {
        return Err(wrong_answer());
    };
    let mut text = String::new();
    for (key, value) in [
        ("post_public", alias.post_public),
        ("list_members", alias.list_members),
        ("allow_msg_from", alias.allow_msg_from),
    ] {
        text.push_str(&format!("# {key} {value}\n"));
    }
    for address in &alias.addresses {
        text.push_str(&format!("{}\n", clean(address)));
    }
    run.ui.result(&text, &alias)
}
