//! The generations that are kept.

use serde::{Deserialize, Serialize};

use crate::admin::{Admin, AdminError};
use crate::ctl::time_text;
use crate::state::Generation;

/// A generation in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryRow {
    /// Its number.
    pub generation: u64,
    /// RFC 3339, UTC, with three fraction digits.
    pub time: String,
    /// Unix user; `file` for hand edits.
    pub actor: String,
    /// The command line.
    pub command: String,
    /// One line for people.
    pub summary: String,
}

/// What is kept of the history, newest first; it needs no valid mox.toml.
pub fn history(admin: &Admin) -> Result<Vec<HistoryRow>, AdminError> {
    Ok(admin.history()?.iter().map(row).collect())
}

fn row(generation: &Generation) -> HistoryRow {
    HistoryRow {
        generation: generation.number,
        time: time_text(generation.time),
        actor: generation.actor.clone(),
        command: generation.command.clone(),
        summary: generation.summary.clone(),
    }
}
