//! The files that are generated from the commands and kept in the repository: manual pages and
//! completions. `UPDATE=1` writes them anew.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "this is a test"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What a kind of file is made with, and the folder that keeps it.
const KINDS: [(&str, &str); 2] = [("man", "man"), ("completions", "completions")];

fn kept(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .join(folder)
}

fn mox(args: &[&str]) -> Vec<u8> {
    let output = Command::new(env!("CARGO_BIN_EXE_mox"))
        .args(args)
        .env_remove("COMPLETE")
        .env_remove("MOXCONF")
        .output()
        .unwrap();
    assert!(output.status.success(), "mox {args:?}: {output:?}");
    output.stdout
}

fn read(folder: &Path) -> BTreeMap<String, String> {
    fs::read_dir(folder)
        .unwrap_or_else(|e| panic!("{}: {e}", folder.display()))
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, fs::read_to_string(path).unwrap())
        })
        .collect()
}

#[test]
fn kept_files_are_those_that_would_be_made() {
    for (what, folder) in KINDS {
        if std::env::var_os("UPDATE").is_some() {
            let folder = kept(folder);
            let _ = fs::remove_dir_all(&folder);
            fs::create_dir(&folder).unwrap();
            mox(&["util", what, folder.to_str().unwrap()]);
        }
        let fresh = tempfile::tempdir().unwrap();
        mox(&["util", what, fresh.path().to_str().unwrap()]);
        let (fresh, kept) = (read(fresh.path()), read(&kept(folder)));
        let names = |files: &BTreeMap<String, String>| files.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&fresh), names(&kept), "files in {folder}/: UPDATE=1");
        for (name, text) in &fresh {
            let first = text.lines().zip(kept[name].lines()).find(|(a, b)| a != b);
            assert!(
                *text == kept[name],
                "{folder}/{name} is stale (run this test with UPDATE=1): {first:?}"
            );
        }
    }
}

#[test]
fn every_command_has_its_place_in_a_page() {
    let pages: String = read(&kept("man")).into_values().collect();
    let mut missing = Vec::new();
    visit(&[], &mut |path| {
        let line = format!(".Nm mox {}\n", path.join(" "));
        if !pages.contains(&line) {
            missing.push(path.join(" "));
        }
    });
    assert!(missing.is_empty(), "in no manual page: {missing:?}");
}

/// Calls `leaf` with every command that `--help` tells of.
fn visit(path: &[&str], leaf: &mut impl FnMut(&[&str])) {
    let mut args = path.to_vec();
    args.push("-h");
    let help = String::from_utf8(mox(&args)).unwrap();
    let Some((_, after)) = help.split_once("\nCommands:\n") else {
        assert!(!path.is_empty(), "no commands in {help}");
        return leaf(path);
    };
    let commands = after.lines().take_while(|line| !line.is_empty());
    for name in commands.filter_map(|line| line.strip_prefix("  ")?.split(' ').next()) {
        if !name.is_empty() && name != "help" {
            let mut below = path.to_vec();
            below.push(name);
            visit(&below, leaf);
        }
    }
}

#[test]
fn shells_can_load_the_scripts() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = String::from_utf8(mox(&["completions", shell])).unwrap();
        assert!(script.contains("COMPLETE"), "{shell}: {script}");
    }
    for script in ["mox.bash", "_mox"] {
        let path = kept("completions").join(script);
        let shell = if script == "_mox" { "zsh" } else { "bash" };
        match Command::new(shell).arg("-n").arg(&path).status() {
            Ok(status) => assert!(status.success(), "{shell} -n {}", path.display()),
            Err(e) => assert_eq!(e.kind(), std::io::ErrorKind::NotFound),
        }
    }
}
