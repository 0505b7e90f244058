//! A look at a file for the names in it, without reading all of it and whether it is valid or not: a shell
//! waits for them after each letter.

use std::path::Path;

use super::excerpt::{self, Kind};
use super::files::Unchecked;
use super::model::Config;
use super::read::{self, Context};
use super::reader::Problems;
use super::{document, folder};

/// What one wants to know of. The answer may hold more.
#[derive(Debug, Clone, Copy)]
pub enum Sought<'s> {
    /// Everything.
    All,
    /// Domains whose names start so.
    Domains(&'s str),
    /// Accounts whose names start so.
    Accounts(&'s str),
    /// Accounts with such a text in what the file says of them.
    AccountsWith(&'s str),
}

/// What a text says of it, as far as it can be understood. Nothing is checked, and what else is there may be
/// missing: it is good for names alone. None where even the server's name cannot be found.
pub fn glimpse(text: &str, file: &Path, sought: Sought<'_>) -> Option<Config> {
    let parts = match sought {
        Sought::All => vec![excerpt::whole(text)],
        Sought::Domains(start) => excerpt::select(text, |kind, name| {
            kind == Kind::Domain && name.starts_with(start)
        }),
        Sought::Accounts(start) => excerpt::select(text, |kind, name| {
            kind == Kind::Account && name.starts_with(start)
        }),
        Sought::AccountsWith(word) => {
            let names = excerpt::mentioning(text, Kind::Account, word);
            excerpt::select(text, |kind, name| {
                kind == Kind::Account && names.contains(name)
            })
        }
    };
    let (root, _) = document::parse_parts(text, &parts);
    let context = Context {
        folder: &folder(file),
        files: &Unchecked,
    };
    read::read(&root, &context, &Problems::new())
}
