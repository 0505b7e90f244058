//! `mox sendmail`, and this program under the name `sendmail`: programs hand a message in, and a server
//! gets it by submission.
//!
//! The message is written to a folder before anything is tried and taken away when a server has it: a
//! power cut, a kill or a refusal loses nothing.

mod keep;
mod options;
mod submit;

use std::ffi::OsString;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use mox::addr::{Address, Domain};
use mox::config::model::Submission;
use mox::config::{self, Unchecked, submission};
use mox::mail::outgoing::{Outgoing, Prepared, prepare};
use mox::x509::key_files::beside;

use self::keep::Kept;
use self::options::Options;
use super::Run;
use crate::error::Error;
use crate::place;
use crate::ui::{Color, Ui, clean};

/// Hand a message in, as programs do that call sendmail
///
/// See mox-sendmail(1) for its options, which are those of sendmail, and `mox config describe-sendmail` for its
/// configuration file, sendmail.toml.
#[derive(Debug, clap::Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Args {
    /// Options as sendmail has them, then recipients
    #[arg(
        trailing_var_arg = true,
        allow_hyphen_values = true,
        value_name = "ARGUMENT"
    )]
    arguments: Vec<OsString>,
}

/// Exit statuses that programs know from sendmail (sysexits.h).
pub(super) mod status {
    /// Wrong options.
    pub(crate) const USAGE: u8 = 64;
    /// The message cannot be right, or has no recipients.
    pub(crate) const DATA: u8 = 65;
    /// A recipient was refused.
    pub(crate) const NO_USER: u8 = 67;
    /// The server refused the message.
    pub(crate) const UNAVAILABLE: u8 = 69;
    /// A file of ours.
    pub(crate) const IO: u8 = 74;
    /// Later it may work.
    pub(crate) const TEMPORARY: u8 = 75;
    /// The login was refused.
    pub(crate) const NO_PERMISSION: u8 = 77;
    /// The configuration file.
    pub(crate) const CONFIG: u8 = 78;
}

/// A message is at most so large: a server that takes more has not been seen.
const MAX_MESSAGE: u64 = 1 << 30;

/// Whether the program was called under the name of sendmail.
pub(crate) fn is_called() -> bool {
    let name = std::env::args_os().next();
    let name = name.as_deref().map(Path::new).and_then(Path::file_name);
    name.is_some_and(|name| name == "sendmail")
}

/// The whole program under that name.
pub(crate) fn main() -> ExitCode {
    let ui = Ui::new(false, Color::Auto);
    match send(std::env::args_os().skip(1).collect(), &ui) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => ui.fail(&error),
    }
}

pub(crate) fn run(args: Args, run: &Run) -> Result<(), Error> {
    send(args.arguments, &run.ui)
}

fn send(arguments: Vec<OsString>, ui: &Ui) -> Result<(), Error> {
    let options = Options::parse(arguments)?;
    if options.help {
        return ui.result(options::HELP, &options::HELP);
    }
    let mut input = Vec::new();
    io::stdin()
        .lock()
        .take(MAX_MESSAGE + 1)
        .read_to_end(&mut input)
        .map_err(|e| refuse(status::IO, format!("read the message: {e}")))?;
    if input.len() as u64 > MAX_MESSAGE {
        return Err(refuse(status::DATA, "the message has more than 1 GB"));
    }
    let file = config_file(&options);
    let config = load(&file).map_err(Failure::from);
    let folder = config
        .as_ref()
        .ok()
        .and_then(|config| config.keep_in.clone());
    let kept = keep::write(folder.or_else(default_folder), &input);
    let problem = match config.and_then(|config| submit(&options, &config, &input, ui)) {
        Ok(()) => {
            if let Ok(kept) = kept {
                kept.remove();
            }
            return Ok(());
        }
        Err(problem) => problem,
    };
    Err(with_place(problem, kept, &options))
}

/// Why a message is not with everybody.
struct Failure {
    error: Error,
    /// Who is without it; none: all that it was for.
    left: Option<Vec<Address>>,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure { error, left: None }
    }
}

fn submit(options: &Options, config: &Submission, input: &[u8], ui: &Ui) -> Result<(), Failure> {
    let author = config.author();
    let outgoing = Outgoing {
        dot_ends: !options.dots_are_text,
        from: author.as_ref().map(Address::to_string),
        name: options.name.clone(),
    };
    let mut random = [0; 16];
    getrandom::fill(&mut random)
        .map_err(|e| refuse(status::TEMPORARY, format!("make a random number: {e}")))?;
    let now = mox::clock::now().to_zoned(jiff::tz::TimeZone::system());
    let prepared = prepare(input, &outgoing, &now, random);
    let recipients = recipients(options, config, &prepared)?;
    let sender = sender(options, author.as_ref(), &prepared)?;
    let answer = submit::submit(options, config, &sender, &recipients, &prepared)?;
    if options.verbose {
        for recipient in &recipients {
            ui.note(&format!("{recipient}: {}", clean(&answer)));
        }
    }
    Ok(())
}

/// Who the message is for, each once.
fn recipients(
    options: &Options,
    config: &Submission,
    prepared: &Prepared,
) -> Result<Vec<Address>, Error> {
    let mut all: Vec<Address> = Vec::new();
    let found = prepared
        .recipients
        .iter()
        .filter(|_| options.read_recipients);
    for text in options.recipients.iter().chain(found) {
        // As mail programs write them, `Name <address>` too.
        let text = text.trim();
        let bare = text
            .rsplit_once('<')
            .and_then(|(_, rest)| rest.strip_suffix('>'));
        let address = whole(bare.unwrap_or(text), config)?;
        if !all.contains(&address) {
            all.push(address);
        }
    }
    match all.is_empty() {
        false => Ok(all),
        true => Err(refuse(
            status::DATA,
            match options.read_recipients {
                true => "the message has no recipients in To, Cc and Bcc",
                false => "there are no recipients: name them, or use -t",
            },
        )),
    }
}

