//! Completion by shells: the grammar, and the names that are configured. Whatever goes wrong, there are
//! just no candidates.

use std::ffi::OsStr;
use std::fs;
use std::path::PathBuf;

use clap::{Arg, ArgAction};
use clap_complete::env::{CompleteEnv, Shells};
use clap_complete::{CompletionCandidate, Shell};
use mox::config::settings::{self, Setting};
use mox::ctl::{self, Answer, NameKind, NameRow, Query};

use crate::args::Args;
use crate::backend::Server;
use crate::error::Error;
use crate::place;
use crate::ui::clean;

/// Set by the shell's side of the completion.
const VARIABLE: &str = "COMPLETE";

/// So many names at most: more than anybody reads, and soon there.
const OFFERED: usize = 1000;

/// Answers if a shell asks for candidates; true: that was all there was to do.
pub(crate) fn answered() -> bool {
    let folder = std::env::current_dir().ok();
    CompleteEnv::with_factory(|| long_help(Args::grammar()))
        .var(VARIABLE)
        .try_complete(std::env::args_os(), folder.as_deref())
        .unwrap_or(true)
}

/// `--help` without `-h`, which would be offered behind everything that begins with a hyphen, the
/// start of a fingerprint among it.
fn long_help(command: clap::Command) -> clap::Command {
    let help = Arg::new("help").long("help").help("Print help");
    command
        .disable_help_flag(true)
        .arg(help.action(ArgAction::Help))
        .mut_subcommands(long_help)
}

/// The script that a shell loads: it asks `mox` for candidates.
pub(crate) fn registration(shell: Shell) -> Result<Vec<u8>, Error> {
    let name = shell.to_string();
    let shells = Shells::builtins();
    let Some(completer) = shells.completer(&name) else {
        return Err(Error::Usage(format!("no completion for {name}")));
    };
    let mut script = Vec::new();
    if shell == Shell::Bash {
        // It takes an @ for the end of a word, and addresses have one.
        script.extend_from_slice(b"COMP_WORDBREAKS=${COMP_WORDBREAKS//@/}\n");
    }
    completer
        .write_registration(VARIABLE, "mox", "mox", "mox", &mut script)
        .map_err(Error::io("write the completion"))?;
    Ok(script)
}

/// Domains that are hosted.
pub(crate) fn domains(start: &OsStr) -> Vec<CompletionCandidate> {
    live(NameKind::Domains, start)
}

/// Accounts.
pub(crate) fn accounts(start: &OsStr) -> Vec<CompletionCandidate> {
    live(NameKind::Accounts, start)
}

/// Addresses of accounts.
pub(crate) fn addresses(start: &OsStr) -> Vec<CompletionCandidate> {
    live(NameKind::Addresses, start)
}

/// Addresses that can be members of aliases: catchalls cannot.
pub(crate) fn members(start: &OsStr) -> Vec<CompletionCandidate> {
    let mut all = addresses(start);
    all.retain(|candidate| !candidate.get_value().to_string_lossy().starts_with('@'));
    all
}

/// Aliases.
pub(crate) fn aliases(start: &OsStr) -> Vec<CompletionCandidate> {
    live(NameKind::Aliases, start)
}

/// DKIM keys: those of the domains that the command line names, if it names any.
pub(crate) fn selectors(start: &OsStr) -> Vec<CompletionCandidate> {
    let words = std::env::args_os().map(|word| word.to_string_lossy().into_owned());
    live(NameKind::Selectors(words.collect()), start)
}

/// Fingerprints of TLS public keys.
pub(crate) fn fingerprints(start: &OsStr) -> Vec<CompletionCandidate> {
    live(NameKind::Fingerprints, start)
}

/// Names that begin so, by the daemon's word; without one, or where it is slow, by what the file says.
fn live(kind: NameKind, start: &OsStr) -> Vec<CompletionCandidate> {
    let Some(start) = start.to_str() else {
        return Vec::new();
    };
    let file = config_file();
    let query = Query::Names {
        kind: kind.clone(),
        start: start.to_owned(),
        limit: OFFERED,
    };
    let server = Server::find(Some(&file));
    let asked = match kind {
        // They are in no file that one could read.
        NameKind::Fingerprints => server.peek(&query),
        _ => server.peek_daemon(&query),
    };
    let names = match asked {
        Some(Answer::Names(names)) => names,
        _ => match fs::read_to_string(&file) {
            Ok(text) => ctl::names_in(&text, &file, &kind, start, OFFERED),
            Err(_) => Vec::new(),
        },
    };
    let candidate = |row: NameRow| {
        let about = clean(&row.about).to_string();
        CompletionCandidate::new(row.name).help(Some(about.into()))
    };
    names.into_iter().map(candidate).collect()
}

/// Keys that can be set of an account.
pub(crate) fn account_keys() -> Vec<CompletionCandidate> {
    keys(settings::ACCOUNT)
}

/// Keys that can be set of a domain.
pub(crate) fn domain_keys() -> Vec<CompletionCandidate> {
    keys(settings::DOMAIN)
}

fn keys<T>(all: &[Setting<T>]) -> Vec<CompletionCandidate> {
    let all = all.iter();
    all.map(|setting| CompletionCandidate::new(setting.key).help(Some(setting.about.into())))
        .collect()
}

/// What can have a log level of its own here.
pub(crate) fn log_targets() -> Vec<CompletionCandidate> {
    let targets = mox_daemon::log::targets();
    targets.map(CompletionCandidate::new).collect()
}

/// Generations that are kept, the newest first.
pub(crate) fn generations() -> Vec<CompletionCandidate> {
    let Some(Answer::History(history)) = Server::find(Some(&config_file())).peek(&Query::History)
    else {
        return Vec::new();
    };
    let rows = history.into_iter().enumerate();
    rows.map(|(place, row)| {
        CompletionCandidate::new(row.generation.to_string())
            .help(Some(clean(&row.summary).into()))
            .display_order(Some(place))
    })
    .collect()
}

/// The file that the command line being completed is about: it is what a daemon serves.
fn config_file() -> PathBuf {
    let mut args = std::env::args_os();
    let mut named = std::env::var_os("MOXCONF").map(PathBuf::from);
    while let Some(arg) = args.next() {
        if arg == "--config" {
            named = args.next().map(PathBuf::from);
        } else if let Some(file) = arg.to_str().and_then(|arg| arg.strip_prefix("--config=")) {
            named = Some(PathBuf::from(file));
        }
    }
    place::config_file(named.as_deref())
}
