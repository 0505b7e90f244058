//! The log: structured lines on stderr, whose level a reload can change.

use std::io::IsTerminal;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::prelude::*;
use tracing_subscriber::{Registry, fmt, reload};

/// Sets the level while the server runs.
#[derive(Debug, Clone)]
pub(crate) struct Level(reload::Handle<Targets, Registry>);

impl Level {
    /// Logs this and what is graver: `error`, `warn`, `info`, `debug`, `trace`.
    pub(crate) fn set(&self, level: &str) {
        let _ = self.0.reload(targets(level));
    }
}

/// Begins to log; panics are logged too, within the span of their connection. Where a log has been
/// set up already (tests), that one goes on.
pub(crate) fn begin(level: &str) -> Level {
    let (filter, handle) = reload::Layer::new(targets(level));
    let lines = fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    let subscriber = Registry::default().with(filter).with(lines);
    if tracing::subscriber::set_global_default(subscriber).is_ok() {
        std::panic::set_hook(Box::new(|panic| {
            let place = panic.location().map(ToString::to_string);
            let message = panic.payload_as_str().unwrap_or("no message");
            tracing::error!(place, message, "panic: a bug, please report it");
        }));
    }
    Level(handle)
}

/// Our own lines at the level; those of libraries only if they are warnings.
fn targets(level: &str) -> Targets {
    let level: LevelFilter = level.parse().unwrap_or(LevelFilter::INFO);
    Targets::new()
        .with_default(level.min(LevelFilter::WARN))
        .with_target("mox", level)
        .with_target("mox_daemon", level)
}
