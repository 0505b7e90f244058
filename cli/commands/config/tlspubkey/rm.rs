//! `mox config tlspubkey rm`

use clap_complete::ArgValueCompleter;
use mox::admin::Change;
use mox::x509::Fingerprint;

use crate::args::DryRun;
use crate::commands::{Run, Tolerate};
use crate::complete;
use crate::error::Error;

/// Take a TLS public key away
///
/// It logs nobody in from then on, and sessions that it opened end.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mox config tlspubkey rm v7RkPp0nV5ZJqq1cLDSj4cQWkmJO5rZb9nYpbxxpWcQ")]
pub(crate) struct Args {
    /// Do nothing if there is no such key
    #[arg(long)]
    if_exists: bool,

    #[command(flatten)]
    dry_run: DryRun,

    /// The key's fingerprint
    #[arg(allow_hyphen_values = true, add = ArgValueCompleter::new(complete::fingerprints))]
    fingerprint: Fingerprint,
}

pub(crate) fn run(args: Args, run: &Run) -> Result<(), Error> {
    let fingerprint = args.fingerprint;
    let tolerate = match args.if_exists {
        true => Tolerate::Absence(format!("there is no TLS public key {fingerprint}")),
        false => Tolerate::Nothing,
    };
    let change = Change::TlsKeyRemove { fingerprint };
    run.change_unless(&change, args.dry_run.dry_run, tolerate)
}
