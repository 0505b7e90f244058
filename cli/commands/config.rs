//! `mox config`

mod account;
mod address;
mod describe;
mod apply;
mod describe_sendmail;
mod diff;
mod alias;
mod dkim;
mod dnscheck;
mod dnsrecords;
mod domain;
mod history;
mod printservice;
mod reload;
mod rollback;
mod schema;
mod show;
mod test;
mod tlspubkey;

use clap::Subcommand;

use super::Run;
use crate::error::Error;

/// Read and change the configuration
///
/// Every change is written to the configuration file, whose comments and order stay, and is served when
/// the command returns. Without a running server it is only written.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    Test(test::Args),
    Show(show::Args),
    Describe(describe::Args),
    DescribeSendmail(describe_sendmail::Args),
    Schema(schema::Args),
    Reload(reload::Args),
    Apply(apply::Args),
    Diff(diff::Args),
    History(history::Args),
    Rollback(rollback::Args),
    Dnsrecords(dnsrecords::Args),
    Dnscheck(dnscheck::Args),
    Printservice(printservice::Args),
    Domain(domain::Args),
    Account(account::Args),
    Address(address::Args),
    Tlspubkey(tlspubkey::Args),
    Alias(alias::Args),
    Dkim(dkim::Args),
}

pub(crate) fn run(args: Args, run: &Run) -> Result<(), Error> {
    match args.what {
        What::Test(args) => test::run(args, run),
        What::Show(args) => show::run(args, run),
        What::Describe(args) => describe::run(args, run),
        What::DescribeSendmail(args) => describe_sendmail::run(args, run),
        What::Schema(args) => schema::run(args, run),
        What::Reload(args) => reload::run(args, run),
        What::Apply(args) => apply::run(args, run),
        What::Diff(args) => diff::run(args, run),
        What::History(args) => history::run(args, run),
        What::Rollback(args) => rollback::run(args, run),
        What::Dnsrecords(args) => dnsrecords::run(args, run),
        What::Dnscheck(args) => dnscheck::run(args, run),
        What::Printservice(args) => printservice::run(args, run),
        What::Domain(args) => domain::run(args, run),
        What::Account(args) => account::run(args, run),
        What::Address(args) => address::run(args, run),
        What::Tlspubkey(args) => tlspubkey::run(args, run),
        What::Alias(args) => alias::run(args, run),
        What::Dkim(args) => dkim::run(args, run),
    }
}
