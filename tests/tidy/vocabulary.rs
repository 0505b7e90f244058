//! Names and sizes of files.

use super::source::{Source, tree};
use super::{caught, none};

/// A file longer than this holds more than one idea.
const MAX_LINES: usize = 600;

/// Names that say nothing about what is inside.
const FORBIDDEN: [&str; 11] = [
    "mod", "util", "utils", "helper", "helpers", "common", "misc", "manager", "managers", "types",
    "shared",
];

fn names(files: &[Source]) -> Vec<String> {
    let mut violations = Vec::new();
    for file in files.iter().filter(|file| file.is_rust()) {
        for part in file.path.trim_end_matches(".rs").split('/') {
            if FORBIDDEN.contains(&part) {
                violations.push(format!("{}: {part} is no name for a file", file.path));
            }
        }
    }
    violations
}

fn lengths(files: &[Source]) -> Vec<String> {
    files
        .iter()
        .filter(|file| file.is_rust())
        .filter_map(|file| {
            let lines = file.text.lines().count();
            (lines > MAX_LINES).then(|| format!("{}: {lines} lines", file.path))
        })
        .collect()
}

#[test]
fn files_have_names_that_say_what_is_inside() {
    none(names(&tree()));
}

#[test]
fn an_empty_name_is_found() {
    for name in FORBIDDEN {
        caught(
            &names(&[Source::new(&format!("src/smtp/{name}.rs"), "")]),
            "src/smtp/",
        );
        caught(
            &names(&[Source::new(&format!("daemon/{name}/x.rs"), "")]),
            "daemon/",
        );
    }
    none(names(&[Source::new("src/modseq.rs", "")]));
}

#[test]
fn files_hold_one_idea() {
    none(lengths(&tree()));
}

#[test]
fn a_long_file_is_found() {
    let longest = Source::new("src/a.rs", &"x\n".repeat(MAX_LINES));
    let longer = Source::new("src/b.rs", &"x\n".repeat(MAX_LINES + 1));
    caught(&lengths(&[longest, longer]), "src/b.rs");
}
