//! What is listened on. A reload binds new addresses before anything changes, hands the settings of
//! the new generation to those that stay, and lets those that are gone finish their connections.

use std::collections::BTreeMap;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use mox::addr::Domain;
use mox::config::model::{Listener, ServiceKind};
use mox::ctl::ListenerStatus;
use mox::diag::Diagnostic;
use mox::snapshot::Snapshot;
use mox::x509::X509Error;
use mox::x509::tls::{Clients, ServerTls};
use rustix::net::{self, AddressFamily, SocketFlags, SocketType, sockopt};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::accept::{self, Shared};
use crate::tls::TlsCache;

/// Connections that the kernel keeps until we accept them.
const BACKLOG: i32 = 4096;

/// What a bound address serves; replaced as a whole by a reload.
#[derive(Debug, Clone)]
pub(crate) struct Spec {
    /// The listener's name in mox.toml.
    pub(crate) name: Arc<str>,
    /// What is spoken.
    pub(crate) kind: ServiceKind,
    /// The host name for greetings.
    pub(crate) hostname: Domain,
    /// Certificates; none: no TLS here.
    pub(crate) tls: Option<Arc<ServerTls>>,
    /// Whether logins are allowed without TLS.
    pub(crate) plaintext_logins: bool,
    /// The generation these settings are of.
    pub(crate) generation: u64,
}

/// One bound address with its accept loop.
#[derive(Debug)]
struct Bound {
    spec: watch::Sender<Arc<Spec>>,
    /// The accept loop's socket, kept to let a successor bind beside it.
    socket: Arc<OwnedFd>,
    stop: CancellationToken,
    connections: Arc<AtomicU64>,
}

/// All bound addresses.
#[derive(Debug, Default)]
pub(crate) struct Listeners {
    bound: BTreeMap<SocketAddr, Bound>,
    tls: TlsCache,
}

/// What a snapshot asks for, with the new sockets bound: nothing of it can fail any more.
#[derive(Debug)]
pub(crate) struct Planned {
    specs: BTreeMap<SocketAddr, Arc<Spec>>,
    sockets: BTreeMap<SocketAddr, TcpListener>,
}

impl Listeners {
    /// Reads certificates and binds what is new. On an error everything is as it was.
    pub(crate) fn plan(&mut self, snapshot: &Snapshot) -> Result<Planned, Vec<Diagnostic>> {
        let mut problems = Vec::new();
        let mut specs = BTreeMap::new();
        for (name, listener) in &snapshot.config.listeners {
            match self.specs_of(name, listener, snapshot) {
                Ok(some) => specs.extend(some),
                Err(error) => problems.push(bad_certificate(name, &error)),
            }
        }
        let mut sockets = BTreeMap::new();
        for (address, spec) in &specs {
            if self.bound.contains_key(address) {
                continue;
            }
            match self.bind(*address, &specs) {
                Ok(socket) => {
                    sockets.insert(*address, socket);
                }
                Err(error) => problems.push(cannot_bind(*address, spec, &error)),
            }
        }
        if problems.is_empty() {
            Ok(Planned { specs, sockets })
        } else {
            Err(problems)
        }
    }

    fn specs_of(
        &mut self,
        name: &str,
        listener: &Listener,
        snapshot: &Snapshot,
    ) -> Result<Vec<(SocketAddr, Arc<Spec>)>, X509Error> {
        let name: Arc<str> = name.into();
        let hostname = listener
            .hostname
            .as_ref()
            .unwrap_or(&snapshot.config.server.hostname);
        let mut specs = Vec::new();
        for (kind, service) in listener.services() {
            let tls = match &listener.tls {
                None => None,
                Some(tls) => Some(self.tls.config(tls, clients(kind, tls.client_auth))?),
            };
            let spec = Arc::new(Spec {
                name: name.clone(),
                kind,
                hostname: hostname.clone(),
                tls,
                plaintext_logins: !service.tls_required,
                generation: snapshot.generation,
            });
            let at = |ip: &std::net::IpAddr| (SocketAddr::new(*ip, service.port), spec.clone());
            specs.extend(listener.ips.iter().map(at));
        }
        Ok(specs)
    }

