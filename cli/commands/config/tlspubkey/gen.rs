//! `mox config tlspubkey gen`

use std::io;
use std::path::{Path, PathBuf};

use clap::ValueHint;
use clap_complete::ArgValueCompleter;
use mox::addr::Address;
use mox::admin::{AdminError, Change};
use mox::ctl::{Answer, CtlError, Query};
use mox::fsio::FsError;
use mox::policy::MailSettings;
use mox::x509::apple_profile::AppleProfile;
use mox::x509::key_files::{self, NewFile, Written, beside};
use mox::x509::{Certificate, ClientKey, ClientKeyType, Pkcs12Form, X509Error, pkcs12};
use serde::Serialize;
use zeroize::Zeroizing;

use crate::backend::wrong_answer;
use crate::commands::Run;
use crate::complete;
use crate::error::Error;

/// Make a key and a certificate that log in without a password
///
/// Writes STEM.key.pem (the private key), STEM.certificate.pem and STEM.combined.pem (both, for programs that
/// take one file, mutt for one). No file is overwritten; if something fails, none is left. It needs no server and
/// no configuration, but for `--mobileconfig` and `--add`.
///
/// The server lets the key in once it is registered: with `--add`, or later with `mox config tlspubkey add ADDRESS <
/// STEM.certificate.pem`. Dates and names in the certificate mean nothing to it.
///
/// An Ed25519 key can also be copied as one short text, its seed: `mox sendmail` takes it. Thunderbird, Apple's
/// systems and browsers take no Ed25519: `--p12` and `--mobileconfig` make a P-256 key.
///
/// `--mobileconfig` writes STEM.mobileconfig for iOS, iPadOS and macOS: the identity, and an account with the
/// names and ports of this server. Send it to the device, open it, and install it in the system's settings, where the
/// password of the identity is asked for, and that of the mail account: leave it empty if the device is to use
/// the identity alone. The format has no key for which identity a mail account uses, so choose it by hand: in Mail
/// on macOS under Settings, Accounts, Server Settings, TLS Certificate, for incoming and outgoing mail. Where Mail offers
/// no such choice, set a password for the account.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mox config tlspubkey gen laptop
  mox config tlspubkey gen --p12 --add alice@example.org --name thunderbird desktop
  mox config tlspubkey gen --mobileconfig alice@example.org phone
  mox config tlspubkey gen --json backup | jq -r .ed25519_seed")]
pub(crate) struct Args {
    /// Kind of the key: ed25519, or with `--p12` and `--mobileconfig` ecdsa-p256
    #[arg(long = "type", value_name = "TYPE")]
    kind: Option<Kind>,

    /// Write STEM.p12 too: key and certificate under a password, which programs import
    #[arg(long)]
    p12: bool,

    /// Write STEM.p12 so that programs of before about 2022 can import it too: weaker encryption
    #[arg(long, requires = "p12")]
    legacy: bool,

    /// Write STEM.mobileconfig too: an Apple profile for this address of an account
    #[arg(long, value_name = "ADDRESS", add = ArgValueCompleter::new(complete::addresses))]
    mobileconfig: Option<Address>,

    /// The password of STEM.p12 and of the profile's identity: first line of this file; otherwise one is made up and shown
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    password_file: Option<PathBuf>,

    /// Let the key log in with this address of an account; if that is refused, no file is left
    #[arg(long, value_name = "ADDRESS", add = ArgValueCompleter::new(complete::addresses))]
    add: Option<Address>,

    /// What to call the key on the server, and in programs that import it; by default the last name of STEM
    #[arg(long, value_name = "NAME", requires = "add")]
    name: Option<String>,

    /// Name of the files, without an ending; may have folders in front
    #[arg(value_hint = ValueHint::AnyPath)]
    stem: PathBuf,
}

/// `--type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Kind {
    /// Small and fast; not for Thunderbird, Apple's systems and browsers
    Ed25519,
    /// Taken by all
    EcdsaP256,
}

/// The result; the order of the keys is that of the documentation.
#[derive(Debug, Serialize)]
struct Made<'a> {
    fingerprint: String,
    private_key_file: String,
    certificate_file: String,
    combined_file: String,
    p12_file: String,
    p12_password: &'a str,
    ed25519_seed: &'a str,
}

