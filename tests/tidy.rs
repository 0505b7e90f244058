//! The rules that the source keeps, each with a planted violation that it has to find; and the
//! proof that transcripts can fail (`tidy/engine.rs`).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "this is a test"
)]

mod support;

#[path = "tidy/engine.rs"]
mod engine;
#[path = "tidy/modules.rs"]
mod modules;
#[path = "tidy/prose.rs"]
mod prose;
#[path = "tidy/source.rs"]
mod source;
#[path = "tidy/vocabulary.rs"]
mod vocabulary;

/// Fails and prints all violations, one a line.
#[track_caller]
fn none(violations: Vec<String>) {
    assert!(
        violations.is_empty(),
        "{} violations:\n  {}",
        violations.len(),
        violations.join("\n  ")
    );
}

/// Fails unless exactly one violation is found, at this place.
#[track_caller]
fn caught(violations: &[String], place: &str) {
    assert!(
        violations.len() == 1 && violations[0].starts_with(place),
        "expected one violation at {place}, found: {violations:?}"
    );
}
