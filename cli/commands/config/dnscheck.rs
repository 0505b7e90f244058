//! `mox config dnscheck`

use clap_complete::ArgValueCompleter;
use mox::addr::Domain;
use mox::dns::{DnsError, Resolver};
use mox::zone::{self, Check, Status};

use super::dnsrecords;
use crate::commands::Run;
use crate::complete;
use crate::error::Error;

/// Check whether a domain's DNS records are there and right
///
/// Asks the DNS servers of the configuration ([server] resolver), or of the system, and compares: the
/// addresses of the mail server and their names, where mail goes, who may send (SPF), the keys that
/// sign (DKIM), the policy (DMARC), what mail programs look for (SRV), DANE, and
/// who may issue its certificate (CAA). Each is ok, a warning or an
/// error, with what to do. Exits with 1 if there is an error.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mox config dnscheck example.org
  mox config dnscheck example.org --json | jq '.[] | select(.status != \"ok\")'")]
pub(crate) struct Args {
    /// The domain
    #[arg(add = ArgValueCompleter::new(complete::domains))]
    domain: Domain,
}

pub(crate) fn run(args: Args, run: &Run) -> Result<(), Error> {
    let facts = dnsrecords::facts(run, &args.domain)?;
    let resolver = Resolver::new(&facts.resolver, facts.resolver_trusted)?;
    let checks = super::super::asking_dns(zone::check(&facts, &resolver))?;
    let rows: Vec<Vec<String>> = checks.iter().map(row).collect();
    let header = ["status", "check", "name", "found", "advice"];
    run.ui.list(&header, &rows, &checks)?;
    if !run.ui.json() {
        for note in &facts.notes {
            run.ui.note(note);
        }
    }
    let errors = checks
        .iter()
        .filter(|check| check.status == Status::Error)
        .count();
    match errors {
        0 => Ok(()),
        _ => Err(Error::Failed {
            message: format!(
                "{}: {errors} of {} checks failed",
                args.domain,
                checks.len()
            ),
            hint: format!("`mox config dnsrecords {}` has what to set", args.domain),
        }),
    }
}

fn row(check: &Check) -> Vec<String> {
    vec![
        check.status.as_str().to_owned(),
        check.check.to_owned(),
        check.name.clone(),
        check.found.join(" | "),
        check.advice.clone(),
    ]
}

impl From<DnsError> for Error {
    fn from(error: DnsError) -> Error {
        Error::failed(error.to_string())
    }
}
