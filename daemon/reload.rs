//! From a change to what is served: one thread does all changes, one after the other.
//!
//! Everything that can fail comes first: the plan, certificates, new sockets, folders of new
//! accounts. Then the change is written, the snapshot swapped, the listeners follow. Whatever fails
//! leaves the served generation as it was, in full.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use mox::admin::{Actor, Admin, AdminError, Change, Committed};
use mox::config::model::Server;
use mox::ctl::{ListenerStatus, Planned};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tracing::{error, info, warn};

use crate::accept::Shared;
use crate::keys;
use crate::listeners::Listeners;
use crate::log::Levels;
use crate::supervisor::{self, Reloading};

/// An editor that writes the file at the very moment of a change is given way so often.
const RACES: usize = 20;

/// A change whose file is edited meanwhile, so that it needs more keys, is given way so often.
const KEY_ROUNDS: usize = 5;

/// What the thread is asked.
enum Job {
    Change {
        change: Arc<Change>,
        actor: Actor,
        /// RSA keys that were made for it.
        keys: usize,
        reply: oneshot::Sender<Result<Done, Undone>>,
    },
    Plan {
        change: Box<Change>,
        reply: oneshot::Sender<Result<Planned, AdminError>>,
    },
    /// The file was changed on disk: by somebody else, or by a change of ours.
    Noticed {
        reply: oneshot::Sender<()>,
    },
    /// Certificates were changed on disk.
    Certificates {
        reply: oneshot::Sender<()>,
    },
    Listeners {
        reply: oneshot::Sender<Vec<ListenerStatus>>,
    },
    /// Nothing but to answer.
    Answer {
        reply: oneshot::Sender<()>,
    },
    Close {
        reply: oneshot::Sender<()>,
    },
}

/// A change that is served.
#[derive(Debug)]
pub(crate) struct Done {
    /// What was written.
    pub(crate) committed: Committed,
    /// What else people should know.
    pub(crate) notes: Vec<String>,
}

/// Why a change was not made.
enum Undone {
    /// It is not to be.
    Refused(AdminError),
    /// It takes so many RSA keys that are to be made first, where nobody waits for the thread.
    Keys(usize),
}

impl From<AdminError> for Undone {
    fn from(refusal: AdminError) -> Undone {
        Undone::Refused(refusal)
    }
}

/// Asks the thread; clones ask the same one.
#[derive(Clone)]
pub(crate) struct Control {
    admin: Arc<Admin>,
    jobs: mpsc::UnboundedSender<Job>,
    troubles: Arc<Mutex<Troubles>>,
}

/// Why what is on disk is not what is served; empty where it is.
#[derive(Debug, Default)]
struct Troubles {
    file: String,
    certificates: String,
}

impl Troubles {
    fn text(&self) -> String {
        let all = [self.file.as_str(), self.certificates.as_str()];
        let all: Vec<&str> = all.into_iter().filter(|text| !text.is_empty()).collect();
        all.join("; ")
    }
}

/// What the thread owns.
pub(crate) struct Reloader {
    /// The only writer of configuration and state.
    pub(crate) admin: Arc<Admin>,
    /// What is listened on.
    pub(crate) listeners: Listeners,
    /// What is shared with the sessions.
    pub(crate) shared: Arc<Shared>,
    /// What was served first, of the server alone: what a reload cannot change is still as it was then.
    pub(crate) started: Server,
    /// The log's level follows the configuration.
    pub(crate) levels: Levels,
    /// mox.toml, for the log.
    pub(crate) config_file: PathBuf,
}

impl Control {
    /// Starts the thread within a runtime. It ends when it is closed.
    pub(crate) fn start(reloader: Reloader) -> std::io::Result<(Control, thread::JoinHandle<()>)> {
        let (jobs, queue) = mpsc::unbounded_channel();
        let troubles = Arc::<Mutex<Troubles>>::default();
        let control = Control {
            admin: Arc::clone(&reloader.admin),
            jobs,
            troubles: troubles.clone(),
        };
        let handle = Handle::current();
        let thread = thread::Builder::new()
            .name("control".to_owned())
            .spawn(move || {
                let _runtime = handle.enter();
                reloader.run(queue, &troubles);
            })?;
        Ok((control, thread))
    }

    /// Makes a change and serves it. RSA keys that it needs are made here, while other changes go on.
    pub(crate) async fn change(&self, change: Change, actor: Actor) -> Result<Done, AdminError> {
        let change = Arc::new(change);
        let mut keys = self.admin.promise_keys();
        let mut rounds = 0;
        loop {
            let made = match rounds < KEY_ROUNDS {
                true => keys.count(),
                // The thread makes what is missing.
                false => usize::MAX,
            };
            let done = self.ask(|reply| Job::Change {
                change: Arc::clone(&change),
                actor: actor.clone(),
                keys: made,
                reply,
            });
            match done.await? {
                Ok(done) => {
                    if keys.count() > 0 {
                        // Who adds one domain is likely to add another.
                        drop(keys);
                        drop(keys::make_ahead(&self.admin, 1, 1));
                    }
                    return Ok(done);
                }
                Err(Undone::Refused(refusal)) => return Err(refusal),
                Err(Undone::Keys(missing)) => {
                    keys.add(missing);
                    keys::make_ahead(&self.admin, missing, 0).await;
                }
            }
            rounds += 1;
        }
    }

