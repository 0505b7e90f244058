//! `mox serve`

use mox_daemon::serve::{ServeOptions, serve};

use super::Run;
use crate::error::Error;
use crate::place;

/// Run the server in the foreground
///
/// It serves until SIGTERM, SIGINT or `mox stop`. SIGHUP, an edited configuration file and every `mox
/// config` command are served without a restart, and without a connection being dropped. Under
/// systemd (Type=notify-reload) it tells when it is ready, reloads or stops, and feeds the watchdog.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mox --config /etc/mox/mox.toml serve")]
pub(crate) struct Args {}

pub(crate) fn run(_args: Args, run: &Run) -> Result<(), Error> {
    serve(ServeOptions {
        config: place::config_file(run.config.as_deref()),
        ready: Box::new(|_| {}),
    })?;
    Ok(())
}