/// A recipient with a domain.
fn whole(text: &str, config: &Submission) -> Result<Address, Error> {
    let wrong = |why: String| refuse(status::DATA, format!("recipient {text:?}: {why}"));
    if text.contains('@') {
        return Address::parse(text).map_err(|e| wrong(e.to_string()));
    }
    if let Some(default) = &config.default_recipient {
        return Ok(default.clone());
    }
    let domain: Option<Domain> = config.domain.clone();
    match domain {
        Some(domain) => {
            Address::parse(&format!("{text}@{}", domain.ascii())).map_err(|e| wrong(e.to_string()))
        }
        None => Err(wrong(
            "it has no domain, and sendmail.toml neither domain nor default_recipient".to_owned(),
        )),
    }
}

/// Who bounces go to; none: nobody.
fn sender(
    options: &Options,
    author: Option<&Address>,
    prepared: &Prepared,
) -> Result<Option<Address>, Error> {
    match options.sender.as_deref() {
        Some("" | "<>") => return Ok(None),
        Some(text) if text.contains('@') => {
            let text = text.trim_start_matches('<').trim_end_matches('>');
            return Address::parse(text)
                .map(Some)
                .map_err(|e| refuse(status::DATA, format!("sender {text:?}: {e}")));
        }
        // A local user: cron and its like name one.
        Some(_) | None => {}
    }
    let written = || Address::parse(prepared.from.as_deref()?).ok();
    match author.cloned().or_else(written) {
        Some(address) => Ok(Some(address)),
        None => Err(refuse(
            status::CONFIG,
            "who the message is from is not known: sendmail.toml needs from",
        )),
    }
}

fn load(file: &Path) -> Result<Submission, Error> {
    submission::load(file).map_err(|error| Error::Sendmail {
        status: status::CONFIG,
        message: match error {
            mox::config::ConfigError::Invalid(problems) => problems
                .iter()
                .map(|problem| {
                    let place = problem.position.as_ref();
                    let place = place.map_or(file.display().to_string(), |place| {
                        format!("{}:{}:{}", place.file, place.line, place.column)
                    });
                    format!("{place}: {}", problem.message)
                })
                .collect::<Vec<_>>()
                .join("; "),
            other => other.to_string(),
        },
        hint: match file.exists() {
            false => start(file),
            true => "`mox config describe-sendmail` prints what stands there".to_owned(),
        },
    })
}

/// How to come to a file. On the machine of the mail server itself its own submission port is there.
fn start(file: &Path) -> String {
    let named = std::env::var_os("MOXCONF").map(PathBuf::from);
    let server = place::config_file(named.as_deref());
    let hostname = config::load(&server, &Unchecked)
        .ok()
        .map(|loaded| loaded.config.server.hostname);
    let Some(hostname) = hostname else {
        return format!(
            "`mox config describe-sendmail > {}` writes one to fill in",
            file.display()
        );
    };
    let stem = file.with_extension("");
    let key = beside(
        Path::new(stem.file_name().unwrap_or_default()),
        ".combined.pem",
    );
    format!(
        "to hand messages to the server of this machine: `mox config tlspubkey gen --add ADDRESS {stem} && \
         printf 'host = \"%s\"\\ncertificate = \"%s\"\\nfrom = \"%s\"\\ndefault_recipient = \"%s\"\\n' \
         {host} {key} ADDRESS ADDRESS > {file}`",
        stem = stem.display(),
        host = hostname.ascii(),
        key = key.display(),
        file = file.display(),
    )
}

/// `--sendmail-config`, `$MOX_SENDMAIL_CONF`, the user's own, the system's.
fn config_file(options: &Options) -> PathBuf {
    if let Some(file) = &options.config {
        return file.clone();
    }
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    if let Some(file) = set("MOX_SENDMAIL_CONF") {
        return file.into();
    }
    let own = set("XDG_CONFIG_HOME")
        .map(PathBuf::from)
        .or_else(|| set("HOME").map(|home| Path::new(&home).join(".config")))
        .map(|folder| folder.join("mox/sendmail.toml"))
        .filter(|file| file.exists());
    own.unwrap_or_else(|| PathBuf::from("/etc/mox/sendmail.toml"))
}

fn default_folder() -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    set("XDG_STATE_HOME")
        .map(PathBuf::from)
        .or_else(|| set("HOME").map(|home| Path::new(&home).join(".local/state")))
        .map(|folder| folder.join("mox/sendmail"))
}

/// Says where the message is, and how to try again.
fn with_place(failure: Failure, kept: Result<Kept, Error>, options: &Options) -> Error {
    let Failure { error, left } = failure;
    let Error::Sendmail {
        status,
        message,
        hint,
    } = error
    else {
        return error;
    };
    match kept {
        Ok(kept) => {
            let again = kept.again(options, left.as_deref());
            let hint = match hint.is_empty() {
                true => again,
                false => format!("{hint}; then: {again}"),
            };
            Error::Sendmail {
                status,
                message: format!("{message}; the message is in {}", kept.path().display()),
                hint,
            }
        }
        Err(unkept) => Error::Sendmail {
            status,
            message: format!("{message}; the message is NOT kept: {unkept}"),
            hint,
        },
    }
}

/// An error with this exit status.
fn refuse(status: u8, message: impl Into<String>) -> Error {
    Error::Sendmail {
        status,
        message: message.into(),
        hint: String::new(),
    }
}
