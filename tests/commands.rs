//! The rules that every command keeps (`spec/cli.md`), each over the whole grammar: a new command without
//! a case fails.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "this is a test"
)]

mod support;

#[path = "commands/both_ways.rs"]
mod both_ways;
#[path = "commands/dry_run.rs"]
mod dry_run;
#[path = "commands/examples.rs"]
mod examples;
#[path = "commands/promises.rs"]
mod promises;
#[path = "commands/shells.rs"]
mod shells;
#[path = "commands/terminal.rs"]
mod terminal;

use std::process::Command;

/// Every command that `--help` tells of, `config domain add`.
fn leaves() -> Vec<String> {
    let mut found = Vec::new();
    visit(&[], &mut found);
    assert!(found.len() > 30, "{found:?}");
    found
}

/// The short help of a command.
fn help(path: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_mox"))
        .args(path)
        .arg("-h")
        .env_remove("COMPLETE")
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

fn visit(path: &[&str], found: &mut Vec<String>) {
    let help = help(path);
    let Some((_, after)) = help.split_once("\nCommands:\n") else {
        found.push(path.join(" "));
        return;
    };
    let commands = after.lines().take_while(|line| !line.is_empty());
    for name in commands.filter_map(|line| line.strip_prefix("  ")?.split(' ').next()) {
        if !name.is_empty() && name != "help" {
            let mut below = path.to_vec();
            below.push(name);
            visit(&below, found);
        }
    }
}
