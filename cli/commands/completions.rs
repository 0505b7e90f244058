//! `mox completions`

use clap_complete::Shell;

use super::Run;
use crate::complete;
use crate::error::Error;

/// Print what makes a shell complete mox commands, with the names of domains, accounts and addresses
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mox completions bash > /etc/bash_completion.d/mox
  mox completions zsh > /usr/local/share/zsh/site-functions/_mox
  mox completions fish > ~/.config/fish/completions/mox.fish")]
pub(crate) struct Args {
    /// The shell
    shell: Shell,
}

pub(crate) fn run(args: Args, run: &Run) -> Result<(), Error> {
    run.ui.raw(&complete::registration(args.shell)?)
}
