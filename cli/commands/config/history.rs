//! `mox config history`

use mox::ctl::{Answer, Query};

use crate::backend::wrong_answer;
use crate::commands::{Run, local_time};
use crate::error::Error;

/// List the generations of the configuration, the newest first
///
/// Where no terminal reads it: number, time, who, command and summary, tab-separated.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mox config history
  mox config history --json | jq '.[0]'")]
pub(crate) struct Args {}

pub(crate) fn run(_args: Args, run: &Run) -> Result<(), Error> {
    let Answer::History(history) = run.server().query(&Query::History)? else {
        return Err(wrong_answer());
    };
    let now = mox::clock::now();
    let people = run.ui.for_people();
    let rows: Vec<Vec<String>> = history
        .iter()
        .map(|row| {
            let time = match people {
                true => local_time(&row.time, now),
                false => row.time.clone(),
            };
            vec![
                row.generation.to_string(),
                time,
                row.actor.clone(),
                row.command.clone(),
                row.summary.clone(),
            ]
        })
        .collect();
    let header = ["generation", "time", "actor", "command", "summary"];
    run.ui.list(&header, &rows, &history)
}
