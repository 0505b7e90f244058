//! A server with many domains and accounts, and what is asked of it.

use std::fs;
use std::path::{Path, PathBuf};

use super::support::instance::Instance;
use super::support::process;

/// Two commands in turn, so that each changes something.
type Change = (&'static str, [&'static [&'static str]; 2]);

pub(crate) const CHANGES: [Change; 3] = [
    (
        "domain disable or enable",
        [
            &["config", "domain", "disable", "d7.example"],
            &["config", "domain", "enable", "d7.example"],
        ],
    ),
    (
        "account disable or enable",
        [
            &["config", "account", "disable", "u7", "moved"],
            &["config", "account", "enable", "u7"],
        ],
    ),
    (
        "address add or rm",
        [
            &["config", "address", "add", "x@d7.example", "u7"],
            &["config", "address", "rm", "x@d7.example"],
        ],
    ),
];

pub(crate) const QUESTIONS: [(&str, &[&str], &str); 6] = [
    ("domain list", &["config", "domain", "list"], "40 ms"),
    ("account list", &["config", "account", "list"], "40 ms"),
    (
        "domain show",
        &["config", "domain", "show", "d7.example"],
        "–",
    ),
    ("account show", &["config", "account", "show", "u7"], "–"),
    (
        "domain disable --dry-run",
        &["config", "domain", "disable", "--dry-run", "d7.example"],
        "100 ms",
    ),
    ("config reload, nothing new", &["config", "reload"], "–"),
];

/// The words of the line so far; the last is completed.
pub(crate) const COMPLETIONS: [(&str, &[&str]); 3] = [
    (
        "completion of a domain",
        &["mox", "config", "domain", "show", "d77"],
    ),
    (
        "completion of an account",
        &["mox", "config", "account", "show", "u77"],
    ),
    (
        "completion of an address",
        &["mox", "config", "address", "rm", "u77"],
    ),
];

pub(crate) struct World {
    pub(crate) instance: Instance,
}

impl World {
    /// A server with so many more domains, each with an account, up and serving.
    pub(crate) fn new(size: usize) -> World {
        let mut instance = super::initialised();
        let file = instance.config().unwrap().to_owned();
        let mut text = fs::read_to_string(&file).unwrap();
        for n in 0..size {
            text.push_str(&domain_and_account(n));
        }
        fs::write(&file, text).unwrap();
        instance.serve().unwrap();
        World { instance }
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.instance.config().unwrap().to_owned()
    }

    pub(crate) fn kib(&self) -> u64 {
        fs::metadata(self.file()).unwrap().len() >> 10
    }

    pub(crate) fn command(&self, arguments: &[&str]) {
        let mut command = self.instance.mox(arguments.iter().copied());
        process::run(&mut command, b"").unwrap().ok();
    }

    pub(crate) fn password(&self, account: &str) {
        let mut command = self.instance.mox(["setaccountpassword", account]);
        process::run(&mut command, b"moxmoxmox\n").unwrap().ok();
    }

    /// As the shell's side of the completion asks.
    pub(crate) fn complete(&self, words: &[&str]) {
        let mut command = self
            .instance
            .mox(["--"].into_iter().chain(words.iter().copied()));
        command
            .env("COMPLETE", "bash")
            .env("_CLAP_COMPLETE_INDEX", (words.len() - 1).to_string())
            .env("_CLAP_COMPLETE_COMP_TYPE", "9")
            .env("_CLAP_COMPLETE_SPACE", "false")
            .env("_CLAP_IFS", "\n");
        let found = process::run(&mut command, b"").unwrap().ok();
        // The smallest world has no such name.
        let last = words.last().copied().unwrap_or_default();
        assert!(self.kib() < 10 || found.contains(last), "{found:?}");
    }

    /// What replacing mox.toml costs the disk, without touching it.
    pub(crate) fn replace_beside(&self) {
        let bytes = fs::read(self.file()).unwrap();
        super::replace(&self.file().with_file_name("baseline"), &bytes);
    }

    /// Puts a text in place of mox.toml, as an editor does.
    pub(crate) fn replace(&self, text: &str) {
        super::replace(&self.file(), text.as_bytes());
    }
}

/// The part of one domain in mox.toml.
pub(crate) fn domain_and_account(n: usize) -> String {
    format!(
        "\n[domains.\"d{n}.example\"]\n\n[accounts.u{n}]\ndomain = \"d{n}.example\"\n\
         [accounts.u{n}.destinations]\n\"u{n}@d{n}.example\" = {{}}\n"
    )
}

/// Of a file that is not served: the beginning is that of `localserve`.
pub(crate) fn text(size: usize, file: &Path) -> String {
    let mut text = fs::read_to_string(file).unwrap();
    text.extend((0..size).map(domain_and_account));
    text
}
