//! The same at every fault point in the code, one after the other: the server is killed there with
//! all that was not synced lost, and once more while it recovers.
//!
//! `src/fsio/fault.rs` says what a specification in `MOX_FAULT` means. The points are taken from the
//! source, so that a new one is tested without a word here.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::Duration;

use super::postman::{Ledger, Round};
use super::support::instance::Instance;
use super::support::process;
use super::support::reader::Reader;

/// How often a point may be passed before the kill, at most.
const PASSES: [u32; 3] = [1, 2, 9];

/// The fault points in the source: `point("NAME")`, and three for every kind of durable file.
fn points() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("..")];
    while let Some(folder) = folders.pop() {
        for part in ["src", "daemon"] {
            let inner = folder.join(part);
            if folder.ends_with("..") && inner.is_dir() {
                folders.push(inner);
            }
        }
        if folder.ends_with("..") {
            continue;
        }
        for entry in fs::read_dir(&folder).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                let code = text.split("#[cfg(test)]").next().unwrap_or_default();
                collect(code, &mut found);
            }
        }
    }
    found
}

fn collect(code: &str, found: &mut BTreeSet<String>) {
    let quoted = |rest: &str| rest.split('"').nth(1).map(str::to_owned);
    for (at, _) in code.match_indices("point(\"") {
        found.extend(quoted(&code[at..]));
    }
    for mark in ["DurableFile::open(", "DurableFile::create("] {
        for (at, _) in code.match_indices(mark) {
            let call = code[at..].split(')').next().unwrap_or_default();
            if let Some(kind) = quoted(call) {
                for what in ["write", "sync", "synced"] {
                    found.insert(format!("fsio.{kind}.{what}"));
                }
            }
        }
    }
}
