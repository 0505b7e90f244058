//! Completion by shells: the grammar, and the names that are configured. Whatever goes wrong, there are
//! just no candidates.

use std::path::PathBuf;

use clap_complete::env::{CompleteEnv, Shells};
use clap_complete::{CompletionCandidate, Shell};
use mox::config::model::Config;
use mox::config::{self, Unchecked};

use crate::args::Args;
use crate::error::Error;
use crate::place;

/// Set by the shell's side of the completion.
const VARIABLE: &str = "COMPLETE";

/// Answers if a shell asks for candidates; true: that was all there was to do.
pub(crate) fn answered() -> bool {
    let folder = std::env::current_dir().ok();
    CompleteEnv::with_factory(Args::grammar)
        .var(VARIABLE)
        .try_complete(std::env::args_os(), folder.as_deref())
        .unwrap_or(true)
}

/// The script that a shell loads: it asks `mox` for candidates.
pub(crate) fn registration(shell: Shell) -> Result<Vec<u8>, Error> {
    let name = shell.to_string();
    let shells = Shells::builtins();
    let Some(completer) = shells.completer(&name) else {
        return Err(Error::Usage(format!("no completion for {name}")));
    };
    let mut script = Vec::new();
    completer
        .write_registration(VARIABLE, "mox", "mox", "mox", &mut script)
        .map_err(Error::io("write the completion"))?;
    Ok(script)
}

/// Domains that are hosted.
pub(crate) fn domains() -> Vec<CompletionCandidate> {
    let domains = |config: Config| {
        let candidate = |name: String, disabled| {
            let help = if disabled { "disabled" } else { "" };
            CompletionCandidate::new(name).help(Some(help.into()))
        };
        let all = config.domains.iter();
        all.map(|(name, domain)| candidate(name.unicode(), domain.disabled))
            .collect()
    };
    configured().map(domains).unwrap_or_default()
}

/// Accounts.
pub(crate) fn accounts() -> Vec<CompletionCandidate> {
    let accounts = |config: Config| {
        let all = config.accounts.iter();
        all.map(|(name, account)| {
            let first = account.destinations.keys().next();
            let help = match account.login_disabled.is_empty() {
                true => first.map(ToString::to_string).unwrap_or_default(),
                false => "logins disabled".to_owned(),
            };
            CompletionCandidate::new(name.to_string()).help(Some(help.into()))
        })
        .collect()
    };
    configured().map(accounts).unwrap_or_default()
}

/// Addresses of accounts.
pub(crate) fn addresses() -> Vec<CompletionCandidate> {
    let addresses = |config: Config| {
        let all = config.accounts.iter();
        all.flat_map(|(name, account)| {
            let help = name.to_string();
            account.destinations.keys().map(move |address| {
                CompletionCandidate::new(address.to_string()).help(Some(help.clone().into()))
            })
        })
        .collect()
    };
    configured().map(addresses).unwrap_or_default()
}

/// The file that the command line being completed is about: it is what a daemon serves.
fn configured() -> Option<Config> {
    let mut args = std::env::args_os();
    let mut named = std::env::var_os("MOXCONF").map(PathBuf::from);
    while let Some(arg) = args.next() {
        if arg == "--config" {
            named = args.next().map(PathBuf::from);
        } else if let Some(file) = arg.to_str().and_then(|arg| arg.strip_prefix("--config=")) {
            named = Some(PathBuf::from(file));
        }
    }
    let file = place::config_file(named.as_deref());
    config::load(&file, &Unchecked)
        .ok()
        .map(|loaded| loaded.config)
}
