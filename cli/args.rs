//! The grammar of the command line: what completions, man pages and `--help` are made from.

use std::path::PathBuf;

use clap::{CommandFactory, FromArgMatches, Parser};

use crate::commands::Command;
use crate::ui::Color;

/// A mail server, and the command that manages it.
///
/// `mox serve` is the server; every other command asks it through its control socket, or works on
/// the files itself when no server runs.
///
/// Exit status: 0 done, or nothing to change; 1 failed; 2 wrong usage; 3 the named thing does not
/// exist; 4 it exists already, or others still refer to it; 5 the server is not running; 6 the
/// configuration is invalid.
#[derive(Debug, Parser)]
#[command(
    name = "mox",
    version,
    subcommand_required = true,
    arg_required_else_help = true
)]
#[command(max_term_width = 100)]
pub(crate) struct Args {
    /// The configuration file; by default config/mox.toml if it exists, else /etc/mox/mox.toml
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        env = "MOXCONF",
        hide_env_values = true
    )]
    #[arg(value_hint = clap::ValueHint::FilePath)]
    pub(crate) config: Option<PathBuf>,

    /// Print results and errors as JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,

    /// When to use colours (NO_COLOR turns them off)
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: Color,

    #[command(subcommand)]
    pub(crate) command: Command,
}

impl Args {
    /// The grammar as data. `mox help NOUN VERB` is one command, not one for each noun.
    pub(crate) fn grammar() -> clap::Command {
        Args::command().mut_subcommands(without_help)
    }

    /// What the command line says.
    pub(crate) fn read() -> Result<Args, clap::Error> {
        let mut matches = Args::grammar().try_get_matches()?;
        Args::from_arg_matches_mut(&mut matches)
    }
}

fn without_help(command: clap::Command) -> clap::Command {
    command
        .disable_help_subcommand(true)
        .mut_subcommands(without_help)
}

/// Of every command that changes the configuration.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct DryRun {
    /// Print the diff of mox.toml that it would make, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grammar_holds_together() {
        Args::grammar().debug_assert();
    }
}
