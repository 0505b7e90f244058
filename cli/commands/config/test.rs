//! `mox config test`

use std::path::PathBuf;

use mox::admin::AdminError;
use mox::config::{self, ConfigError, Disk};
use mox_daemon::privileges::inaccessible;
use serde_json::json;

use crate::commands::Run;
use crate::error::Error;
use crate::place;

/// Read and validate the configuration file
///
/// Prints "config OK", or every problem with file, line and column, and exits 6. Also looked at: the
/// certificates and keys that it names, and whether `server.user` can reach them and the file's folder.
/// Nothing is changed, and the running server is not asked.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mox config test
  mox config test /etc/mox/mox.toml.new")]
pub(crate) struct Args {
    /// Another file
    #[arg(value_hint = clap::ValueHint::FilePath)]
    file: Option<PathBuf>,
}

pub(crate) fn run(args: Args, run: &Run) -> Result<(), Error> {
    let file = match args.file {
        Some(file) => file,
        None => place::config_file(run.config.as_deref()),
    };
    if !file.exists() {
        return Err(Error::NoConfig(file));
    }
    match config::load(&file, &Disk::new()) {
        Ok(loaded) => match inaccessible(&loaded.config, &file, &loaded.text) {
            problems if problems.is_empty() => run
                .ui
                .result("config OK\n", &json!({"ok": true, "file": file})),
            problems => Err(Error::Admin(AdminError::Invalid(problems))),
        },
        Err(ConfigError::Invalid(problems)) => Err(Error::Admin(AdminError::Invalid(problems))),
        Err(other) => Err(Error::failed(other.to_string())),
    }
}