    /// Binds an address. Where only a socket of ours is in the way that this very reload gives up
    /// (from `0.0.0.0` to one address, say), both stand side by side until the old one goes.
    fn bind(
        &self,
        address: SocketAddr,
        specs: &BTreeMap<SocketAddr, Arc<Spec>>,
    ) -> io::Result<TcpListener> {
        let first = match listen(address, false) {
            Err(e) if e.kind() == io::ErrorKind::AddrInUse => e,
            done => return done,
        };
        let mut leaving = self
            .bound
            .iter()
            .filter(|(old, _)| old.port() == address.port() && !specs.contains_key(old))
            .peekable();
        if leaving.peek().is_none() {
            return Err(first);
        }
        let leaving: Vec<_> = leaving.collect();
        for (_, bound) in &leaving {
            sockopt::set_socket_reuseport(&bound.socket, true)?;
        }
        let second = listen(address, true);
        for (_, bound) in &leaving {
            sockopt::set_socket_reuseport(&bound.socket, false)?;
        }
        second
    }

    /// Serves what was planned. Called within the runtime.
    pub(crate) fn apply(&mut self, planned: Planned, shared: &Arc<Shared>) {
        let Planned { specs, mut sockets } = planned;
        self.bound.retain(|address, bound| {
            let stays = specs.contains_key(address);
            if !stays {
                bound.stop.cancel();
            }
            stays
        });
        for (address, spec) in specs {
            if let Some(bound) = self.bound.get(&address) {
                bound.spec.send_replace(spec);
            } else if let Some(socket) = sockets.remove(&address) {
                match Bound::start(socket, spec, shared) {
                    Ok(bound) => {
                        self.bound.insert(address, bound);
                    }
                    // Registering with the reactor fails only where memory or descriptors are gone.
                    Err(error) => tracing::error!(%address, %error, "cannot serve"),
                }
            }
        }
        self.tls.prune();
    }

    /// Reads certificates again, for what is served already. Files that are not good now count as they
    /// last were. Gives the listeners that have others than before, and what is wrong.
    pub(crate) fn renew(&mut self, snapshot: &Snapshot) -> (Vec<String>, Vec<Diagnostic>) {
        let (mut renewed, mut problems) = (Vec::new(), Vec::new());
        for (name, listener) in &snapshot.config.listeners {
            let Some(tls) = &listener.tls else { continue };
            let mut is_new = false;
            let mut wrong = Vec::new();
            for bound in self
                .bound
                .values()
                .filter(|b| *b.spec.borrow().name == **name)
            {
                let clients = clients(bound.spec.borrow().kind, tls.client_auth);
                let config = match self.tls.renewed(tls, clients) {
                    Ok((config, of_files)) => {
                        wrong = of_files;
                        config
                    }
                    Err(error) => {
                        wrong = vec![error];
                        continue;
                    }
                };
                is_new |= bound.spec.send_if_modified(|spec| {
                    let other = spec
                        .tls
                        .as_ref()
                        .is_none_or(|old| !Arc::ptr_eq(old, &config));
                    if other {
                        let tls = Some(config.clone());
                        *spec = Arc::new(Spec {
                            tls,
                            ..Spec::clone(spec)
                        });
                    }
                    other
                });
            }
            // The same files for all of its services.
            problems.extend(wrong.iter().map(|error| bad_certificate(name, error)));
            if is_new {
                renewed.push(name.clone());
            }
        }
        self.tls.prune();
        (renewed, problems)
    }

    /// Stops accepting everywhere.
    pub(crate) fn close(&mut self) {
        for bound in self.bound.values() {
            bound.stop.cancel();
        }
        self.bound.clear();
    }

    /// What is listened on, by address.
    pub(crate) fn status(&self) -> Vec<ListenerStatus> {
        self.bound
            .iter()
            .map(|(address, bound)| {
                let spec = bound.spec.borrow();
                ListenerStatus {
                    name: spec.name.to_string(),
                    service: spec.kind.as_str().to_owned(),
                    address: address.to_string(),
                    tls: spec.kind.implicit_tls(),
                    generation: spec.generation,
                    connections: bound.connections.load(Ordering::Relaxed),
                }
            })
            .collect()
    }
}

