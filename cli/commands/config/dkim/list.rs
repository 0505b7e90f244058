//! `mox config dkim list`

use clap_complete::ArgValueCompleter;
use mox::addr::Domain;
use mox::ctl::{Answer, Query};

use crate::backend::wrong_answer;
use crate::commands::Run;
use crate::complete;
use crate::error::Error;

/// List the DKIM keys of a domain
///
/// Where no terminal reads it: selector, "signs" or nothing, type, name and text of the TXT record,
/// tab-separated.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mox config dkim list example.org")]
pub(crate) struct Args {
    /// The domain
    #[arg(add = ArgValueCompleter::new(complete::domains))]
    domain: Domain,
}

pub(crate) fn run(args: Args, run: &Run) -> Result<(), Error> {
    let domain = args.domain.to_string();
    let Answer::Dkim(keys) = run.server().query(&Query::Dkim { domain })? else {
        return Err(wrong_answer());
    };
    let rows: Vec<Vec<String>> = keys
        .iter()
        .map(|key| {
            let signs = if key.sign { "signs" } else { "" };
            vec![
                key.selector.clone(),
                signs.to_owned(),
                key.kind.clone(),
                key.record_name.clone(),
                key.record.clone(),
            ]
        })
        .collect();
    let header = ["selector", "state", "type", "record", "text"];
    run.ui.list(&header, &rows, &keys)
}
