//! A connection as a client has it: bytes read up to a bound and within a time, TLS begun in place.
//!
//! [`crate::smtp::client`] and [`crate::imap::client`] speak over it. It makes no connections itself:
//! whoever has a stream of bytes gives it.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ProtocolVersion};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::sasl::ChannelBindings;
use crate::x509;

/// A stream that a client can speak over.
pub trait ByteStream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> ByteStream for S {}

/// Why a connection is of no more use.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectionError {
    /// Peer: it has closed the connection.
    #[error("the server closed the connection")]
    Closed,
    /// Peer: no answer, or not all of it, within the time it was given.
    #[error("the server took too long to answer")]
    Silent,
    /// Peer: more than any answer has.
    #[error("the server sends more than an answer can have")]
    TooMuch,
    /// Peer: bytes behind the answer to STARTTLS, which would have been taken for what came over TLS
    /// (CVE-2011-0411 the other way round).
    #[error("the server sent text ahead of TLS")]
    AheadOfTls,
    /// Peer: no TLS, or a certificate that is not believed.
    #[error("TLS: {0}")]
    Tls(String),
    /// The network.
    #[error("the connection broke: {0}")]
    Broken(#[source] io::Error),
    /// Bug: it was used after it had broken, or TLS begun twice.
    #[error("there is no connection")]
    Gone,
}

/// One connection.
pub struct Connection<S> {
    stream: Option<Stream<S>>,
    buffer: Vec<u8>,
    /// Bytes of the buffer that were used up.
    used: usize,
    deadline: Instant,
}

enum Stream<S> {
    Plain(S),
    Tls(Box<TlsStream<S>>),
}

/// Bytes read at once.
const CHUNK: usize = 16 << 10;

/// A connection is told goodbye and not waited for.
const GOODBYE: Duration = Duration::from_secs(2);

impl<S: ByteStream> Connection<S> {
    /// Over a stream that is connected. The time for the first step begins.
    pub fn new(stream: S, time: Duration) -> Connection<S> {
        Connection {
            stream: Some(Stream::Plain(stream)),
            buffer: Vec::new(),
            used: 0,
            deadline: Instant::now() + time,
        }
    }

    /// Gives the next step, whatever it reads and writes, so much time.
    pub fn allow(&mut self, time: Duration) {
        self.deadline = Instant::now() + time;
    }

    /// Makes the TLS handshake with a server of this name, a host name or an address.
    pub async fn start_tls(
        &mut self,
        config: Arc<ClientConfig>,
        host: &str,
    ) -> Result<(), ConnectionError> {
        if !self.unread().is_empty() {
            self.stream = None;
            return Err(ConnectionError::AheadOfTls);
        }
        let Some(Stream::Plain(stream)) = self.stream.take() else {
            return Err(ConnectionError::Gone);
        };
        let name = host.trim_end_matches('.').to_owned();
        let name = ServerName::try_from(name)
            .map_err(|_| ConnectionError::Tls(format!("{host:?} is no name of a server")))?;
        let handshake = TlsConnector::from(config).connect(name, stream);
        match timeout_at(self.deadline, handshake).await {
            Err(_) => Err(ConnectionError::Silent),
            Ok(Err(e)) => Err(ConnectionError::Tls(tls_problem(&e))),
            Ok(Ok(stream)) => {
                self.stream = Some(Stream::Tls(Box::new(stream)));
                Ok(())
            }
        }
    }

    /// Whether what is sent is encrypted.
    pub fn is_tls(&self) -> bool {
        matches!(self.stream, Some(Stream::Tls(_)))
    }

    /// What a login can be bound to.
    pub fn bindings(&self) -> ChannelBindings {
        let Some(Stream::Tls(stream)) = &self.stream else {
            return ChannelBindings::none();
        };
        let tls = stream.get_ref().1;
        let exporter = (tls.protocol_version() == Some(ProtocolVersion::TLSv1_3))
            .then(|| {
                let label = b"EXPORTER-Channel-Binding";
                tls.export_keying_material(vec![0; 32], label, Some(b""))
            })
            .and_then(Result::ok);
        let certificate = tls.peer_certificates().and_then(|chain| chain.first());
        let end_point = certificate.and_then(|certificate| x509::server_end_point(certificate));
        ChannelBindings::new(exporter, end_point)
    }

    /// Bytes that were read and not used yet.
    pub fn unread(&self) -> &[u8] {
        &self.buffer[self.used..]
    }

    /// So many of them are used up.
    pub fn consume(&mut self, count: usize) {
        self.used = (self.used + count).min(self.buffer.len());
    }

    /// Reads more. Fails when the end has come, and when `most` bytes wait to be used already.
    pub async fn fill(&mut self, most: usize) -> Result<(), ConnectionError> {
        self.buffer.drain(..self.used);
        self.used = 0;
        if self.buffer.len() >= most {
            return Err(ConnectionError::TooMuch);
        }
        let old = self.buffer.len();
        self.buffer.resize(old + CHUNK.min(most - old), 0);
        let buffer = &mut self.buffer[old..];
        let read = match &mut self.stream {
            Some(Stream::Plain(stream)) => timeout_at(self.deadline, stream.read(buffer)).await,
            Some(Stream::Tls(stream)) => timeout_at(self.deadline, stream.read(buffer)).await,
            None => Ok(Err(io::ErrorKind::NotConnected.into())),
        };
        let count = match &read {
            Ok(Ok(count)) => *count,
            _ => 0,
        };
        self.buffer.truncate(old + count);
        match read {
            Err(_) => Err(ConnectionError::Silent),
            Ok(Ok(0)) => Err(ConnectionError::Closed),
            Ok(Ok(_)) => Ok(()),
            Ok(Err(e)) => Err(broken(e)),
        }
    }

