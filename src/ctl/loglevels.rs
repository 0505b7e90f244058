//! What `mox loglevels` asks and shows: what the daemon logs now, which is nobody's fact but its own.

use serde::{Deserialize, Serialize};

/// What is logged from some place of the program; the JSON of `mox loglevels` is an array of these.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLevelRow {
    /// A module with all below it: `mox::login`. `mox` is all of this program, its libraries are others.
    pub target: String,
    /// `off`, `error`, `warn`, `info`, `debug`, `trace`: this and what is graver.
    pub level: String,
    /// `config`: from `server.log_level`; `command`: until the daemon ends.
    pub source: String,
}

/// A level to set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetLogLevel {
    /// Which.
    pub level: LogLevelChoice,
    /// As in [`LogLevelRow`]; empty: `mox`, and with [`LogLevelChoice::Reset`] all that was set.
    pub target: String,
}

/// A level that can be set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum LogLevelChoice {
    Off,
    Error,
    Warn,
    Info,
    Debug,
    Trace,
    /// What the configuration says.
    Reset,
}

impl LogLevelChoice {
    /// All of them, the quietest first.
    pub const ALL: [LogLevelChoice; 7] = [
        LogLevelChoice::Off,
        LogLevelChoice::Error,
        LogLevelChoice::Warn,
        LogLevelChoice::Info,
        LogLevelChoice::Debug,
        LogLevelChoice::Trace,
        LogLevelChoice::Reset,
    ];

    /// As people write it.
    pub fn as_str(self) -> &'static str {
        match self {
            LogLevelChoice::Off => "off",
            LogLevelChoice::Error => "error",
            LogLevelChoice::Warn => "warn",
            LogLevelChoice::Info => "info",
            LogLevelChoice::Debug => "debug",
            LogLevelChoice::Trace => "trace",
            LogLevelChoice::Reset => "reset",
        }
    }
}
