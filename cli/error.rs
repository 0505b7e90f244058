//! What can go wrong, with its exit status and its name in JSON (`spec/cli.md`).

use std::io;
use std::path::PathBuf;

use mox::admin::AdminError;
use mox::ctl::CtlError;
use mox::diag::Diagnostic;
use mox_daemon::serve::ServeError;

/// Why a command did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The change or the question was refused, here or by the daemon.
    #[error(transparent)]
    Admin(#[from] AdminError),
    /// There is no configuration file.
    #[error("there is no configuration file {}", .0.display())]
    NoConfig(PathBuf),
    /// Only a running daemon knows.
    #[error("the daemon is not running")]
    NotRunning,
    /// The values given cannot be right.
    #[error("{0}")]
    Usage(String),
    /// The control socket.
    #[error(transparent)]
    Ctl(CtlError),
    /// Another process holds the data directory.
    #[error("{} is in use by another command", .0.display())]
    Locked(PathBuf),
    /// Addresses that the daemon cannot listen on.
    #[error("cannot listen")]
    Listen(Vec<Diagnostic>),
    /// A message could not be handed in. The exit statuses are those of sendmail.
    #[error("{message}")]
    Sendmail {
        /// As in sysexits.h.
        status: u8,
        /// Why, and where the message is.
        message: String,
        /// How to try again.
        hint: String,
    },
    /// All else, with what to do about it.
    #[error("{message}")]
    Failed {
        /// What failed.
        message: String,
        /// What to do, or empty.
        hint: String,
    },
    /// Nobody reads our output any more.
    #[error("the output was closed")]
    ReaderGone,
}

impl Error {
    /// A failure without a hint.
    pub(crate) fn failed(message: impl Into<String>) -> Error {
        Error::Failed {
            message: message.into(),
            hint: String::new(),
        }
    }

    /// A failed system call: what was tried, and why not.
    pub(crate) fn io(what: &str) -> impl FnOnce(io::Error) -> Error {
        move |e| Error::failed(format!("{what}: {e}"))
    }

    /// The exit status.
    pub(crate) fn exit_code(&self) -> u8 {
        if let Error::Sendmail { status, .. } = self {
            return *status;
        }
        match self.code() {
            "usage" => 2,
            "not_found" => 3,
            "conflict" => 4,
            "not_running" => 5,
            "config_invalid" => 6,
            _ => 1,
        }
    }

    /// Its name in JSON.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Error::Admin(AdminError::NotFound { .. }) => "not_found",
            Error::Admin(AdminError::Conflict { .. }) => "conflict",
            Error::Admin(AdminError::Usage(_) | AdminError::UnknownKey { .. })
            | Error::Usage(_) => "usage",
            Error::Admin(AdminError::Invalid(_)) | Error::NoConfig(_) => "config_invalid",
            Error::NotRunning | Error::Ctl(CtlError::NotRunning) => "not_running",
            _ => "failed",
        }
    }

    /// A likely next step, or empty.
    pub(crate) fn hint(&self) -> &str {
        match self {
            Error::Admin(
                AdminError::NotFound { hint, .. }
                | AdminError::Conflict { hint, .. }
                | AdminError::UnknownKey { hint, .. },
            )
            | Error::Failed { hint, .. }
            | Error::Sendmail { hint, .. } => hint,
            Error::NoConfig(_) => "name it with --config FILE or $MOXCONF",
            Error::NotRunning | Error::Ctl(CtlError::NotRunning) => "start it with `mox serve`",
            Error::Ctl(CtlError::Denied(_)) => "run the command as root or as the server's user",
            Error::Ctl(CtlError::Version { .. }) => {
                "restart the daemon, or use the mox command of its version"
            }
            Error::Ctl(CtlError::Timeout(_)) => "look at `mox status` and `mox config history`",
            _ => "",
        }
    }

    /// Problems of the configuration, each with its place.
    pub(crate) fn diagnostics(&self) -> &[Diagnostic] {
        match self {
            Error::Admin(AdminError::Invalid(all)) | Error::Listen(all) => all,
            _ => &[],
        }
    }
}

impl From<CtlError> for Error {
    fn from(error: CtlError) -> Error {
        Error::Ctl(error)
    }
}

impl From<ServeError> for Error {
    fn from(error: ServeError) -> Error {
        match error {
            ServeError::Admin(error) => Error::Admin(error),
            ServeError::Listen(problems) => Error::Listen(problems),
            ServeError::NoConfig(path) => Error::NoConfig(path),
            ServeError::Locked(path) => Error::Locked(path),
            other => Error::failed(other.to_string()),
        }
    }
}
