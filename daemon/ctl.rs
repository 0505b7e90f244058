//! The control socket's server. A peer is root or the user the daemon runs as, by the kernel's word;
//! what it sends is bounded and answered or refused, and can end nothing but its own connection.

mod places;

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener as StdListener;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{fs, process};

use mox::admin::{Admin, AdminError};
use mox::ctl::frame::{self, HEADER, MAX_REQUEST, MAX_RESPONSE};
use mox::ctl::{self, CtlError, Kick, Request, Response, Status, with_socket_path};
use rustix::net::{self, AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use self::places::{Place, Places};
use crate::context::Context;
use crate::log::Levels;
use crate::privileges;
use crate::reload::Control;

/// A peer has so long to begin a request, for the rest of it, and to take its answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// Connections at a time; of more, those that only wait give way.
const CONNECTIONS: usize = 64;

/// What the answers are made from.
pub(crate) struct CtlServer {
    /// The sessions' context.
    pub(crate) context: Arc<Context>,
    /// Who makes changes.
    pub(crate) control: Control,
    /// For the history.
    pub(crate) admin: Arc<Admin>,
    /// Cancelled to stop the daemon.
    pub(crate) stop: CancellationToken,
    /// mox.toml.
    pub(crate) config_file: String,
    /// The data directory.
    pub(crate) data_dir: String,
    /// When it began to serve.
    pub(crate) started: Instant,
    /// What is logged.
    pub(crate) levels: Levels,
}

/// Makes the socket, replacing one that a killed daemon left: the caller holds the data directory's
/// lock. The mode is set before anybody can connect.
pub(crate) fn bind(data_dir: &Path) -> io::Result<StdListener> {
    with_socket_path(data_dir, |path| {
        match fs::remove_file(path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
            _ => {}
        }
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
        net::bind(&socket, &SocketAddrUnix::new(path)?)?;
        fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
        net::listen(&socket, 128)?;
        Ok(StdListener::from(socket))
    })
}

impl CtlServer {
    /// Serves until the runtime ends: also while the daemon stops, so that who asked it to sees it
    /// end by the connection's end.
    pub(crate) async fn run(self: Arc<Self>, listener: UnixListener) {
        let places = Places::new(CONNECTIONS);
        loop {
            match listener.accept().await {
                Ok((stream, _)) => {
                    let Some(place) = places.take().await else {
                        return;
                    };
                    let server = self.clone();
                    tokio::spawn(async move {
                        if let Err(error) = server.connection(stream, &place).await {
                            debug!(%error, "control connection");
                        }
                    });
                }
                Err(error) => {
                    warn!(%error, "accept on the control socket");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }

    async fn connection(&self, mut stream: UnixStream, place: &Place) -> Result<(), CtlError> {
        let peer = stream.peer_cred().map_err(|e| local(&e))?;
        let uid = peer.uid();
        if uid != 0 && uid != rustix::process::geteuid().as_raw() {
            warn!(uid, "control connection by a user who may not");
            let no = Response::Rejected("permission denied".to_owned());
            let sent = place.wait(send(&mut stream, &no)).await;
            return sent.unwrap_or(Ok(()));
        }
        loop {
            let request = match place.wait(receive(&mut stream)).await {
                Some(Ok(Some(request))) => request,
                Some(Ok(None)) | None => return Ok(()),
                Some(Err(error)) => {
                    let no = Response::Rejected(error.to_string());
                    let sent = place.wait(send(&mut stream, &no)).await;
                    return sent.unwrap_or(Ok(())).and(Err(error));
                }
            };
            let stopping = matches!(request, Request::Stop);
            let response = self.respond(request, uid).await;
            if self.control.is_closed() && matches!(response, Response::Refused(_)) {
                // Nobody is there to do it any more: whoever asks finds our successor, or the files.
                return Ok(());
            }
            match place.wait(send(&mut stream, &response)).await {
                Some(sent) => sent?,
                None => return Ok(()),
            }
            if stopping {
                info!(uid, "stop asked for");
                self.stop.cancel();
                // The end of this connection tells the peer that we are gone.
                std::future::pending::<()>().await;
            }
        }
    }

    async fn respond(&self, request: Request, uid: u32) -> Response {
        match request {
            Request::Status => Response::Status(self.status().await),
            Request::Sessions { account } => {
                Response::Sessions(self.context.sessions.list(account.as_deref()))
            }
            Request::Kick(kick) => self.kick(&kick, uid),
            Request::Stop => Response::Stopping { pid: process::id() },
            Request::LogLevels { set: None } => Response::LogLevels(self.levels.rows()),
            Request::LogLevels { set: Some(set) } => match self.levels.change(&set) {
                Ok(()) => {
                    info!(
                        uid,
                        level = set.level.as_str(),
                        target = set.target,
                        "log level set"
                    );
                    Response::LogLevels(self.levels.rows())
                }
                Err(refusal) => Response::Refused(refusal),
            },
            Request::Query(query) => {
                let snapshot = self.context.live.now();
                let admin = self.admin.clone();
                // A list of many thousands takes a while.
                let answer =
                    tokio::task::spawn_blocking(move || ctl::answer(&snapshot, &admin, &query));
                let answer = answer.await;
                match answer {
                    Ok(Ok(answer)) => Response::Answer(answer),
                    Ok(Err(refusal)) => Response::Refused(refusal),
                    Err(_) => Response::Refused(AdminError::Local("internal error".to_owned())),
                }
            }
            Request::Change {
                change,
                dry_run: true,
                ..
            } => match self.control.plan(change).await {
                Ok(planned) => Response::Planned(planned),
                Err(refusal) => Response::Refused(refusal),
            },
            Request::Change {
                change,
                mut actor,
                dry_run: false,
            } => {
                // Looking a name up may ask the network.
                let name = tokio::task::spawn_blocking(move || privileges::user_name(uid)).await;
                actor.name = name.unwrap_or_else(|_| uid.to_string());
                let changed = self.control.change(change, actor).await;
                match changed {
                    Ok(done) => Response::Committed {
                        committed: done.committed,
                        notes: done.notes,
                    },
                    Err(refusal) => Response::Refused(refusal),
                }
            }
        }
    }

    fn kick(&self, kick: &Kick, uid: u32) -> Response {
        let kicked = self.context.sessions.kick(kick);
        info!(uid, ?kick, kicked, "sessions ended");
        match kick {
            Kick::Id(id) if kicked == 0 => Response::Refused(AdminError::NotFound {
                message: format!("there is no session {id}"),
                hint: "`mox sessions list` shows them".to_owned(),
            }),
            _ => Response::Kicked(kicked),
        }
    }

    async fn status(&self) -> Status {
        Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: process::id(),
            uptime_seconds: self.started.elapsed().as_secs(),
            generation: self.context.live.now().generation,
            listeners: self.control.listeners().await,
            config_file: self.config_file.clone(),
            data_dir: self.data_dir.clone(),
            last_reload_error: self.control.last_reload_error(),
            disk_syncs: mox::fsio::sync_count(),
        }
    }
}

/// The next request; none when the peer is done, or asks nothing for long.
async fn receive(stream: &mut (impl AsyncRead + Unpin)) -> Result<Option<Request>, CtlError> {
    let mut header = [0; HEADER];
    match timeout(PATIENCE, stream.read(&mut header[..1])).await {
        Ok(Ok(0) | Err(_)) | Err(_) => return Ok(None),
        Ok(Ok(_)) => {}
    }
    let rest = async {
        stream.read_exact(&mut header[1..]).await.map_err(lost)?;
        let length = frame::parse_header(header, MAX_REQUEST)?;
        let mut body = Vec::new();
        let mut bounded = stream.take(length as u64);
        if bounded.read_to_end(&mut body).await.map_err(lost)? < length {
            return Err(CtlError::Lost);
        }
        frame::parse_body(&body)
    };
    match timeout(PATIENCE, rest).await {
        Ok(request) => request.map(Some),
        Err(_) => Err(CtlError::Timeout(PATIENCE.as_secs())),
    }
}

async fn send(stream: &mut UnixStream, response: &Response) -> Result<(), CtlError> {
    let bytes = match frame::encode(response, MAX_RESPONSE) {
        Ok(bytes) => bytes,
        Err(error) => frame::encode(&Response::Rejected(error.to_string()), MAX_RESPONSE)?,
    };
    match timeout(PATIENCE, stream.write_all(&bytes)).await {
        Ok(sent) => sent.map_err(lost),
        Err(_) => Err(CtlError::Timeout(PATIENCE.as_secs())),
    }
}

fn lost(_: io::Error) -> CtlError {
    CtlError::Lost
}

fn local(error: &io::Error) -> CtlError {
    CtlError::Local(error.to_string())
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_says_nothing_or_half_of_it_is_not_waited_for_for_ever() {
        let (mut silent, _peer) = tokio::io::duplex(64);
        let begun = Instant::now();
        assert!(receive(&mut silent).await.unwrap().is_none());
        assert_eq!(begun.elapsed(), PATIENCE);
        let (mut slow, mut peer) = tokio::io::duplex(64);
        let begun = Instant::now();
        let dribble = async {
            for byte in b"mox\x01\0\0\0\x08\"status" {
                peer.write_all(&[*byte]).await.unwrap();
                tokio::time::advance(PATIENCE / 4).await;
            }
        };
        let (told, ()) = tokio::join!(receive(&mut slow), dribble);
        assert_eq!(told.unwrap_err(), CtlError::Timeout(PATIENCE.as_secs()));
        assert!(begun.elapsed() > PATIENCE);
    }
}
