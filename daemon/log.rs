//! The log: structured lines on stderr. Levels follow the configuration, and what an admin sets for the
//! life of the daemon with `mox loglevels`.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mox::admin::AdminError;
use mox::config::model::LogLevel;
use mox::ctl::{LogLevelChoice, LogLevelRow, SetLogLevel};
use mox::diag::did_you_mean;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::prelude::*;
use tracing_subscriber::{Registry, fmt, reload};

/// All of this program: tracing's targets are prefixes, so it is `mox_daemon` too.
const OURS: &str = "mox";

/// Targets with a level of their own at a time.
const MOST: usize = 100;

/// The longest name of a target.
const LONGEST: usize = 100;

/// What is logged; clones are the same.
#[derive(Debug, Clone)]
pub(crate) struct Levels {
    filter: reload::Handle<Targets, Registry>,
    set: Arc<Mutex<Set>>,
}

#[derive(Debug)]
struct Set {
    configured: LevelFilter,
    /// By target, until the daemon ends.
    by_command: BTreeMap<String, LevelFilter>,
}

impl Levels {
    /// Logs what the configuration says, where no command said otherwise.
    pub(crate) fn configure(&self, level: LogLevel) {
        let mut set = self.set();
        set.configured = filter(level);
        self.use_targets(&set);
    }

    /// Sets a level until the daemon ends.
    pub(crate) fn change(&self, change: &SetLogLevel) -> Result<(), AdminError> {
        let target = match change.target.as_str() {
            "" => OURS,
            target => target,
        };
        let mut set = self.set();
        let level = match change.level {
            LogLevelChoice::Off => LevelFilter::OFF,
            LogLevelChoice::Error => LevelFilter::ERROR,
            LogLevelChoice::Warn => LevelFilter::WARN,
            LogLevelChoice::Info => LevelFilter::INFO,
            LogLevelChoice::Debug => LevelFilter::DEBUG,
            LogLevelChoice::Trace => LevelFilter::TRACE,
            LogLevelChoice::Reset => {
                match change.target.is_empty() {
                    true => set.by_command.clear(),
                    false => drop(set.by_command.remove(target)),
                }
                self.use_targets(&set);
                return Ok(());
            }
        };
        check(target)?;
        if set.by_command.len() >= MOST && !set.by_command.contains_key(target) {
            return Err(AdminError::Usage(format!(
                "{MOST} targets have a level of their own: reset some"
            )));
        }
        set.by_command.insert(target.to_owned(), level);
        self.use_targets(&set);
        Ok(())
    }

    /// All of this program first, then what differs.
    pub(crate) fn rows(&self) -> Vec<LogLevelRow> {
        let set = self.set();
        let row = |target: &str, level: LevelFilter, source: &str| LogLevelRow {
            target: target.to_owned(),
            level: level.to_string(),
            source: source.to_owned(),
        };
        let mut rows = Vec::new();
        if !set.by_command.contains_key(OURS) {
            rows.push(row(OURS, set.configured, "config"));
        }
        let by_command = set.by_command.iter();
        rows.extend(by_command.map(|(target, level)| row(target, *level, "command")));
        rows.sort_by_key(|row| row.target != OURS);
        rows
    }

    fn set(&self) -> MutexGuard<'_, Set> {
        self.set.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn use_targets(&self, set: &Set) {
        let _ = self.filter.reload(set.targets());
    }
}

impl Set {
    fn new(configured: LogLevel) -> Set {
        Set {
            configured: filter(configured),
            by_command: BTreeMap::new(),
        }
    }

    /// Our own lines at their level; those of libraries only if they are warnings.
    fn targets(&self) -> Targets {
        let base = self.by_command.get(OURS).copied();
        let base = base.unwrap_or(self.configured);
        Targets::new()
            .with_default(base.min(LevelFilter::WARN))
            .with_target(OURS, base)
            .with_targets(self.by_command.clone())
    }
}

/// Begins to log; panics are logged too, within the span of their connection. Where a log has been
/// set up already (tests), that one goes on.
pub(crate) fn begin(level: LogLevel) -> Levels {
    let set = Set::new(level);
    let (layer, filter) = reload::Layer::new(set.targets());
    let lines = fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    let subscriber = Registry::default().with(layer).with(lines);
    if tracing::subscriber::set_global_default(subscriber).is_ok() {
        std::panic::set_hook(Box::new(|panic| {
            let place = panic.location().map(ToString::to_string);
            let message = panic.payload_as_str().unwrap_or("no message");
            tracing::error!(place, message, "panic: a bug, please report it");
        }));
    }
    Levels {
        filter,
        set: Arc::new(Mutex::new(set)),
    }
}

