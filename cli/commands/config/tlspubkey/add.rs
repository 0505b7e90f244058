//! `mox config tlspubkey add`

use clap_complete::ArgValueCompleter;
use mox::addr::Address;
use mox::admin::Change;
use mox::ctl::{Answer, Query};
use mox::x509::Certificate;

use crate::args::DryRun;
use crate::commands::{Run, Tolerate};
use crate::complete;
use crate::error::Error;

/// Let the key of a certificate log in
///
/// The certificate comes on stdin, as PEM or DER; of a PEM file with several the first counts. RSA keys
/// of 2048 to 8192 bits, ECDSA keys on P-256, P-384 and P-521, and Ed25519 keys are taken. A key can be
/// added once, for one account.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mox config tlspubkey add alice@example.org laptop < laptop.certificate.pem
  mox config tlspubkey add --no-imap-preauth alice@example.org phone < phone.certificate.pem")]
pub(crate) struct Args {
    /// For mail programs that do not know the greeting PREAUTH: IMAP waits for AUTHENTICATE EXTERNAL
    #[arg(long)]
    no_imap_preauth: bool,

    /// Do nothing if the key logs in with this address already
    #[arg(long)]
    if_not_exists: bool,

    #[command(flatten)]
    dry_run: DryRun,

    /// The address to log in with; its account is the one that the key belongs to
    #[arg(add = ArgValueCompleter::new(complete::addresses))]
    address: Address,

    /// What to call it; by default what the certificate is called
    name: Option<String>,
}

pub(crate) fn run(args: Args, run: &Run) -> Result<(), Error> {
    if args.name.as_deref() == Some("") {
        return Err(Error::Usage("the name of a key is empty".to_owned()));
    }
    let input = run.ui.input("the certificate", INPUT)?;
    let usage = |error: &dyn std::fmt::Display| Error::Usage(error.to_string());
    let certificate = Certificate::read(&input).map_err(|error| usage(&error))?;
    let public_key = certificate.public_key().map_err(|error| usage(&error))?;
    let fingerprint = public_key.fingerprint();
    let tolerate = match args.if_not_exists {
        true => Tolerate::Presence(
            Query::TlsKey { fingerprint },
            is_so,
            format!("TLS public key exists already: {fingerprint}"),
        ),
        false => Tolerate::Nothing,
    };
    let change = Change::TlsKeyAdd {
        address: args.address,
        name: args.name.unwrap_or_default(),
        no_imap_preauth: args.no_imap_preauth,
        certificate,
    };
    run.change_unless(&change, args.dry_run.dry_run, tolerate)
}

/// Whether the key logs in with this very address.
fn is_so(answer: &Answer, change: &Change) -> bool {
    match (answer, change) {
        (Answer::TlsKey(key), Change::TlsKeyAdd { address, .. }) => {
            key.row.login_address == address.to_string()
        }
        _ => false,
    }
}

/// Bytes of a file with a certificate: room for a chain, and for the text that programs write above.
const INPUT: u64 = 1 << 20;