pub(crate) fn run(args: Args, run: &Run) -> Result<(), Error> {
    let stem = name_of(&args.stem)?;
    let name = match args.name.as_deref() {
        Some("") => return Err(Error::Usage("the name of a key is empty".to_owned())),
        Some(name) => name.to_owned(),
        None => stem,
    };
    let kind = kind(&args)?;
    let settings = args
        .mobileconfig
        .as_ref()
        .map(|address| settings(run, address))
        .transpose()?;
    let password = password(&args)?;

    let key = ClientKey::generate(kind, &name).map_err(refused)?;
    let mut parts = Parts::new(&args.stem);
    parts.add(".key.pem", key.private_key_pem().as_bytes(), true);
    parts.add(".certificate.pem", key.certificate_pem().as_bytes(), false);
    parts.add(".combined.pem", key.combined_pem().as_bytes(), true);
    let encode = |form| pkcs12::encode(&key, &name, &password, form).map_err(refused);
    if args.p12 {
        let form = match args.legacy {
            true => Pkcs12Form::Legacy,
            false => Pkcs12Form::Modern,
        };
        parts.add(".p12", &encode(form)?, true);
    }
    if let Some(settings) = &settings {
        let identity = encode(Pkcs12Form::Legacy)?;
        let profile = profile(&key, &name, settings, &identity)?;
        parts.add(".mobileconfig", profile.as_bytes(), true);
    }
    let written = parts.write()?;
    if let Some(address) = &args.add {
        register(run, &key, address, name)?;
    }
    written.keep();

    let path = |ending| beside(&args.stem, ending).display().to_string();
    let seed = key.ed25519_seed();
    let made = Made {
        fingerprint: key.fingerprint().to_string(),
        private_key_file: path(".key.pem"),
        certificate_file: path(".certificate.pem"),
        combined_file: path(".combined.pem"),
        p12_file: if args.p12 {
            path(".p12")
        } else {
            String::new()
        },
        // Who brought the password knows it.
        p12_password: if args.password_file.is_none() {
            &password
        } else {
            ""
        },
        ed25519_seed: &seed,
    };
    let profile = settings.map(|_| path(".mobileconfig"));
    show(run, &made, profile)?;
    if args.p12 && kind == ClientKeyType::Ed25519 && !run.ui.json() {
        let text = "Thunderbird, Apple's systems and browsers cannot import an Ed25519 key";
        run.ui.note(text);
    }
    Ok(())
}

fn show(run: &Run, made: &Made<'_>, profile: Option<String>) -> Result<(), Error> {
    let facts = [
        ("fingerprint", made.fingerprint.clone()),
        ("private key", made.private_key_file.clone()),
        ("certificate", made.certificate_file.clone()),
        ("combined", made.combined_file.clone()),
        ("p12", made.p12_file.clone()),
        ("profile", profile.unwrap_or_default()),
        ("p12 password", made.p12_password.to_owned()),
        ("ed25519 seed", made.ed25519_seed.to_owned()),
    ];
    let facts: Vec<_> = facts
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .collect();
    run.ui.facts(&facts, made)
}

/// The last name of the stem, which people see in lists of certificates.
fn name_of(stem: &Path) -> Result<String, Error> {
    let whole = stem.as_os_str().as_encoded_bytes();
    let name = stem.file_name();
    match name.filter(|name| whole.ends_with(name.as_encoded_bytes())) {
        Some(name) => Ok(name.to_string_lossy().into_owned()),
        None => Err(Error::Usage(format!(
            "{:?} is not the beginning of file names",
            stem.display().to_string()
        ))),
    }
}

fn kind(args: &Args) -> Result<ClientKeyType, Error> {
    let imported = args.p12 || args.mobileconfig.is_some();
    match args.kind {
        Some(Kind::Ed25519) if args.mobileconfig.is_some() => Err(Error::Usage(
            "Apple's systems take no Ed25519: leave out --type ed25519 or --mobileconfig"
                .to_owned(),
        )),
        Some(Kind::Ed25519) => Ok(ClientKeyType::Ed25519),
        None if !imported => Ok(ClientKeyType::Ed25519),
        _ => Ok(ClientKeyType::EcdsaP256),
    }
}

