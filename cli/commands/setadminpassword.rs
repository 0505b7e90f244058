//! `mox setadminpassword`

use mox::admin::{Change, Secret};

use super::Run;
use crate::error::Error;

/// Set the password of the admin pages
///
/// On a terminal it is asked for; else it is the first line of stdin.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mox setadminpassword
  openssl rand -base64 24 | mox setadminpassword")]
pub(crate) struct Args {}

pub(crate) fn run(_args: Args, run: &Run) -> Result<(), Error> {
    let password = run.ui.new_password("the admin pages")?;
    let change = Change::AdminPasswordSet {
        password: Secret(password),
    };
    run.change(&change, false)
}
