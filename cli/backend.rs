//! Where facts are asked and changes are made: by the daemon through its control socket, or without
//! one on the files, by the same code and under the same lock.

mod files;

use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use mox::admin::{Actor, AdminError, Change, Committed, Made};
use mox::config;
use mox::ctl::{
    Answer, Client, CtlError, Kick, LogLevelRow, Planned, Query, Request, Response, SessionRow,
    SetLogLevel, Status,
};

use self::files::Files;
use crate::error::Error;
use crate::place;

/// Who finds the data directory taken waits so long for it, trying the socket meanwhile: the holder
/// is another command, or a daemon that is starting or ending.
const PATIENCE: Duration = Duration::from_secs(10);

/// Between two tries.
const PAUSE: Duration = Duration::from_millis(5);

/// The daemon's answer to a question comes at once, that to a change when it is served.
const ANSWER: Duration = Duration::from_secs(60);

/// So long when somebody waits for the next letter.
const PEEK: Duration = Duration::from_millis(200);

/// A file that makes many domains has the daemon make two keys for each.
const MANY_KEYS: Duration = Duration::from_secs(3600);

/// The same when a daemon died or is ending, which takes it a moment.
const AFTER_LOSS: Duration = Duration::from_millis(20);

/// One server: its configuration file and its data directory.
#[derive(Debug, Clone)]
pub(crate) struct Server {
    file: PathBuf,
    data_dir: PathBuf,
}

/// Who answers.
enum Backend {
    Daemon(Client),
    Files(Box<Files>),
}

/// A change that was made, or was there already.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) committed: Committed,
    /// What else people should know.
    pub(crate) notes: Vec<String>,
    /// Whether a daemon serves it.
    pub(crate) online: bool,
}

impl Server {
    /// The one that `--config` or its defaults name.
    pub(crate) fn find(config: Option<&Path>) -> Server {
        let file = place::config_file(config);
        let data_dir = config::data_dir(&file);
        Server {
            data_dir: data_dir.canonicalize().unwrap_or(data_dir),
            file,
        }
    }

    /// Makes a change; returns when it is served, or without a daemon when it is written. If the daemon
    /// dies before it answers, its successor or the files tell whether the change was made: it is never
    /// made twice.
    pub(crate) fn change(&self, change: &Change) -> Result<Outcome, Error> {
        let actor = actor()?;
        let mut asked = false;
        self.again_if_lost(|backend| {
            if std::mem::replace(&mut asked, true)
                && let Some(made) = backend.made(&actor.request)?
            {
                return Ok(Outcome {
                    committed: Committed {
                        changed: true,
                        generation: made.generation,
                        summary: made.summary,
                        diff: String::new(),
                        steps: Vec::new(),
                    },
                    notes: Vec::new(),
                    online: backend.online(),
                });
            }
            backend.change(change, &actor)
        })
    }

    /// What a change would do.
    pub(crate) fn plan(&self, change: &Change) -> Result<Planned, Error> {
        self.again_if_lost(|backend| match backend {
            Backend::Files(files) => Ok(files.plan(change)?),
            Backend::Daemon(client) => {
                let request = Request::Change {
                    change: change.clone(),
                    actor: actor()?,
                    dry_run: true,
                };
                match ask(client, &request)? {
                    Response::Planned(planned) => Ok(planned),
                    other => Err(unexpected(&other)),
                }
            }
        })
    }

    /// Reads facts.
    pub(crate) fn query(&self, query: &Query) -> Result<Answer, Error> {
        self.again_if_lost(|backend| backend.query(query))
    }

    /// The same for who would rather have no answer than wait for it.
    pub(crate) fn peek(&self, query: &Query) -> Option<Answer> {
        match self.daemon() {
            Err(Error::NotRunning) => {
                let files = Files::open(&self.file, &self.data_dir).ok()??;
                files.query(query).ok()
            }
            _ => self.peek_daemon(query),
        }
    }

    /// The daemon's answer alone, if there is one and it answers at once.
    pub(crate) fn peek_daemon(&self, query: &Query) -> Option<Answer> {
        let request = Request::Query(query.clone());
        match self.daemon().ok()?.ask(&request, PEEK).ok()? {
            Response::Answer(answer) => Some(answer),
            _ => None,
        }
    }

