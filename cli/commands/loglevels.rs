//! `mox loglevels`

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap_complete::ArgValueCandidates;
use mox::ctl::{LogLevelChoice, SetLogLevel};

use super::Run;
use crate::complete;
use crate::error::Error;

/// Show or set what the running server logs
///
/// Without arguments it shows the levels: of all of mox, and of modules that have one of their own. A level
/// that is set here counts until the server ends, whatever the configuration says meanwhile; reset goes
/// back to server.log_level. Exits 5 if no server runs.
///
/// Where no terminal reads it: target, level, and config or command for who set it, tab-separated.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mox loglevels
  mox loglevels debug mox_daemon::imap
  mox loglevels reset")]
pub(crate) struct Args {
    /// Log this and what is graver; reset: what the configuration says
    #[arg(value_parser = choices())]
    level: Option<LogLevelChoice>,
    /// A module with all below it, such as mox::login; without it all of mox
    #[arg(add = ArgValueCandidates::new(complete::log_targets))]
    target: Option<String>,
}

fn choices() -> impl TypedValueParser<Value = LogLevelChoice> {
    let names = LogLevelChoice::ALL.map(LogLevelChoice::as_str);
    PossibleValuesParser::new(names).map(|name| {
        let mut all = LogLevelChoice::ALL.into_iter();
        // The parser lets no other name pass.
        all.find(|choice| choice.as_str() == name)
            .unwrap_or(LogLevelChoice::Reset)
    })
}

pub(crate) fn run(args: Args, run: &Run) -> Result<(), Error> {
    let set = args.level.map(|level| SetLogLevel {
        level,
        target: args.target.unwrap_or_default(),
    });
    let levels = run.server().log_levels(set)?;
    let row = |row: &mox::ctl::LogLevelRow| {
        vec![row.target.clone(), row.level.clone(), row.source.clone()]
    };
    let rows: Vec<Vec<String>> = levels.iter().map(row).collect();
    run.ui.list(&["target", "level", "from"], &rows, &levels)
}
