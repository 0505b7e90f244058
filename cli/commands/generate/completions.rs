//! `mox util completions`

use std::fs;
use std::path::PathBuf;

use clap_complete::{Shell, generate};

use crate::args::Args as Grammar;
use crate::commands::Run;
use crate::error::Error;

/// The shells whose files are kept, and the files' names as the shells look for them.
const FILES: [(Shell, &str); 3] = [
    (Shell::Bash, "mox.bash"),
    (Shell::Fish, "mox.fish"),
    (Shell::Zsh, "_mox"),
];

/// Write the static completions
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Folder to write to
    dir: PathBuf,
}

pub(crate) fn run(args: Args, _run: &Run) -> Result<(), Error> {
    for (shell, name) in FILES {
        let mut script = Vec::new();
        generate(shell, &mut visible(Grammar::grammar()), "mox", &mut script);
        fs::write(args.dir.join(name), script).map_err(Error::io("write completions"))?;
    }
    Ok(())
}

/// Hidden commands are not offered.
fn visible(grammar: clap::Command) -> clap::Command {
    let mut shown = clap::Command::new("mox")
        .version(env!("CARGO_PKG_VERSION"))
        .disable_help_subcommand(true);
    if let Some(about) = grammar.get_about() {
        shown = shown.about(about.clone());
    }
    for arg in grammar.get_arguments() {
        shown = shown.arg(arg.clone());
    }
    for command in grammar.get_subcommands().filter(|c| !c.is_hide_set()) {
        shown = shown.subcommand(command.clone());
    }
    shown
}