/// Of the PKCS#12 forms; empty when none is wanted.
fn password(args: &Args) -> Result<Zeroizing<String>, Error> {
    let wanted = args.p12 || args.mobileconfig.is_some();
    let Some(file) = &args.password_file else {
        return match wanted {
            true => pkcs12::new_password().map_err(refused),
            false => Ok(Zeroizing::new(String::new())),
        };
    };
    if !wanted {
        return Err(Error::Usage(
            "--password-file is for --p12 and --mobileconfig".to_owned(),
        ));
    }
    let text = std::fs::read_to_string(file).map(Zeroizing::new);
    let text = text.map_err(Error::io(&format!("read {}", file.display())))?;
    let line = text.lines().next().unwrap_or_default();
    if line.is_empty() {
        return Err(Error::Usage(format!(
            "{}: its first line, the password, is empty",
            file.display()
        )));
    }
    Ok(Zeroizing::new(line.to_owned()))
}

fn settings(run: &Run, address: &Address) -> Result<MailSettings, Error> {
    let address = address.to_string();
    match run.server().query(&Query::MailSettings { address })? {
        Answer::MailSettings(settings) => Ok(settings),
        _ => Err(wrong_answer()),
    }
}

fn profile(
    key: &ClientKey,
    name: &str,
    settings: &MailSettings,
    identity: &[u8],
) -> Result<Zeroizing<String>, Error> {
    let profile = AppleProfile {
        address: &settings.address,
        full_name: &settings.full_name,
        imap: (&settings.imap.host, settings.imap.port),
        submission: (&settings.submission.host, settings.submission.port),
        identity_name: name,
        fingerprint: key.fingerprint(),
        pkcs12: identity,
    };
    profile.encode().map_err(refused)
}

/// Lets the key log in. Files that belong to it are kept only if it does, or if nobody can say.
fn register(run: &Run, key: &ClientKey, address: &Address, name: String) -> Result<(), Error> {
    let certificate = Certificate::read(key.certificate_pem().as_bytes());
    let change = Change::TlsKeyAdd {
        address: address.clone(),
        name,
        no_imap_preauth: false,
        certificate: certificate.map_err(|e| Error::failed(e.to_string()))?,
    };
    match run.server().change(&change) {
        Ok(outcome) => {
            for note in &outcome.notes {
                run.ui.note(note);
            }
            Ok(())
        }
        Err(Error::Ctl(CtlError::Timeout(_))) => {
            run.ui.note(&format!(
                "the server has not answered in time: see `mox config tlspubkey get {}`",
                key.fingerprint()
            ));
            Ok(())
        }
        Err(refusal) => Err(refusal),
    }
}

/// What will be in the files.
struct Parts<'a> {
    stem: &'a Path,
    parts: Vec<(PathBuf, Zeroizing<Vec<u8>>, bool)>,
}

impl<'a> Parts<'a> {
    fn new(stem: &'a Path) -> Parts<'a> {
        Parts {
            stem,
            parts: Vec::new(),
        }
    }

    fn add(&mut self, ending: &str, content: &[u8], secret: bool) {
        let content = Zeroizing::new(content.to_vec());
        self.parts
            .push((beside(self.stem, ending), content, secret));
    }

    fn write(&self) -> Result<Written, Error> {
        let files = self.parts.iter().map(|(path, content, secret)| NewFile {
            path: path.clone(),
            content,
            secret: *secret,
        });
        key_files::write(&files.collect::<Vec<_>>()).map_err(unwritten)
    }
}

fn unwritten(error: FsError) -> Error {
    match error.source.kind() {
        io::ErrorKind::AlreadyExists => Error::Admin(AdminError::Conflict {
            message: format!("{} exists already", error.path.display()),
            hint: "keys are never overwritten: choose another STEM".to_owned(),
        }),
        _ => Error::failed(error.to_string()),
    }
}

fn refused(error: X509Error) -> Error {
    match error {
        X509Error::Key(what) => Error::Usage(what),
        other => Error::failed(other.to_string()),
    }
}
