//! `--dry-run`: prints the very diff that the command then makes, and changes nothing.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::both_ways::STEPS;
use super::support::instance::Instance;
use super::support::process;
use super::{help, leaves};

/// What a command is, of a line with its arguments.
fn leaf_of<'l>(line: &str, leaves: &'l [String]) -> &'l str {
    let begins = |leaf: &&String| {
        line.strip_prefix(leaf.as_str())
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
    };
    leaves.iter().find(begins).unwrap()
}

/// mox.toml after a diff was applied to it, by a program that is not ours.
fn patched(file: &str, diff: &str, folder: &Path) -> String {
    let (old, new) = (folder.join(".old"), folder.join(".new"));
    fs::write(&old, file).unwrap();
    if diff.is_empty() {
        return file.to_owned();
    }
    let mut patch = Command::new("patch");
    patch.args(["--silent", "--fuzz=0", "--output"]);
    patch.arg(&new).arg(&old).current_dir(folder);
    process::run(&mut patch, diff.as_bytes()).unwrap().ok();
    fs::read_to_string(new).unwrap()
}

fn dry_runs_tell_the_truth(online: bool) {
    let leaves = leaves();
    let mut instance = Instance::new(env!("CARGO_BIN_EXE_mox"));
    instance.init().unwrap();
    if online {
        instance.serve().unwrap();
    }
    let file = || fs::read_to_string(instance.config().unwrap()).unwrap();
    let history = || {
        let mut command = instance.mox(["config", "history"]);
        process::run(&mut command, b"").unwrap().ok()
    };
    let mut changed = 0;
    for (step, input) in STEPS {
        if step.contains("FINGERPRINT") || *input == "certificate" {
            continue;
        }
        let leaf = leaf_of(step, &leaves);
        let path: Vec<&str> = leaf.split(' ').collect();
        let offered = help(&path).contains("--dry-run");
        let (before, generations) = (file(), history());
        let mut dry = None;
        if offered && !step.contains("--dry-run") {
            let words = step.split(' ').chain(["--dry-run"]);
            let output = process::run(&mut instance.mox(words), input.as_bytes()).unwrap();
            assert_eq!(before, file(), "mox {step} --dry-run changed mox.toml");
            assert_eq!(generations, history(), "mox {step} --dry-run");
            dry = Some((output.code(), output.out()));
        }
        let words = step.split(' ');
        let output = process::run(&mut instance.mox(words), input.as_bytes()).unwrap();
        let after = file();
        if before != after {
            changed += 1;
            assert!(offered, "mox {leaf} changes mox.toml and has no --dry-run");
        }
        if let Some((code, diff)) = dry {
            assert_eq!(code, output.code(), "mox {step} --dry-run");
            if code == 0 {
                let promised = patched(&before, &diff, instance.root());
                assert_eq!(promised, after, "mox {step} --dry-run said:\n{diff}");
            }
        }
    }
    assert!(changed > 20, "{changed}");
}

#[test]
fn what_a_dry_run_shows_is_what_is_done_by_a_server() {
    dry_runs_tell_the_truth(true);
}

#[test]
fn what_a_dry_run_shows_is_what_is_done_without_a_server() {
    dry_runs_tell_the_truth(false);
}
