//! What is told about mox.toml: the message of every mistake, and the JSON Schema that editors check
//! the file with.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "this is a test"
)]

mod support;

#[path = "reference/mistakes.rs"]
mod mistakes;
#[path = "reference/schema.rs"]
mod schema;

use std::path::PathBuf;

/// The top of the repository.
fn top() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// `mox` with these arguments, in the folder of the samples.
fn mox(arguments: &[&str]) -> std::process::Output {
    let folder = top().join("tests/mistakes");
    let home = tempfile::tempdir().unwrap();
    let mut command = support::process::clean(env!("CARGO_BIN_EXE_mox"), home.path(), home.path());
    command.args(arguments).current_dir(folder);
    command.output().unwrap()
}
