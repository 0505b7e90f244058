//! From a port to a session: accepting, limits, the TLS handshake, and a task for each connection
//! whose panic ends it alone.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::time::Duration;

use mox::config::model::ServiceKind;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{Instrument, debug, error, info_span, warn};

use crate::admission::{Admission, Full};
use crate::conn::{Conn, ConnInfo, Stream};
use crate::context::Context;
use crate::listeners::Spec;
use crate::smtp::Service;
use crate::{imap, smtp};

/// A client has so long for its TLS handshake.
const HANDSHAKE: Duration = Duration::from_secs(30);

/// Accepting failed (no descriptors, say): wait so long, twice as long each time up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// What all ports share.
pub(crate) struct Shared {
    /// What sessions reach.
    pub(crate) context: Arc<Context>,
    /// How many connections there may be.
    pub(crate) admission: Arc<Admission>,
    /// The tasks of connections, to wait for at the end.
    pub(crate) sessions: TaskTracker,
    /// Number of the last connection.
    pub(crate) last_id: AtomicU64,
    /// Sessions that ended by a panic.
    pub(crate) panics: AtomicU64,
}

/// One bound address.
pub(crate) struct Port {
    /// Its socket.
    pub(crate) listener: TcpListener,
    /// What it serves now.
    pub(crate) spec: watch::Receiver<Arc<Spec>>,
    /// Cancelled when it is given up.
    pub(crate) stop: CancellationToken,
    /// Its open connections.
    pub(crate) connections: Arc<AtomicU64>,
    /// What all ports share.
    pub(crate) shared: Arc<Shared>,
}

/// Accepts until the port is given up.
pub(crate) async fn accept_loop(port: Port) {
    let mut pause = FIRST_PAUSE;
    loop {
        let accepted = tokio::select! {
            biased;
            () = port.stop.cancelled() => return,
            accepted = port.listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, remote)) => {
                pause = FIRST_PAUSE;
                port.connected(stream, remote);
            }
            // The client was gone before we came; the next one may be fine.
            Err(e) if is_the_clients(&e) => {}
            Err(error) => {
                warn!(%error, ?pause, "accept failed");
                tokio::select! {
                    () = port.stop.cancelled() => return,
                    () = sleep(pause) => pause = (pause * 2).min(LONGEST_PAUSE),
                }
            }
        }
    }
}

impl Port {
    fn connected(&self, stream: TcpStream, remote: SocketAddr) {
        let spec = self.spec.borrow().clone();
        let snapshot = self.shared.context.live.now();
        let limits = &snapshot.config.limits;
        let per_address = match limits.hold_for(remote.ip()) {
            true => limits.connections_per_address,
            false => 0,
        };
        let admitted = match self.shared.admission.admit(remote.ip(), per_address) {
            Ok(admitted) => admitted,
            Err(full) => return turn_away(&stream, spec.kind, full, remote),
        };
        let Ok(local) = stream.local_addr() else {
            return; // Gone already.
        };
        // Answers are written whole; waiting to fill a packet would only delay them. IMAP clients that
        // vanish from the network while idle are noticed by keepalive.
        let _ = stream.set_nodelay(true);
        let _ = rustix::net::sockopt::set_socket_keepalive(&stream, true);
        let info = ConnInfo {
            id: self.shared.last_id.fetch_add(1, Ordering::Relaxed) + 1,
            remote,
            local,
            listener: spec.name.clone(),
            hostname: spec.hostname.clone(),
            starttls: spec.tls.clone().filter(|_| !spec.kind.implicit_tls()),
            plaintext_logins: spec.plaintext_logins,
        };
        let span = info_span!("conn", id = info.id, service = spec.kind.as_str(), %remote);
        let shared = self.shared.clone();
        let connections = self.connections.clone();
        connections.fetch_add(1, Ordering::Relaxed);
        let task = async move {
            debug!("connected");
            if contain_panic(session(stream, info, &spec, &shared.context))
                .await
                .is_err()
            {
                shared.panics.fetch_add(1, Ordering::Relaxed);
                error!("the session ended by a panic");
            }
            connections.fetch_sub(1, Ordering::Relaxed);
            drop(admitted);
            debug!("disconnected");
        };
        self.shared.sessions.spawn(task.instrument(span));
    }
}

async fn session(stream: TcpStream, info: ConnInfo, spec: &Spec, context: &Arc<Context>) {
    let mut stream = Stream::Plain(stream);
    if spec.kind.implicit_tls() {
        // The configuration is refused where such a service has no certificate.
        let Some(tls) = spec.tls.clone() else { return };
        // Boxed: it is large, and gone once the session begins.
        let handshake = Box::pin(timeout(HANDSHAKE, stream.start_tls(tls, &[])));
        stream = tokio::select! {
            () = context.shutdown.cancelled() => return,
            done = handshake => match done {
                Ok(Ok(stream)) => stream,
                Ok(Err(error)) => return debug!(%error, "TLS handshake failed"),
                Err(_) => return debug!("TLS handshake took too long"),
            },
        };
    }
    let conn = Conn { stream, info };
    let context = context.clone();
    match spec.kind {
        ServiceKind::Smtp => smtp::serve(conn, Service::Receive, context).await,
        ServiceKind::Submission | ServiceKind::Submissions => {
            smtp::serve(conn, Service::Submission, context).await;
        }
        ServiceKind::Imap | ServiceKind::Imaps => imap::serve(conn, context).await,
    }
}

/// Says why where the client can read it before TLS, and never waits for it.
fn turn_away(stream: &TcpStream, kind: ServiceKind, full: Full, remote: SocketAddr) {
    debug!(%remote, ?full, "too many connections");
    let why = match full {
        Full::Address => "too many connections from your address",
        Full::Total => "too many connections",
    };
    let line = match kind {
        ServiceKind::Smtp | ServiceKind::Submission => format!("421 4.7.0 {why}\r\n"),
        ServiceKind::Imap => format!("* BYE {why}\r\n"),
        ServiceKind::Submissions | ServiceKind::Imaps => return,
    };
    let _ = rustix::io::write(stream, line.as_bytes());
}

/// Runs a session to its end or to its panic.
async fn contain_panic(session: impl Future<Output = ()>) -> Result<(), ()> {
    let mut session = pin!(session);
    poll_fn(
        |cx| match catch_unwind(AssertUnwindSafe(|| session.as_mut().poll(cx))) {
            Ok(poll) => poll.map(Ok),
            Err(_) => Poll::Ready(Err(())),
        },
    )
    .await
}

fn is_the_clients(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::Interrupted
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_contained() {
        assert_eq!(contain_panic(async {}).await, Ok(()));
        let panics = contain_panic(async {
            tokio::task::yield_now().await;
            panic!("on purpose");
        });
        assert_eq!(panics.await, Err(()));
    }
}
