//! mox.toml ⇄ the typed model.
//!
//! [`parse`] finds everything that is wrong with a text at once, each problem at its place; what it
//! returns is complete and consistent. [`edit`] changes a text and nothing of it that it need not.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use self::document::{Data, Span};
use self::read::Context;
use self::reader::Problems;
use crate::diag::Diagnostic;

pub use self::files::{Disk, Expecting, Files, Unchecked};
pub use self::glimpse::{Sought, glimpse};
pub use self::read::{is_login_message, is_selector};
pub use self::units::format_size;

pub mod desired;
pub mod edit;
pub mod effective;
pub mod generate;
pub mod keys;
pub mod locate;
pub mod model;
pub mod reference;
pub mod settings;
pub mod submission;

mod document;
mod excerpt;
mod files;
mod glimpse;
mod read;
mod reader;
mod units;

#[cfg(test)]
mod tests;

/// Why a file gives no configuration.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is not valid; at least one problem.
    #[error("the configuration is invalid")]
    Invalid(Vec<Diagnostic>),
}

/// A file as it was read, and what it means.
#[derive(Debug)]
pub struct Loaded {
    /// The bytes of the file, which are UTF-8.
    pub text: String,
    /// What they mean.
    pub config: model::Config,
}

/// Reads and validates a file.
pub fn load(file: &Path, files: &dyn Files) -> Result<Loaded, ConfigError> {
    let bytes = std::fs::read(file).map_err(|source| ConfigError::Read {
        path: file.to_owned(),
        source,
    })?;
    let text = decode(bytes, file).map_err(ConfigError::Invalid)?;
    let config = parse(&text, file, files).map_err(ConfigError::Invalid)?;
    Ok(Loaded { text, config })
}

/// The text of a file; what is wrong with its bytes otherwise.
pub fn decode(bytes: Vec<u8>, file: &Path) -> Result<String, Vec<Diagnostic>> {
    String::from_utf8(bytes).map_err(|e| {
        let valid = e.utf8_error().valid_up_to();
        let lossy = String::from_utf8_lossy(e.as_bytes()).into_owned();
        let problems = Problems::new();
        let span = Span {
            start: valid,
            end: valid + 1,
        };
        let message = "the file is not UTF-8 here".to_owned();
        problems.add(
            "encoding",
            String::new(),
            Some(span),
            message,
            String::new(),
        );
        problems.finish(&lossy, &file.to_string_lossy())
    })
}

/// Validates a text. `file` is what problems are shown with, and relative paths start at its folder.
pub fn parse(text: &str, file: &Path, files: &dyn Files) -> Result<model::Config, Vec<Diagnostic>> {
    let problems = Problems::new();
    let (root, errors) = document::parse(text);
    let broken = !errors.is_empty();
    for error in errors {
        problems.add(
            "syntax",
            String::new(),
            Some(error.span),
            error.message,
            String::new(),
        );
    }
    // What a text that is not TOML leaves out would be called missing.
    let config = match broken {
        true => None,
        false => {
            let folder = folder(file);
            let context = Context {
                folder: &folder,
                files,
            };
            read::read(&root, &context, &problems)
        }
    };
    let mut diagnostics = problems.finish(text, &file.to_string_lossy());
    match config {
        Some(config) if diagnostics.is_empty() => Ok(config),
        _ if diagnostics.is_empty() => {
            // Every value that is not there was complained about; should one ever not be, say so.
            diagnostics.push(Diagnostic {
                code: "incomplete".to_owned(),
                path: String::new(),
                position: None,
                message: "the configuration is incomplete".to_owned(),
                hint: String::new(),
            });
            Err(diagnostics)
        }
        _ => Err(diagnostics),
    }
}

/// `server.data_dir` of a file that may be broken or absent: finding the daemon needs no more.
/// `../data` beside the file if it does not say.
pub fn data_dir(file: &Path) -> PathBuf {
    let bytes = std::fs::read(file).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let text = about_server(&text);
    let folder = folder(file);
    let (root, _) = document::parse(&text);
    let server = match root.get("server").map(|node| &node.data) {
        Some(Data::Table(table)) => table.get("data_dir").map(|node| &node.data),
        _ => None,
    };
    match server {
        Some(Data::String(path)) if !path.is_empty() => folder.join(path.as_ref()),
        _ => folder.join(read::DEFAULT_DATA_DIR),
    }
}

/// The parts of a text, from header to header, that can say something of `server`: every command looks for
/// the data directory, and need not read ten thousand accounts for it.
fn about_server(text: &str) -> Cow<'_, str> {
    let has =
        |part: &str, word: &str| memchr::memmem::find(part.as_bytes(), word.as_bytes()).is_some();
    // A text of many lines may hold what looks like a header, and so may an array; an escape may hide a
    // name.
    let odd = [
        "\"\"\"",
        "'''",
        "\"server\"",
        "'server'",
        "\\u",
        "\\U",
        "\\x",
    ];
    let is_plain = !odd.iter().any(|odd| has(text, odd));
    if !is_plain {
        return Cow::Borrowed(text);
    }
    let mut parts = String::new();
    let mut start = 0;
    let headers = memchr::memmem::find_iter(text.as_bytes(), "\n[").map(|at| at + 1);
    for end in headers.chain([text.len()]) {
        let part = &text[start..end];
        // What stands before the first header may be anything, and is short.
        if start == 0 || has(part, "server") {
            parts.push_str(part);
        }
        start = end;
    }
    Cow::Owned(parts)
}

/// Where relative paths of a file start.
fn folder(file: &Path) -> PathBuf {
    match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}
