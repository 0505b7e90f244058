//! `mox config tlspubkey update`

use clap_complete::ArgValueCompleter;
use mox::admin::Change;
use mox::x509::Fingerprint;

use crate::args::DryRun;
use crate::commands::Run;
use crate::complete;
use crate::error::Error;

/// Change what a TLS public key is called, or how IMAP greets it
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mox config tlspubkey update --name 'old laptop' v7RkPp0nV5ZJqq1cLDSj4cQWkmJO5rZb9nYpbxxpWcQ")]
#[command(group = clap::ArgGroup::new("what").required(true).multiple(true))]
pub(crate) struct Args {
    /// What to call it
    #[arg(long, group = "what")]
    name: Option<String>,

    /// Whether IMAP waits for AUTHENTICATE EXTERNAL
    #[arg(long, value_name = "BOOL", group = "what")]
    no_imap_preauth: Option<bool>,

    #[command(flatten)]
    dry_run: DryRun,

    /// The key's fingerprint
    #[arg(allow_hyphen_values = true, add = ArgValueCompleter::new(complete::fingerprints))]
    fingerprint: Fingerprint,
}

pub(crate) fn run(args: Args, run: &Run) -> Result<(), Error> {
    let change = Change::TlsKeyUpdate {
        fingerprint: args.fingerprint,
        name: args.name,
        no_imap_preauth: args.no_imap_preauth,
    };
    run.change(&change, args.dry_run.dry_run)
}