    /// What a change would do.
    pub(crate) async fn plan(&self, change: Change) -> Result<Planned, AdminError> {
        self.ask(|reply| Job::Plan {
            change: Box::new(change),
            reply,
        })
        .await?
    }

    /// Takes the file as it is on disk now, if it is not what is served. The outcome is logged and shown
    /// by `mox status`.
    pub(crate) async fn notice_file(&self) {
        let _ = self.ask(|reply| Job::Noticed { reply }).await;
    }

    /// Serves certificates as they are on disk now; those that are not good there stay as they were.
    pub(crate) async fn renew_certificates(&self) {
        let _ = self.ask(|reply| Job::Certificates { reply }).await;
    }

    /// What is listened on.
    pub(crate) async fn listeners(&self) -> Vec<ListenerStatus> {
        self.ask(|reply| Job::Listeners { reply })
            .await
            .unwrap_or_default()
    }

    /// Waits until the thread has done what it was asked before; false: it has ended.
    pub(crate) async fn answers(&self) -> bool {
        self.ask(|reply| Job::Answer { reply }).await.is_ok()
    }

    /// Stops listening and ends the thread, after the changes that were asked for before.
    pub(crate) async fn close(&self) {
        let _ = self.ask(|reply| Job::Close { reply }).await;
    }

    /// Whether nothing is done any more.
    pub(crate) fn is_closed(&self) -> bool {
        self.jobs.is_closed()
    }

    /// Why what is on disk is not what is served; empty when it is.
    pub(crate) fn last_reload_error(&self) -> String {
        lock(&self.troubles).text()
    }

    async fn ask<T>(&self, job: impl FnOnce(oneshot::Sender<T>) -> Job) -> Result<T, AdminError> {
        let gone = || AdminError::Local("the daemon is stopping".to_owned());
        let (reply, answer) = oneshot::channel();
        self.jobs.send(job(reply)).map_err(|_| gone())?;
        answer.await.map_err(|_| gone())
    }
}

impl Reloader {
    fn run(mut self, mut queue: mpsc::UnboundedReceiver<Job>, troubles: &Mutex<Troubles>) {
        while let Some(job) = queue.blocking_recv() {
            // Who asked may have gone; what was asked is done all the same.
            match job {
                Job::Change {
                    change,
                    actor,
                    keys,
                    reply,
                } => {
                    let _ = reply.send(self.change(&change, &actor, keys, troubles));
                }
                Job::Plan { change, reply } => {
                    let plan = self.admin.prepare(&change).map(Planned::from);
                    let _ = reply.send(plan);
                }
                Job::Noticed { reply } => {
                    let is_served = self.admin.is_loaded() && lock(troubles).text().is_empty();
                    if !is_served {
                        let _ = self.change(&Change::Adopt, &Actor::file("edited"), 0, troubles);
                    }
                    let _ = reply.send(());
                }
                Job::Certificates { reply } => {
                    self.renew_certificates(troubles);
                    let _ = reply.send(());
                }
                Job::Listeners { reply } => {
                    let _ = reply.send(self.listeners.status());
                }
                Job::Answer { reply } => {
                    let _ = reply.send(());
                }
                Job::Close { reply } => {
                    self.listeners.close();
                    queue.close();
                    let _ = reply.send(());
                }
            }
        }
    }

    /// Does it, again where somebody edited the file in between; the supervisor and the log are told.
    fn change(
        &mut self,
        change: &Change,
        actor: &Actor,
        keys: usize,
        troubles: &Mutex<Troubles>,
    ) -> Result<Done, Undone> {
        let mut reloading = None;
        let mut result = self.try_change(change, actor, keys, troubles, &mut reloading);
        for _ in 0..RACES {
            match result {
                Err(Undone::Refused(AdminError::Raced)) => {
                    result = self.try_change(change, actor, keys, troubles, &mut reloading);
                }
                _ => break,
            }
        }
        // What waits for its keys has not begun.
        if !matches!(result, Err(Undone::Keys(_))) {
            let reloading = reloading.unwrap_or_else(Reloading::begin);
            self.note_result(change, actor, &result, troubles);
            reloading.done(&self.status(troubles));
        }
        result
    }

