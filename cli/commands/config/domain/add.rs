//! `mox config domain add`

use clap_complete::ArgValueCompleter;
use mox::addr::{AccountName, Domain, Localpart};
use mox::admin::Change;
use mox::ctl::Query;

use crate::args::DryRun;
use crate::commands::{Run, Tolerate};
use crate::complete;
use crate::error::Error;

/// Host another domain
///
/// Writes the domain and its DKIM keys. Where ACCOUNT is new it is made too, with the address
/// LOCALPART@DOMAIN, which then is needed; where ACCOUNT exists, it gets that address if LOCALPART is
/// given.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mox config domain add example.org alice postmaster
  mox config domain add --disabled example.net alice")]
pub(crate) struct Args {
    /// Refuse its mail for now: it can be set up before it moves here
    #[arg(long)]
    disabled: bool,

    /// Do nothing if the domain is hosted already
    #[arg(long)]
    if_not_exists: bool,

    #[command(flatten)]
    dry_run: DryRun,

    /// The domain
    domain: Domain,

    /// The account that gets its address
    #[arg(add = ArgValueCompleter::new(complete::accounts))]
    account: AccountName,

    /// The part before the @ of the account's address at the domain
    localpart: Option<Localpart>,
}

pub(crate) fn run(args: Args, run: &Run) -> Result<(), Error> {
    let name = args.domain.to_string();
    let tolerate = match args.if_not_exists {
        true => Tolerate::Presence(
            Query::Domain {
                domain: name.clone(),
            },
            |_, _| true,
            format!("domain exists already: {name}"),
        ),
        false => Tolerate::Nothing,
    };
    let change = Change::DomainAdd {
        domain: args.domain,
        account: args.account,
        localpart: args.localpart,
        disabled: args.disabled,
    };
    run.change_unless(&change, args.dry_run.dry_run, tolerate)
}
