//! Diagnostics: what is wrong with a configuration, where, and what might be meant.

use serde::{Deserialize, Serialize};

/// One problem.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnostic {
    /// Stable name of the kind of problem, `address.unknown_domain`.
    pub code: String,
    /// The key's path, `accounts.alice.destinations."alice@example.org"`.
    pub path: String,
    /// Where in the file; none when nothing of it is there.
    pub position: Option<Position>,
    /// A plain sentence, naming the thing and the value.
    pub message: String,
    /// A likely next step, or empty.
    pub hint: String,
}

/// A place in a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// The file as it was named.
    pub file: String,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// Characters to underline, at least 1.
    pub width: usize,
    /// The line's text, to show with a caret.
    pub text: String,
}

/// The candidate nearest to what was written, if one is near enough to be meant.
pub fn did_you_mean<'a>(
    _written: &str,
    _candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    todo!()
}