    /// The generation that is served, or without a daemon that of the files.
    pub(crate) fn generation(&self) -> Result<(u64, bool), Error> {
        self.again_if_lost(|backend| match backend {
            Backend::Files(files) => Ok((files.snapshot()?.generation, false)),
            Backend::Daemon(client) => match ask(client, &Request::Status)? {
                Response::Status(status) => Ok((status.generation, true)),
                other => Err(unexpected(&other)),
            },
        })
    }

    /// How the daemon is; [`Error::NotRunning`] without one.
    pub(crate) fn status(&self) -> Result<Status, Error> {
        let mut client = self.daemon()?;
        match ask(&mut client, &Request::Status) {
            Ok(Response::Status(status)) => Ok(status),
            Ok(other) => Err(unexpected(&other)),
            // It went away while we asked.
            Err(Error::Ctl(CtlError::Lost)) => Err(Error::NotRunning),
            Err(error) => Err(error),
        }
    }

    /// What the daemon logs, after setting a level; [`Error::NotRunning`] without one.
    pub(crate) fn log_levels(&self, set: Option<SetLogLevel>) -> Result<Vec<LogLevelRow>, Error> {
        match ask(&mut self.daemon()?, &Request::LogLevels { set })? {
            Response::LogLevels(rows) => Ok(rows),
            other => Err(unexpected(&other)),
        }
    }

    /// The same, waiting for a daemon that is about to serve.
    pub(crate) fn wait_for_status(&self, patience: Duration) -> Result<Status, Error> {
        let deadline = Instant::now() + patience;
        loop {
            match self.status() {
                Err(Error::NotRunning) if Instant::now() < deadline => thread::sleep(PAUSE),
                answered => return answered,
            }
        }
    }

    /// The sessions of an account, or all; [`Error::NotRunning`] without a daemon.
    pub(crate) fn sessions(&self, account: Option<String>) -> Result<Vec<SessionRow>, Error> {
        match ask(&mut self.daemon()?, &Request::Sessions { account })? {
            Response::Sessions(sessions) => Ok(sessions),
            other => Err(unexpected(&other)),
        }
    }

    /// Ends sessions, and says how many; [`Error::NotRunning`] without a daemon.
    pub(crate) fn kick(&self, kick: Kick) -> Result<usize, Error> {
        match ask(&mut self.daemon()?, &Request::Kick(kick))? {
            Response::Kicked(kicked) => Ok(kicked),
            other => Err(unexpected(&other)),
        }
    }

    /// Stops the daemon; returns its process when that has let go of everything.
    pub(crate) fn stop(&self, patience: Duration) -> Result<u32, Error> {
        let mut client = self.daemon()?;
        let pid = match ask(&mut client, &Request::Stop)? {
            Response::Stopping { pid } => pid,
            other => return Err(unexpected(&other)),
        };
        match client.wait_closed(patience) {
            true => Ok(pid),
            false => Err(Error::failed(format!(
                "the daemon, process {pid}, was told to stop and has not ended within {} s",
                patience.as_secs()
            ))),
        }
    }

    fn daemon(&self) -> Result<Client, Error> {
        Client::connect(&self.data_dir).map_err(|e| match e {
            CtlError::NotRunning => Error::NotRunning,
            other => Error::Ctl(other),
        })
    }

    /// The daemon, or the files when their lock can be had.
    fn connect(&self) -> Result<Backend, Error> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.daemon() {
                Ok(client) => return Ok(Backend::Daemon(client)),
                Err(Error::NotRunning) => {}
                Err(error) => return Err(error),
            }
            if let Some(files) = Files::open(&self.file, &self.data_dir)? {
                return Ok(Backend::Files(Box::new(files)));
            }
            if Instant::now() > deadline {
                return Err(Error::Locked(self.data_dir.clone()));
            }
            thread::sleep(PAUSE);
        }
    }

    /// Asks again, the next daemon or the files, when a daemon went away before it answered.
    fn again_if_lost<T>(
        &self,
        mut ask: impl FnMut(&mut Backend) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut deadline = None;
        loop {
            match ask(&mut self.connect()?) {
                Err(Error::Ctl(CtlError::Lost))
                    if Instant::now()
                        < *deadline.get_or_insert_with(|| Instant::now() + PATIENCE) => {}
                answered => return answered,
            }
            thread::sleep(AFTER_LOSS);
        }
    }
}