    /// Sends bytes.
    pub async fn send(&mut self, bytes: &[u8]) -> Result<(), ConnectionError> {
        let sent = match &mut self.stream {
            Some(Stream::Plain(stream)) => timeout_at(self.deadline, send(stream, bytes)).await,
            Some(Stream::Tls(stream)) => timeout_at(self.deadline, send(stream, bytes)).await,
            None => return Err(ConnectionError::Gone),
        };
        match sent {
            Err(_) => Err(ConnectionError::Silent),
            Ok(Err(e)) => Err(broken(e)),
            Ok(Ok(())) => Ok(()),
        }
    }

    /// Breaks it off: what was begun is never finished by mistake.
    pub fn abort(&mut self) {
        self.stream = None;
    }

    /// Says goodbye to the other end of the stream.
    pub async fn close(&mut self) {
        let deadline = Instant::now() + GOODBYE;
        // Nobody waits for this.
        match self.stream.take() {
            Some(Stream::Plain(mut stream)) => {
                let _ = timeout_at(deadline, stream.shutdown()).await;
            }
            Some(Stream::Tls(mut stream)) => {
                let _ = timeout_at(deadline, stream.shutdown()).await;
            }
            None => {}
        }
    }
}

async fn send<W: AsyncWrite + Unpin>(stream: &mut W, bytes: &[u8]) -> io::Result<()> {
    stream.write_all(bytes).await?;
    stream.flush().await
}

fn broken(e: io::Error) -> ConnectionError {
    match e.kind() {
        // Without TLS's own goodbye, or with more of ours under way.
        io::ErrorKind::UnexpectedEof
        | io::ErrorKind::BrokenPipe
        | io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted => ConnectionError::Closed,
        // TLS 1.3 refuses a client's certificate only after the handshake.
        _ if is_tls(&e) => ConnectionError::Tls(tls_problem(&e)),
        _ => ConnectionError::Broken(e),
    }
}

fn is_tls(e: &io::Error) -> bool {
    e.get_ref().is_some_and(|inner| inner.is::<rustls::Error>())
}

fn tls_problem(e: &io::Error) -> String {
    match e.kind() {
        io::ErrorKind::UnexpectedEof => "the server closed the connection".to_owned(),
        _ => e.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::duplex;

    use super::*;

    const TIME: Duration = Duration::from_secs(60);

    #[tokio::test]
    async fn what_is_read_is_bounded() {
        let (ours, mut theirs) = duplex(1 << 20);
        let mut connection = Connection::new(ours, TIME);
        theirs.write_all(&[b'x'; 100]).await.expect("written");
        connection.fill(40).await.expect("read");
        assert_eq!(connection.unread().len(), 40);
        let full = connection.fill(40).await;
        assert!(matches!(full, Err(ConnectionError::TooMuch)));
        connection.consume(30);
        connection.fill(40).await.expect("read");
        assert_eq!(connection.unread().len(), 40);
        drop(theirs);
        connection.consume(40);
        connection.fill(40).await.expect("the rest");
        assert_eq!(connection.unread().len(), 30);
        let end = connection.fill(40).await;
        assert!(matches!(end, Err(ConnectionError::Closed)));
    }

    #[tokio::test(start_paused = true)]
    async fn the_time_is_for_the_whole_step() {
        let (ours, mut theirs) = duplex(1);
        let mut connection = Connection::new(ours, TIME);
        tokio::spawn(async move {
            let mut tick = tokio::time::interval(Duration::from_secs(25));
            loop {
                tick.tick().await;
                if theirs.write_all(b"x").await.is_err() {
                    return;
                }
            }
        });
        let begun = Instant::now();
        let mut ends = connection.fill(1000).await;
        while ends.is_ok() {
            ends = connection.fill(1000).await;
        }
        assert!(matches!(ends, Err(ConnectionError::Silent)), "{ends:?}");
        assert_eq!(begun.elapsed(), TIME);
    }

    #[tokio::test]
    async fn text_ahead_of_tls_is_refused() {
        let (ours, mut theirs) = duplex(100);
        let mut connection = Connection::new(ours, TIME);
        theirs.write_all(b"220 go\r\n250 x").await.expect("written");
        connection.fill(100).await.expect("read");
        connection.consume(8);
        let config = x509::client_tls::client_config(&x509::client_tls::Trust::Anyone, None);
        let config = Arc::new(config.expect("a configuration"));
        let begun = connection.start_tls(config, "mail.example").await;
        assert!(matches!(begun, Err(ConnectionError::AheadOfTls)));
        let after = connection.send(b"x").await;
        assert!(matches!(after, Err(ConnectionError::Gone)));
    }
}
