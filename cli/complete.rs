//! Completion by shells: the grammar, and the names that are configured. Whatever goes wrong, there are
//! just no candidates.

use std::path::PathBuf;

use clap_complete::env::{CompleteEnv, Shells};
use clap_complete::{CompletionCandidate, Shell};
use mox::addr::Domain;
use mox::config::model::Config;
use mox::config::settings::{self, Setting};
use mox::config::{self, Unchecked};
use mox::ctl::{Answer, Query};

use crate::args::Args;
use crate::backend::Server;
use crate::error::Error;
use crate::place;
use crate::ui::clean;

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

/// Addresses that can be members of aliases: catchalls cannot.
pub(crate) fn members() -> Vec<CompletionCandidate> {
    let mut all = addresses();
    all.retain(|candidate| !candidate.get_value().to_string_lossy().starts_with('@'));
    all
}

/// Aliases.
pub(crate) fn aliases() -> Vec<CompletionCandidate> {
    let aliases = |config: Config| {
        let all = config.domains.iter();
        all.flat_map(|(domain, config)| {
            config.aliases.iter().map(move |(localpart, alias)| {
                let help = alias.addresses.iter().map(ToString::to_string);
                let help: Vec<String> = help.take(3).collect();
                CompletionCandidate::new(format!("{localpart}@{domain}"))
                    .help(Some(help.join(" ").into()))
            })
        })
        .collect()
    };
    configured().map(aliases).unwrap_or_default()
}

/// DKIM keys: those of the domains that the command line names, if it names any.
pub(crate) fn selectors() -> Vec<CompletionCandidate> {
    let words: Vec<String> = std::env::args_os()
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    let selectors = |config: Config| {
        let is_named = |domain: &Domain| words.contains(&domain.unicode());
        let any_is_named = config.domains.keys().any(is_named);
        let all = config.domains.iter();
        all.filter(|(domain, _)| !any_is_named || is_named(domain))
            .flat_map(|(domain, config)| {
                config.dkim.selectors.keys().map(|selector| {
                    CompletionCandidate::new(selector).help(Some(domain.unicode().into()))
                })
            })
            .collect()
    };
    configured().map(selectors).unwrap_or_default()
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

/// Fingerprints of TLS public keys.
pub(crate) fn fingerprints() -> Vec<CompletionCandidate> {
    let everybody = Query::TlsKeys {
        account: String::new(),
    };
    let Some(Answer::TlsKeys(keys)) = Server::find(Some(&config_file())).peek(&everybody) else {
        return Vec::new();
    };
    keys.into_iter()
        .map(|key| {
            let help = format!("{} {}", key.login_address, clean(&key.name));
            CompletionCandidate::new(key.fingerprint).help(Some(help.into()))
        })
        .collect()
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

fn configured() -> Option<Config> {
    config::load(&config_file(), &Unchecked)
        .ok()
        .map(|loaded| loaded.config)
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