impl Backend {
    fn online(&self) -> bool {
        matches!(self, Backend::Daemon(_))
    }

    fn change(&mut self, change: &Change, actor: &Actor) -> Result<Outcome, Error> {
        match self {
            Backend::Files(files) => Ok(Outcome {
                committed: files.change(change, actor)?,
                notes: Vec::new(),
                online: false,
            }),
            Backend::Daemon(client) => {
                let request = Request::Change {
                    change: change.clone(),
                    actor: actor.clone(),
                    dry_run: false,
                };
                match ask(client, &request)? {
                    Response::Committed { committed, notes } => Ok(Outcome {
                        committed,
                        notes,
                        online: true,
                    }),
                    other => Err(unexpected(&other)),
                }
            }
        }
    }

    fn query(&mut self, query: &Query) -> Result<Answer, Error> {
        match self {
            Backend::Files(files) => Ok(files.query(query)?),
            Backend::Daemon(client) => match ask(client, &Request::Query(query.clone()))? {
                Response::Answer(answer) => Ok(answer),
                other => Err(unexpected(&other)),
            },
        }
    }

    fn made(&mut self, request: &str) -> Result<Option<Made>, Error> {
        let query = Query::Made {
            request: request.to_owned(),
        };
        match self.query(&query)? {
            Answer::Made(made) => Ok(made),
            _ => Err(wrong_answer()),
        }
    }
}

/// Asks the daemon; its refusals are errors.
fn ask(client: &mut Client, request: &Request) -> Result<Response, Error> {
    let patience = match request {
        Request::Change {
            change: Change::Apply { .. },
            ..
        } => MANY_KEYS,
        _ => ANSWER,
    };
    match client.ask(request, patience)? {
        Response::Refused(refusal) => Err(Error::Admin(refusal)),
        Response::Rejected(why) => Err(Error::failed(format!("the daemon refused: {why}"))),
        response => Ok(response),
    }
}

fn unexpected(_: &Response) -> Error {
    wrong_answer()
}

/// Only another build of the same protocol version could do that.
pub(crate) fn wrong_answer() -> Error {
    Error::failed("the daemon gave an answer to another question")
}

/// Us, with a name for this very request.
fn actor() -> Result<Actor, Error> {
    let mut random = [0_u8; 16];
    getrandom::fill(&mut random).map_err(|e| Error::failed(format!("get random bytes: {e}")))?;
    Ok(Actor {
        name: user_name(),
        command: command_line(std::env::args().skip(1)),
        request: random.iter().map(|byte| format!("{byte:02x}")).collect(),
    })
}

/// Who calls; the daemon asks the kernel instead.
fn user_name() -> String {
    mox_daemon::privileges::user_name(rustix::process::getuid().as_raw())
}

/// The command line as one would type it. No argument is ever a secret.
fn command_line(args: impl Iterator<Item = String>) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_=+./:,@%".contains(c);
    let mut line = "mox".to_owned();
    for arg in args {
        line.push(' ');
        if !arg.is_empty() && arg.chars().all(plain) {
            line.push_str(&arg);
        } else {
            line.push('\'');
            line.push_str(&arg.replace('\'', "'\\''"));
            line.push('\'');
        }
    }
    line
}

impl From<mox::fsio::FsError> for Error {
    fn from(error: mox::fsio::FsError) -> Error {
        Error::failed(error.to_string())
    }
}

/// A change that was refused because it is so already.
pub(crate) fn is_conflict(error: &Error) -> bool {
    matches!(error, Error::Admin(AdminError::Conflict { .. }))
}

/// A change that was refused because there is no such thing.
pub(crate) fn is_not_found(error: &Error) -> bool {
    matches!(error, Error::Admin(AdminError::NotFound { .. }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_line_can_be_pasted_back() {
        let args = ["config", "account", "disable", "al ice", "it's moved", ""];
        assert_eq!(
            command_line(args.into_iter().map(str::to_owned)),
            r"mox config account disable 'al ice' 'it'\''s moved' ''"
        );
    }
}
