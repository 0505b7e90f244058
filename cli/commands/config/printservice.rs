//! `mox config printservice`

use mox::config::generate::Service;
use mox::config::{self, Unchecked};

use crate::commands::Run;
use crate::error::Error;
use crate::place;

/// Print the systemd unit of the server
///
/// For this program, the configuration file in use, its data directory and its user. The unit runs the
/// server as that user from the start; it can write its folders and bind low ports, and little else.
/// Certificates elsewhere have to be readable by the user.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mox config printservice > /etc/systemd/system/mox.service
  systemctl daemon-reload && systemctl enable --now mox")]
pub(crate) struct Args {}

pub(crate) fn run(_args: Args, run: &Run) -> Result<(), Error> {
    let file = place::config_file(run.config.as_deref());
    if !file.exists() {
        return Err(Error::NoConfig(file));
    }
    let loaded = config::load(&file, &Unchecked).map_err(mox::admin::AdminError::from)?;
    let server = loaded.config.server;
    let data_dir = server.data_dir;
    let program = std::env::current_exe().map_err(Error::io("find this program"))?;
    let text = Service {
        program,
        // Without .. and links: systemd takes no others.
        config: file.canonicalize().unwrap_or(file),
        data_dir: data_dir.canonicalize().unwrap_or(data_dir),
        user: server.user,
    }
    .text();
    run.ui.result(&text, &serde_json::json!({"unit": text}))
}
