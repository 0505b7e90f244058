//! `mox config alias list`

use clap_complete::ArgValueCompleter;
use mox::addr::Domain;
use mox::ctl::{Answer, Query};

use crate::backend::wrong_answer;
use crate::commands::Run;
use crate::complete;
use crate::error::Error;

/// List the aliases of a domain
///
/// Where no terminal reads it: their addresses, one a line.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mox config alias list example.org")]
pub(crate) struct Args {
    /// The domain
    #[arg(add = ArgValueCompleter::new(complete::domains))]
    domain: Domain,
}

pub(crate) fn run(args: Args, run: &Run) -> Result<(), Error> {
    let domain = args.domain.to_string();
    let Answer::Aliases(aliases) = run.server().query(&Query::Aliases { domain })? else {
        return Err(wrong_answer());
    };
    let people = run.ui.for_people();
    let rows: Vec<Vec<String>> = aliases
        .iter()
        .map(|row| {
            let mut cells = vec![row.alias.clone()];
            if people {
                let post = if row.post_public {
                    "anybody"
                } else {
                    "members"
                };
                cells.extend([post.to_owned(), row.addresses.join(" ")]);
            }
            cells
        })
        .collect();
    run.ui
        .list(&["alias", "open to", "members"], &rows, &aliases)
}
