//! `mox config tlspubkey list`

use clap_complete::ArgValueCompleter;
use mox::ctl::{Answer, Query};

use crate::backend::wrong_answer;
use crate::commands::Run;
use crate::complete;
use crate::error::Error;
use crate::ui::ago;

/// List the TLS public keys of all accounts, or of one
///
/// Where no terminal reads it: fingerprint, type, name, account, login address, whether IMAP waits for
/// AUTHENTICATE, time of adding and time of the last login, tab-separated.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mox config tlspubkey list
  mox config tlspubkey list alice")]
pub(crate) struct Args {
    /// Only of this account
    #[arg(add = ArgValueCompleter::new(complete::accounts))]
    account: Option<String>,
}

pub(crate) fn run(args: Args, run: &Run) -> Result<(), Error> {
    let account = args.account.unwrap_or_default();
    let Answer::TlsKeys(keys) = run.server().query(&Query::TlsKeys { account })? else {
        return Err(wrong_answer());
    };
    let people = run.ui.for_people();
    let now = mox::clock::now();
    let time = |text: &str| match text.parse() {
        Ok(time) if people => ago(time, now),
        _ => text.to_owned(),
    };
    let rows: Vec<Vec<String>> = keys
        .iter()
        .map(|key| {
            vec![
                key.fingerprint.clone(),
                key.key_type.clone(),
                key.name.clone(),
                key.account.clone(),
                key.login_address.clone(),
                key.no_imap_preauth.to_string(),
                time(&key.created),
                time(&key.last_used),
            ]
        })
        .collect();
    let header = [
        "fingerprint",
        "type",
        "name",
        "account",
        "login address",
        "no imap preauth",
        "created",
        "last used",
    ];
    run.ui.list(&header, &rows, &keys)
}