/// Modules that can have a level of their own: those at the top of this program, read from their lists.
pub fn targets() -> impl Iterator<Item = String> {
    [
        (OURS, include_str!("../src/lib.rs")),
        ("mox_daemon", include_str!("lib.rs")),
    ]
    .into_iter()
    .flat_map(|(name, modules)| {
        let lines = modules
            .lines()
            .map(|line| line.strip_prefix("pub ").unwrap_or(line));
        let modules = lines.filter_map(|line| line.strip_prefix("mod ")?.strip_suffix(';'));
        let modules = modules.map(move |module| format!("{name}::{module}"));
        std::iter::once(name.to_owned()).chain(modules)
    })
}

/// A slip in a name of ours would log nothing for ever; libraries are not known by name.
fn check(target: &str) -> Result<(), AdminError> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    if target.len() > LONGEST || !target.chars().all(is_plain) {
        return Err(AdminError::Usage(format!(
            "a target is a module like mox::login, not {target:?}"
        )));
    }
    let known: Vec<String> = targets().collect();
    let is_below = |known: &String| {
        let rest = target.strip_prefix(known.as_str());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with("::") && known.contains("::"))
    };
    let is_ours = target
        .split("::")
        .next()
        .is_some_and(|name| name.starts_with(OURS));
    if !is_ours || known.iter().any(is_below) {
        return Ok(());
    }
    let near = did_you_mean(target, known.iter().map(String::as_str));
    Err(AdminError::NotFound {
        message: format!("nothing is logged by {target}"),
        hint: near
            .map(|near| format!("did you mean {near}?"))
            .unwrap_or_default(),
    })
}

fn filter(level: LogLevel) -> LevelFilter {
    match level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    }
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    fn levels() -> Levels {
        let set = Set::new(LogLevel::Info);
        // The layer is dropped: what it was told cannot be asked of it.
        let (_, filter) = reload::Layer::new(set.targets());
        let set = Arc::new(Mutex::new(set));
        Levels { filter, set }
    }

    fn change(levels: &Levels, level: LogLevelChoice, target: &str) -> Result<(), AdminError> {
        let target = target.to_owned();
        levels.change(&SetLogLevel { level, target })
    }

    fn shown(levels: &Levels) -> String {
        let rows = levels.rows();
        let rows = rows
            .iter()
            .map(|r| format!("{} {} {}", r.target, r.level, r.source));
        rows.collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn what_a_command_set_stays_until_it_is_reset() {
        let levels = levels();
        assert_eq!(shown(&levels), "mox info config");
        change(&levels, LogLevelChoice::Debug, "mox_daemon::imap").unwrap();
        change(&levels, LogLevelChoice::Trace, "rustls").unwrap();
        levels.configure(LogLevel::Warn);
        let both = "mox_daemon::imap debug command, rustls trace command";
        assert_eq!(shown(&levels), format!("mox warn config, {both}"));
        let would_log = |target: &str, level| levels.set().targets().would_enable(target, &level);
        assert!(would_log("mox_daemon::imap::fetch", Level::DEBUG));
        assert!(!would_log("mox_daemon::smtp", Level::INFO));
        assert!(would_log("mox_daemon::smtp", Level::WARN));
        assert!(would_log("rustls::conn", Level::TRACE));
        assert!(!would_log("notify", Level::INFO));
        change(&levels, LogLevelChoice::Error, "").unwrap();
        assert!(!would_log("mox::login", Level::WARN));
        assert_eq!(shown(&levels), format!("mox error command, {both}"));
        change(&levels, LogLevelChoice::Reset, "rustls").unwrap();
        assert!(!would_log("rustls", Level::INFO));
        change(&levels, LogLevelChoice::Reset, "").unwrap();
        assert_eq!(shown(&levels), "mox warn config");
    }

    #[test]
    fn a_target_that_logs_nothing_is_refused_and_many_are() {
        let levels = levels();
        let near = |target: &str| match change(&levels, LogLevelChoice::Debug, target) {
            Err(AdminError::NotFound { hint, .. }) => hint,
            other => panic!("{target}: {other:?}"),
        };
        assert_eq!(near("mox::lgoin"), "did you mean mox::login?");
        assert_eq!(near("mox_daemon::imapp"), "did you mean mox_daemon::imap?");
        for target in [
            "mox",
            "mox_daemon",
            "mox::store::committer",
            "mox_daemon::log",
        ] {
            change(&levels, LogLevelChoice::Debug, target).unwrap();
        }
        for target in ["a b", "a\n", "é", &"x".repeat(LONGEST + 1)] {
            let refused = change(&levels, LogLevelChoice::Debug, target);
            assert!(matches!(refused, Err(AdminError::Usage(_))), "{target:?}");
        }
        let refused =
            (0..MOST).find_map(|n| change(&levels, LogLevelChoice::Off, &format!("c{n}")).err());
        assert!(matches!(refused, Some(AdminError::Usage(_))));
    }
}
