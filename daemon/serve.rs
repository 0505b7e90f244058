//! The daemon from its start to its end.
//!
//! The order of the start: descriptors, privileges go, the data directory's lock, the facts (what a crash
//! cut off is finished first), the sockets; after that threads may start: the store, the runtime, the
//! control thread. The control socket comes last: its being there says that all is served.
//! The end goes the other way: ports close, sessions say goodbye, what they were writing is finished,
//! the store closes, the lock goes with the process.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use mox::admin::{Actor, Admin, AdminError, Change};
use mox::config::{self, model::LogLevel};
use mox::ctl::{Client, CtlError, Request, Response};
use mox::diag::Diagnostic;
use mox::fsio::{FsError, Lock};
use mox::login::{Logins, TracedAttempts};
use mox::snapshot::Snapshot;
use mox::store::{Store, StoreOptions};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{error, info, warn};

use crate::accept::Shared;
use crate::admission::Admission;
use crate::context::Context;
use crate::ctl::{self, CtlServer};
use crate::key_uses;
use crate::listeners::Listeners;
use crate::log::{self, Levels};
use crate::privileges::{self, PrivilegesError};
use crate::reload::{self, Control, Reloader};
use crate::supervisor;
use crate::watch::FileWatch;

/// Name of the lock in the data directory: whoever holds it is the only one to write there.
pub const LOCK: &str = "lock";

/// An offline command is done sooner.
const LOCK_PATIENCE: Duration = Duration::from_secs(10);

/// Sessions have so long to finish what they are writing when the daemon ends.
const GOODBYE: Duration = Duration::from_secs(5);

/// Descriptors that are not connections: databases and segments of open accounts, sockets, logs.
const RESERVED_DESCRIPTORS: u64 = 256;

/// Told what is served, once.
pub type Ready = Box<dyn FnOnce(&Arc<Snapshot>) + Send>;

/// What to serve.
pub struct ServeOptions {
    /// mox.toml.
    pub config: PathBuf,
    /// Called once when everything is served.
    pub ready: Ready,
}

/// Why the daemon does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// Refused: there is no such configuration file.
    #[error("there is no configuration file {}", .0.display())]
    NoConfig(PathBuf),
    /// Refused: another daemon serves this data directory.
    #[error("the daemon is running already, process {0}")]
    Running(u32),
    /// Refused: another command holds the data directory and did not let go in time.
    #[error("{} is in use by another process", .0.display())]
    Locked(PathBuf),
    /// Refused or local: the facts.
    #[error(transparent)]
    Admin(#[from] AdminError),
    /// Local: addresses or certificates cannot be had.
    #[error("cannot listen")]
    Listen(Vec<Diagnostic>),
    /// Local: disk, users, threads.
    #[error("{0}")]
    Local(String),
}

