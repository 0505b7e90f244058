//! `mox config domain list`

use mox::ctl::{Answer, Query};

use crate::backend::wrong_answer;
use crate::commands::Run;
use crate::error::Error;

/// List the domains
///
/// Where no terminal reads it: domain, and "disabled" or nothing, tab-separated.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mox config domain list
  mox config domain list --json | jq -r '.[] | select(.accounts == 0) | .domain'")]
pub(crate) struct Args {}

pub(crate) fn run(_args: Args, run: &Run) -> Result<(), Error> {
    let Answer::Domains(domains) = run.server().query(&Query::Domains)? else {
        return Err(wrong_answer());
    };
    let people = run.ui.for_people();
    let rows: Vec<Vec<String>> = domains
        .iter()
        .map(|row| {
            let state = if row.disabled { "disabled" } else { "" };
            let mut cells = vec![row.domain.clone(), state.to_owned()];
            if people {
                cells.extend([row.accounts, row.addresses, row.aliases].map(|n| n.to_string()));
            }
            cells
        })
        .collect();
    let header = ["domain", "state", "accounts", "addresses", "aliases"];
    run.ui.list(&header, &rows, &domains)
}
