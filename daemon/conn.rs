//! A connection as sessions see it: a stream that is plain or TLS, and what is known of it.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task;

use mox::addr::Domain;
use mox::login::{Origin, Protocol};
use mox::sasl::ChannelBindings;
use mox::x509::tls::ServerTls;
use mox::x509::{Fingerprint, proven_key};
use rustls::HandshakeKind;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// A connection that was accepted; for implicit TLS the handshake is done.
pub struct Conn {
    /// The bytes.
    pub stream: Stream,
    /// What is known of it.
    pub info: ConnInfo,
}

/// What is known of a connection from its first moment.
#[derive(Clone)]
pub struct ConnInfo {
    /// Number of the connection since the start, for logs and Received.
    pub id: u64,
    /// The client.
    pub remote: SocketAddr,
    /// Us.
    pub local: SocketAddr,
    /// The listener's name in mox.toml.
    pub listener: Arc<str>,
    /// The host name for greetings on this listener.
    pub hostname: Domain,
    /// For STARTTLS: the configuration to use now; none: not offered.
    pub starttls: Option<Arc<ServerTls>>,
    /// Whether logins are allowed without TLS here (`tls_required = false`; localserve has TLS always).
    pub plaintext_logins: bool,
}

/// The bytes of a connection.
pub enum Stream {
    /// Without TLS.
    Plain(TcpStream),
    /// With.
    Tls(Box<Encrypted>),
}

/// A connection with TLS.
pub struct Encrypted {
    stream: TlsStream<TcpStream>,
    /// What the handshake was done with.
    tls: Arc<ServerTls>,
}

impl Stream {
    /// Whether it is encrypted.
    pub fn is_tls(&self) -> bool {
        matches!(self, Stream::Tls(_))
    }

    /// `TLSv1_3 TLS13_AES_…` for Received and logs; none without TLS.
    pub fn tls_text(&self) -> Option<String> {
        match self {
            Stream::Plain(_) => None,
            Stream::Tls(stream) => {
                let conn = stream.connection();
                Some(format!(
                    "{:?} {:?}",
                    conn.protocol_version()?,
                    conn.negotiated_cipher_suite()?.suite()
                ))
            }
        }
    }

    /// `version=… ciphersuite=… sni=… resumed=… alpn=…`, as login attempts and sessions are listed; empty
    /// without TLS.
    pub fn tls_facts(&self) -> String {
        let Stream::Tls(stream) = self else {
            return String::new();
        };
        let conn = stream.connection();
        let (version, suite) = tls_names(self.tls_text()).unwrap_or_default();
        let sni = conn.server_name().unwrap_or_default();
        let resumed = conn.handshake_kind() == Some(HandshakeKind::Resumed);
        let alpn = String::from_utf8_lossy(conn.alpn_protocol().unwrap_or_default()).into_owned();
        format!("version={version} ciphersuite={suite} sni={sni} resumed={resumed} alpn={alpn}")
    }

    /// The key that the client has proven to have; none without TLS, without a certificate, or of a
    /// kind that is never accepted. On a resumed connection it was proven when the session began.
    pub fn client_key(&self) -> Option<Fingerprint> {
        match self {
            Stream::Plain(_) => None,
            Stream::Tls(stream) => proven_key(stream.connection().peer_certificates()?),
        }
    }

    /// What SCRAM can bind to; none without TLS.
    pub fn channel_bindings(&self) -> ChannelBindings {
        match self {
            Stream::Plain(_) => ChannelBindings::none(),
            Stream::Tls(stream) => stream.tls.channel_bindings(stream.connection()),
        }
    }

    /// Starts TLS on a plain stream. `ahead` is what was read of it behind the command: it belongs to
    /// the handshake, so that a command hidden there (CVE-2011-0411) makes the handshake fail.
    pub async fn start_tls(self, tls: Arc<ServerTls>, ahead: &[u8]) -> io::Result<Stream> {
        let Stream::Plain(tcp) = self else {
            return Err(io::Error::other("TLS is on already"));
        };
        let mut fed = Ok(());
        let acceptor = TlsAcceptor::from(tls.config.clone());
        let accept = acceptor.accept_with(tcp, |conn| fed = feed(conn, ahead));
        fed?;
        let stream = accept.await?;
        Ok(Stream::Tls(Box::new(Encrypted { stream, tls })))
    }
}

impl Encrypted {
    fn connection(&self) -> &rustls::ServerConnection {
        self.stream.get_ref().1
    }
}

impl ConnInfo {
    /// The connection as logins see it; `stream` is what it is now, before or after STARTTLS.
    pub(crate) fn origin(
        &self,
        stream: Option<&Stream>,
        protocol: Protocol,
        agent: &str,
    ) -> Origin {
        Origin {
            protocol,
            remote: self.remote.ip().to_canonical(),
            local: self.local.ip().to_canonical(),
            tls: stream.map(Stream::tls_facts).unwrap_or_default(),
            fingerprint: stream.and_then(Stream::client_key),
            agent: agent.to_owned(),
            plaintext_logins: self.plaintext_logins,
            bindings: stream.map(Stream::channel_bindings).unwrap_or_default(),
            hostname: self.hostname.ascii().to_owned(),
        }
    }
}

/// `TLSv1_3 TLS13_AES_128_GCM_SHA256` by the registered names.
pub(crate) fn tls_names(text: Option<String>) -> Option<(String, String)> {
    let text = text?;
    let (version, cipher) = text.split_once(' ').unwrap_or((&text, "unknown"));
    Some((version.replace('_', "."), cipher.replace("TLS13_", "TLS_")))
}

/// Gives the handshake bytes that were read before it began.
fn feed(conn: &mut rustls::ServerConnection, mut ahead: &[u8]) -> io::Result<()> {
    while !ahead.is_empty() {
        if conn.read_tls(&mut ahead)? == 0 {
            return Err(io::Error::other("TLS takes no more bytes"));
        }
        conn.process_new_packets().map_err(io::Error::other)?;
    }
    Ok(())
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut task::Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> task::Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Plain(s) => Pin::new(s).poll_read(cx, buf),
            Stream::Tls(s) => Pin::new(&mut s.stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut task::Context<'_>,
        buf: &[u8],
    ) -> task::Poll<io::Result<usize>> {
        match self.get_mut() {
            Stream::Plain(s) => Pin::new(s).poll_write(cx, buf),
            Stream::Tls(s) => Pin::new(&mut s.stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> task::Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Plain(s) => Pin::new(s).poll_flush(cx),
            Stream::Tls(s) => Pin::new(&mut s.stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(
        self: Pin<&mut Self>,
        cx: &mut task::Context<'_>,
    ) -> task::Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Plain(s) => Pin::new(s).poll_shutdown(cx),
            Stream::Tls(s) => Pin::new(&mut s.stream).poll_shutdown(cx),
        }
    }
}