/// Serves until it is told to stop. The process has no other thread yet.
pub fn serve(options: ServeOptions) -> Result<(), ServeError> {
    let started = Instant::now();
    let levels = log::begin(LogLevel::default());
    let descriptors = privileges::raise_descriptors();
    let file = std::path::absolute(&options.config).unwrap_or(options.config);
    let data_dir = config::data_dir(&file);
    if !file.exists() {
        // Before a data directory is made beside a mistyped name.
        return Err(ServeError::NoConfig(file));
    }
    privileges::assume_server_user(&file, &data_dir)?;
    let lock = lock(&data_dir)?;
    let admin = Arc::new(Admin::open(&file)?);
    let snapshot = admin.load()?;
    levels.configure(snapshot.config.server.log_level);
    let mut listeners = Listeners::default();
    let planned = listeners.plan(&snapshot).map_err(ServeError::Listen)?;
    let store_options = StoreOptions {
        // Two files each, or some more: they have a quarter of the descriptors, connections half.
        open_accounts: usize::try_from(descriptors / 8)
            .unwrap_or(usize::MAX)
            .max(16),
        ..StoreOptions::default()
    };
    let store = Store::open(&data_dir, store_options)
        .map_err(|e| ServeError::Local(format!("open the mail store: {e}")))?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("mox")
        .build()
        .map_err(|e| ServeError::Local(format!("start the runtime: {e}")))?;
    let served = runtime.block_on(async {
        admin.use_store(store.clone());
        reload::finish_removals(&admin);
        let logins = Logins::new(admin.login_secret()?, Arc::new(TracedAttempts))
            .with_key_uses(admin.key_uses().clone());
        let shared = shared(snapshot.clone(), store.clone(), logins, descriptors);
        listeners.apply(planned, &shared);
        let control_socket = ctl::bind(&data_dir)
            .and_then(tokio::net::UnixListener::from_std)
            .map_err(|e| ServeError::Local(format!("make the control socket: {e}")))?;
        let reloader = Reloader {
            admin,
            listeners,
            started: snapshot.config.server.clone(),
            shared: shared.clone(),
            levels: levels.clone(),
            config_file: file.clone(),
        };
        drop(snapshot);
        let daemon = Daemon {
            shared,
            stop: CancellationToken::new(),
            file,
            data_dir: data_dir.clone(),
            started,
            levels,
        };
        daemon.run(reloader, control_socket, options.ready).await
    });
    store.close();
    let _ = fs::remove_file(data_dir.join(mox::ctl::SOCKET));
    info!("stopped");
    // The tasks that end here hold the control database, and the connections of clients that asked us
    // to stop and wait for just that.
    runtime.shutdown_timeout(Duration::from_secs(1));
    drop(lock);
    served
}

/// What runs once everything is in place.
struct Daemon {
    shared: Arc<Shared>,
    stop: CancellationToken,
    file: PathBuf,
    data_dir: PathBuf,
    started: Instant,
    levels: Levels,
}

impl Daemon {
    async fn run(
        self,
        reloader: Reloader,
        control_socket: tokio::net::UnixListener,
        ready: Ready,
    ) -> Result<(), ServeError> {
        let failed = |what: &str, e: io::Error| ServeError::Local(format!("{what}: {e}"));
        let admin = reloader.admin.clone();
        let mut signals = Signals::new().map_err(|e| failed("listen for signals", e))?;
        let (control, thread) =
            Control::start(reloader).map_err(|e| failed("start the control thread", e))?;
        let server = Arc::new(CtlServer {
            admin: admin.clone(),
            context: self.shared.context.clone(),
            control: control.clone(),
            stop: self.stop.clone(),
            config_file: self.file.display().to_string(),
            data_dir: shown(&self.data_dir),
            started: self.started,
            levels: self.levels,
        });
        tokio::spawn(server.run(control_socket));
        let keeping = tokio::spawn(key_uses::keep(admin.clone()));
        tokio::spawn(supervisor::feed_watchdog(control.clone()));
        let watching = [
            tokio::spawn(follow_file(
                FileWatch::new([self.file.clone()]),
                control.clone(),
            )),
            tokio::spawn(follow_certificates(
                self.shared.context.live.watch(),
                control.clone(),
            )),
        ];
        let snapshot = self.shared.context.live.now();
        let generation = snapshot.generation;
        info!(
            generation,
            milliseconds = self.started.elapsed().as_millis() as u64,
            "serving"
        );
        ready(&snapshot);
        // It is large, and will be served no more after the first change.
        drop(snapshot);
        supervisor::ready(&format!("serving generation {generation}"));
        loop {
            tokio::select! {
                () = self.stop.cancelled() => break,
                _ = signals.terminate.recv() => break,
                _ = signals.interrupt.recv() => break,
                _ = signals.hangup.recv() => {
                    let control = control.clone();
                    tokio::spawn(async move {
                        // The outcome is logged and shown by `mox status`.
                        let _ = control.change(Change::Adopt, Actor::file("SIGHUP")).await;
                    });
                }
            }
        }
        info!("stopping");
        supervisor::stopping();
        watching.iter().for_each(|task| task.abort());
        control.close().await;
        self.shared.context.shutdown.cancel();
        self.shared.sessions.close();
        if tokio::time::timeout(GOODBYE, self.shared.sessions.wait())
            .await
            .is_err()
        {
            warn!(
                sessions = self.shared.sessions.len(),
                "sessions did not end in time"
            );
        }
        keeping.abort();
        key_uses::write(&admin).await;
        drop(admin);
        // The control database closes with its thread, and before the lock goes.
        if tokio::task::spawn_blocking(move || thread.join())
            .await
            .is_err()
        {
            error!("the control thread ended by a panic");
        }
        Ok(())
    }
}