    fn try_change(
        &mut self,
        change: &Change,
        actor: &Actor,
        keys: usize,
        troubles: &Mutex<Troubles>,
        reloading: &mut Option<Reloading>,
    ) -> Result<Done, Undone> {
        let adopting = matches!(change, Change::Adopt);
        let prepared = self.admin.prepare(change)?;
        match self.admin.keys_missing(&prepared, keys) {
            0 => {}
            missing => return Err(Undone::Keys(missing)),
        }
        reloading.get_or_insert_with(Reloading::begin);
        if !prepared.changed && !adopting {
            let committed = self.admin.commit(prepared, actor)?;
            return Ok(Done {
                committed,
                notes: Vec::new(),
            });
        }
        let old = self.shared.context.live.now();
        let new = prepared.snapshot.clone();
        // With the same bytes as before, certificates and keys may still have changed; with a
        // password, nothing of this has.
        let planned = match adopting || !Arc::ptr_eq(&old.config, &new.config) {
            true => Some(self.listeners.plan(&new).map_err(AdminError::Invalid)?),
            false => None,
        };
        let removes_accounts = prepared.removes_accounts();
        let committed = self.admin.commit(prepared, actor)?;
        if committed.changed {
            self.shared.context.live.swap(new.clone());
        }
        if let Some(planned) = planned {
            self.listeners.apply(planned, &self.shared);
            lock(troubles).certificates.clear();
        }
        self.levels.configure(new.config.server.log_level);
        if removes_accounts {
            self.finish_removals();
        }
        Ok(Done {
            committed,
            notes: match adopting || matches!(change, Change::Rollback { .. }) {
                true => restart_notes(&self.started, &new.config.server),
                false => Vec::new(),
            },
        })
    }

    /// Deletes what removed accounts left, while the server goes on.
    fn finish_removals(&self) {
        let admin = self.admin.clone();
        tokio::task::spawn_blocking(move || finish_removals(&admin));
    }

    /// New handshakes get what is on disk now.
    fn renew_certificates(&mut self, troubles: &Mutex<Troubles>) {
        let snapshot = self.shared.context.live.now();
        let (renewed, problems) = self.listeners.renew(&snapshot);
        for listener in &renewed {
            info!(listener, "certificates renewed");
        }
        let text = match problems.is_empty() {
            true => String::new(),
            false => explain(&AdminError::Invalid(problems)),
        };
        let before = std::mem::replace(&mut lock(troubles).certificates, text.clone());
        if before != text && !text.is_empty() {
            error!(
                error = text,
                "certificates on disk are not served; those before still are"
            );
        }
        if before != text || !renewed.is_empty() {
            supervisor::status(&self.status(troubles));
        }
    }

    /// A line for `systemctl status`.
    fn status(&self, troubles: &Mutex<Troubles>) -> String {
        let generation = self.shared.context.live.now().generation;
        // A line: what comes after a line break would be another message.
        let troubles = lock(troubles).text().replace(char::is_control, " ");
        match troubles.is_empty() {
            true => format!("serving generation {generation}"),
            false => format!("serving generation {generation}; {troubles}"),
        }
    }

    fn note_result(
        &self,
        change: &Change,
        actor: &Actor,
        result: &Result<Done, Undone>,
        troubles: &Mutex<Troubles>,
    ) {
        let generation = self.shared.context.live.now().generation;
        let adopting = matches!(change, Change::Adopt);
        match result {
            Ok(done) => {
                if done.committed.changed {
                    info!(
                        generation = done.committed.generation,
                        actor = actor.name,
                        command = actor.command,
                        summary = done.committed.summary,
                        "configuration changed"
                    );
                }
                for note in &done.notes {
                    warn!("{note}");
                }
                // A change starts from the file on disk, so the file is good.
                lock(troubles).file.clear();
            }
            Err(Undone::Keys(_)) => {}
            Err(Undone::Refused(refusal)) if adopting => {
                let text = explain(refusal);
                error!(
                    file = %self.config_file.display(),
                    error = text,
                    generation,
                    "the configuration on disk is not served; generation {generation} still is"
                );
                lock(troubles).file = text;
            }
            Err(Undone::Refused(refusal)) => info!(
                actor = actor.name,
                command = actor.command,
                error = explain(refusal),
                "change refused"
            ),
        }
    }
}

fn lock(troubles: &Mutex<Troubles>) -> MutexGuard<'_, Troubles> {
    troubles.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Deletes what removed accounts left; what fails now is tried again at the next start.
pub(crate) fn finish_removals(admin: &Admin) {
    match admin.finish_removals() {
        Ok(removed) => {
            for account in removed {
                info!(%account, "nothing is left of the removed account");
            }
        }
        Err(error) => error!(%error, "finish the removal of accounts"),
    }
}

/// An error in one line, every problem of the file included.
pub(crate) fn explain(error: &AdminError) -> String {
    let AdminError::Invalid(problems) = error else {
        return error.to_string();
    };
    let all: Vec<String> = problems
        .iter()
        .map(|problem| match &problem.position {
            Some(p) => format!("{}:{}:{}: {}", p.file, p.line, p.column, problem.message),
            None if problem.path.is_empty() => problem.message.clone(),
            None => format!("{}: {}", problem.path, problem.message),
        })
        .collect();
    all.join("; ")
}

/// What a reload cannot change.
fn restart_notes(old: &Server, new: &Server) -> Vec<String> {
    let mut notes = Vec::new();
    for (key, differs) in [
        ("data_dir", old.data_dir != new.data_dir),
        ("user", old.user != new.user),
    ] {
        if differs {
            notes.push(format!(
                "server.{key} has changed: restart the daemon to use it; the rest is served"
            ));
        }
    }
    notes
}
