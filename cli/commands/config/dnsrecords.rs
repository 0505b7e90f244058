//! `mox config dnsrecords`

use clap_complete::ArgValueCompleter;
use mox::addr::Domain;
use mox::ctl::{Answer, Query};
use mox::zone::{self, DomainDns};

use crate::backend::wrong_answer;
use crate::commands::Run;
use crate::complete;
use crate::error::Error;

/// Print the DNS records that a domain needs
///
/// As lines of a zone file, to be pasted into the zone of the domain; what belongs elsewhere (the
/// names of addresses, hosts in other domains) or only makes sense in a signed zone is a comment. Only
/// what the server keeps is promised in them. With --json an array of objects with the keys name, type,
/// value, ttl, purpose, required, and paste: whether the record belongs into the domain's zone as it is.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mox config dnsrecords example.org
  mox config dnsrecords example.org --json | jq -r '.[] | select(.required) | .name'")]
pub(crate) struct Args {
    /// The domain
    #[arg(add = ArgValueCompleter::new(complete::domains))]
    domain: Domain,
}

pub(crate) fn run(args: Args, run: &Run) -> Result<(), Error> {
    let facts = facts(run, &args.domain)?;
    run.ui
        .result(&zone::zone_text(&facts), &zone::records(&facts))
}

/// What the records of the domain depend on.
pub(super) fn facts(run: &Run, domain: &Domain) -> Result<DomainDns, Error> {
    let domain = domain.to_string();
    match run.server().query(&Query::DomainDns { domain })? {
        Answer::DomainDns(facts) => Ok(facts),
        _ => Err(wrong_answer()),
    }
}