/// Without the `..` that a configuration may have.
fn shown(path: &Path) -> String {
    let plain = fs::canonicalize(path);
    plain.as_deref().unwrap_or(path).display().to_string()
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    fn new() -> io::Result<Signals> {
        Ok(Signals {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }
}

async fn follow_file(mut watch: FileWatch, control: Control) {
    loop {
        watch.changed().await;
        control.notice_file().await;
    }
}

/// Certificates are renewed without a change of mox.toml.
async fn follow_certificates(mut served: watch::Receiver<Arc<Snapshot>>, control: Control) {
    loop {
        let files = certificate_files(&served.borrow_and_update());
        let mut watch = FileWatch::new(files.iter().cloned());
        let renewing = async {
            loop {
                // At first as well: they may have been renewed before they were watched.
                control.renew_certificates().await;
                watch.changed().await;
            }
        };
        let others = async {
            while served.changed().await.is_ok() {
                if certificate_files(&served.borrow_and_update()) != files {
                    return true;
                }
            }
            false
        };
        tokio::select! {
            () = renewing => {}
            goes_on = others => if !goes_on { return },
        }
    }
}

/// The files of all listeners: few, whatever the number of domains.
fn certificate_files(snapshot: &Snapshot) -> BTreeSet<PathBuf> {
    let listeners = snapshot.config.listeners.values();
    let certificates = listeners
        .filter_map(|l| l.tls.as_ref())
        .flat_map(|tls| &tls.certificates);
    certificates
        .flat_map(|pair| [pair.cert.clone(), pair.key.clone()])
        .collect()
}

fn shared(
    snapshot: Arc<Snapshot>,
    store: Arc<Store>,
    logins: Logins,
    descriptors: u64,
) -> Arc<Shared> {
    // Half: a session may need one more for its account.
    let connections = descriptors.saturating_sub(RESERVED_DESCRIPTORS) / 2;
    Arc::new(Shared {
        context: Arc::new(Context::new(snapshot, store, logins)),
        admission: Admission::new(usize::try_from(connections).unwrap_or(usize::MAX).max(16)),
        sessions: TaskTracker::new(),
        last_id: AtomicU64::new(0),
        panics: AtomicU64::new(0),
    })
}

/// Takes the data directory's lock, waiting for an offline command; a daemon that has it is named.
fn lock(data_dir: &Path) -> Result<Lock, ServeError> {
    let path = data_dir.join(LOCK);
    let deadline = Instant::now() + LOCK_PATIENCE;
    loop {
        if let Some(lock) = Lock::acquire(&path, Duration::from_millis(100))? {
            return Ok(lock);
        }
        if let Some(pid) = running(data_dir) {
            return Err(ServeError::Running(pid));
        }
        if Instant::now() > deadline {
            return Err(ServeError::Locked(path));
        }
    }
}

fn running(data_dir: &Path) -> Option<u32> {
    let asked = Client::connect(data_dir)
        .and_then(|mut client| client.ask(&Request::Status, Duration::from_secs(1)));
    match asked {
        Ok(Response::Status(status)) => Some(status.pid),
        // It does not speak to us, but it is there.
        Err(CtlError::Denied(_) | CtlError::Version { .. }) => Some(0),
        _ => None,
    }
}

impl From<FsError> for ServeError {
    fn from(error: FsError) -> ServeError {
        ServeError::Local(error.to_string())
    }
}

impl From<PrivilegesError> for ServeError {
    fn from(error: PrivilegesError) -> ServeError {
        ServeError::Local(error.to_string())
    }
}
