//! `mox config tlspubkey get`

use clap_complete::ArgValueCompleter;
use mox::ctl::{Answer, Query};
use mox::x509::Fingerprint;

use crate::backend::wrong_answer;
use crate::commands::Run;
use crate::complete;
use crate::error::Error;

/// Show a TLS public key and its certificate
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mox config tlspubkey get v7RkPp0nV5ZJqq1cLDSj4cQWkmJO5rZb9nYpbxxpWcQ
  mox config tlspubkey get v7RkPp0nV5ZJqq1cLDSj4cQWkmJO5rZb9nYpbxxpWcQ > laptop.pem")]
pub(crate) struct Args {
    /// The key's fingerprint
    #[arg(allow_hyphen_values = true, add = ArgValueCompleter::new(complete::fingerprints))]
    fingerprint: Fingerprint,
}

pub(crate) fn run(args: Args, run: &Run) -> Result<(), Error> {
    let fingerprint = args.fingerprint;
    let Answer::TlsKey(key) = run.server().query(&Query::TlsKey { fingerprint })? else {
        return Err(wrong_answer());
    };
    let row = &key.row;
    let facts = [
        ("fingerprint", row.fingerprint.clone()),
        ("type", row.key_type.clone()),
        ("name", row.name.clone()),
        ("account", row.account.clone()),
        ("login address", row.login_address.clone()),
        ("no imap preauth", row.no_imap_preauth.to_string()),
        ("created", row.created.clone()),
        ("last used", row.last_used.clone()),
    ];
    run.ui.facts(&facts, &key)?;
    match run.ui.json() {
        true => Ok(()),
        false => run.ui.raw(key.certificate_pem.as_bytes()),
    }
}