impl Bound {
    fn start(socket: TcpListener, spec: Arc<Spec>, shared: &Arc<Shared>) -> io::Result<Bound> {
        let duplicate = Arc::new(OwnedFd::from(socket.try_clone()?));
        let listener = tokio::net::TcpListener::from_std(socket)?;
        let bound = Bound {
            spec: watch::Sender::new(spec),
            socket: duplicate,
            stop: shared.context.shutdown.child_token(),
            connections: Arc::default(),
        };
        tokio::spawn(accept::accept_loop(accept::Port {
            listener,
            spec: bound.spec.subscribe(),
            stop: bound.stop.clone(),
            connections: bound.connections.clone(),
            shared: shared.clone(),
        }));
        Ok(bound)
    }
}

/// Who is asked for a certificate (`spec/auth.md`): other servers never are, and would stumble over it.
fn clients(kind: ServiceKind, client_auth: bool) -> Clients {
    match kind {
        ServiceKind::Smtp => Clients::Servers,
        ServiceKind::Submission
        | ServiceKind::Submissions
        | ServiceKind::Imap
        | ServiceKind::Imaps => Clients::Programs { client_auth },
    }
}

/// IPv6 sockets take IPv6 alone, so that `0.0.0.0` and `::` can stand beside each other.
fn listen(address: SocketAddr, beside: bool) -> io::Result<TcpListener> {
    let family = match address {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = net::socket_with(family, SocketType::STREAM, flags, None)?;
    sockopt::set_socket_reuseaddr(&socket, true)?;
    sockopt::set_socket_reuseport(&socket, beside)?;
    if address.is_ipv6() {
        sockopt::set_ipv6_v6only(&socket, true)?;
    }
    net::bind(&socket, &address)?;
    net::listen(&socket, BACKLOG)?;
    // Only for the moment of binding: nobody else may join later.
    sockopt::set_socket_reuseport(&socket, false)?;
    Ok(TcpListener::from(socket))
}

fn bad_certificate(listener: &str, error: &X509Error) -> Diagnostic {
    Diagnostic {
        code: "listener.tls".to_owned(),
        path: format!("listeners.{listener}.tls"),
        position: None,
        message: error.to_string(),
        hint: String::new(),
    }
}

fn cannot_bind(address: SocketAddr, spec: &Spec, error: &io::Error) -> Diagnostic {
    let (why, hint) = match error.kind() {
        io::ErrorKind::AddrInUse => (
            "the address is in use".to_owned(),
            "another program listens there: stop it, or choose another port",
        ),
        io::ErrorKind::PermissionDenied => (
            "permission denied".to_owned(),
            "ports below 1024 need root or CAP_NET_BIND_SERVICE",
        ),
        io::ErrorKind::AddrNotAvailable => {
            ("this machine does not have the address".to_owned(), "")
        }
        _ => (error.to_string(), ""),
    };
    Diagnostic {
        code: "listener.bind".to_owned(),
        path: format!("listeners.{}.{}", spec.name, spec.kind.as_str()),
        position: None,
        message: format!("cannot listen on {address}: {why}"),
        hint: hint.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn local() -> SocketAddr {
        "127.0.0.1:0".parse().unwrap()
    }

    #[test]
    fn an_address_in_use_is_refused() {
        let held = listen(local(), false).unwrap();
        let address = held.local_addr().unwrap();
        assert_eq!(
            listen(address, false).unwrap_err().kind(),
            io::ErrorKind::AddrInUse
        );
        assert_eq!(
            listen(address, true).unwrap_err().kind(),
            io::ErrorKind::AddrInUse
        );
    }

    #[test]
    fn both_families_stand_on_one_port() {
        let four = listen("0.0.0.0:0".parse().unwrap(), false).unwrap();
        let port = four.local_addr().unwrap().port();
        let any6 = SocketAddr::new("::".parse().unwrap(), port);
        match listen(any6, false) {
            Ok(_) => {}
            // A machine without IPv6.
            Err(e) => assert_ne!(e.kind(), io::ErrorKind::AddrInUse),
        }
    }

    #[test]
    fn a_narrower_address_is_bound_beside_the_wider_one_that_leaves() {
        let wide = listen("0.0.0.0:0".parse().unwrap(), false).unwrap();
        let port = wide.local_addr().unwrap().port();
        let narrow = SocketAddr::new("127.0.0.1".parse().unwrap(), port);
        assert!(listen(narrow, false).is_err());
        sockopt::set_socket_reuseport(&wide, true).unwrap();
        let narrow = listen(narrow, true).unwrap();
        drop(wide);
        assert_eq!(narrow.local_addr().unwrap().port(), port);
    }
}
