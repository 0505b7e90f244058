//! `mox config domain show`

use clap_complete::ArgValueCompleter;
use mox::addr::Domain;
use mox::ctl::{Answer, Query};

use crate::backend::wrong_answer;
use crate::commands::Run;
use crate::complete;
use crate::error::Error;

/// Show a domain with the addresses at it
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mox config domain show example.org")]
pub(crate) struct Args {
    /// The domain
    #[arg(add = ArgValueCompleter::new(complete::domains))]
    domain: Domain,
}

pub(crate) fn run(args: Args, run: &Run) -> Result<(), Error> {
    let domain = args.domain.to_string();
    let Answer::Domain(domain) = run.server().query(&Query::Domain { domain })? else {
        return Err(wrong_answer());
    };
    let state = if domain.disabled { "disabled" } else { "" };
    let case_sensitive = match domain.localpart_case_sensitive {
        true => "yes",
        false => "",
    };
    let mut facts = vec![
        ("domain", domain.domain.clone()),
        ("state", state.to_owned()),
        ("accounts", domain.accounts.join(" ")),
        ("aliases", domain.aliases.join(" ")),
        (
            "client settings domain",
            domain.client_settings_domain.clone(),
        ),
        (
            "catchall separators",
            domain.localpart_catchall_separators.join(" "),
        ),
        ("case sensitive", case_sensitive.to_owned()),
    ];
    if !run.ui.for_people() {
        let addresses = domain.addresses.iter();
        facts.extend(addresses.map(|row| ("address", format!("{} {}", row.address, row.account))));
    }
    run.ui.facts(&facts, &domain)?;
    let rows: Vec<Vec<String>> = domain
        .addresses
        .iter()
        .map(|row| {
            vec![
                row.address.clone(),
                row.account.clone(),
                row.mailbox.clone(),
            ]
        })
        .collect();
    run.ui.table(&["address", "account", "mailbox"], &rows)
}
