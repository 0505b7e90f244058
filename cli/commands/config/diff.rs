//! `mox config diff`

use clap_complete::ArgValueCandidates;
use mox::admin::Side;
use mox::ctl::{Answer, Query};

use crate::backend::wrong_answer;
use crate::commands::Run;
use crate::complete;
use crate::error::Error;

/// Show what differs between generations of the configuration
///
/// Without arguments: what loading the file on disk would change of what is served. With one: what was
/// changed since that generation. With two: what it takes from one to the other. Works while the file is
/// invalid.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mox config diff          # is there an edit that is not served?
  mox config diff 11 12    # what generation 12 changed")]
pub(crate) struct Args {
    /// The old generation
    #[arg(value_name = "GEN", add = ArgValueCandidates::new(complete::generations))]
    from: Option<u64>,

    /// The new generation
    #[arg(value_name = "GEN", add = ArgValueCandidates::new(complete::generations))]
    to: Option<u64>,
}

pub(crate) fn run(args: Args, run: &Run) -> Result<(), Error> {
    let (from, to) = match (args.from, args.to) {
        (None, _) => (Side::Newest, Side::File),
        (Some(from), None) => (Side::Generation(from), Side::Newest),
        (Some(from), Some(to)) => (Side::Generation(from), Side::Generation(to)),
    };
    let Answer::Diff(difference) = run.server().query(&Query::Diff { from, to })? else {
        return Err(wrong_answer());
    };
    match run.ui.json() {
        true => run.ui.result("", &difference),
        false => run.ui.diff(&difference.diff),
    }
}
