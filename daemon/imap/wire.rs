//! The bytes from and to one client: buffers that exist only while there is something in them.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Poll, ready};
use std::time::Duration;

use mox::x509::tls::ServerTls;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::time::timeout;

use crate::conn::Stream;

/// So much output is gathered before it is sent although more may follow.
pub(super) const BATCH: usize = 64 << 10;

/// A client that takes nothing for so long is gone.
const STALLED: Duration = Duration::from_secs(120);

/// A connection with its buffers.
pub(super) struct Wire {
    /// None only after a handshake that failed.
    stream: Option<Stream>,
    /// Read and not yet used.
    pub(super) input: Vec<u8>,
    /// To be sent.
    pub(super) out: Vec<u8>,
    /// How much of `out` was sent already (a flush that was given up).
    sent: usize,
    /// What was sent ends within a response: nothing else may be said any more.
    pub(super) within: bool,
}

impl Wire {
    pub(super) fn new(stream: Stream) -> Wire {
        Wire {
            stream: Some(stream),
            input: Vec::new(),
            out: Vec::new(),
            sent: 0,
            within: false,
        }
    }

    /// The connection itself.
    pub(super) fn stream(&self) -> Option<&Stream> {
        self.stream.as_ref()
    }

    pub(super) fn is_tls(&self) -> bool {
        self.stream.as_ref().is_some_and(Stream::is_tls)
    }

    /// As [`Stream::tls_facts`].
    pub(super) fn tls_facts(&self) -> String {
        self.stream
            .as_ref()
            .map(Stream::tls_facts)
            .unwrap_or_default()
    }

    /// Reads what is there, at least one byte; an error at the end of the stream. Nothing is lost
    /// when the future is dropped. While nothing comes, no buffer is held.
    pub(super) async fn fill(&mut self) -> io::Result<()> {
        if self.input.is_empty() {
            self.input = Vec::new();
        }
        let Wire { stream, input, .. } = self;
        let stream = stream.as_mut().ok_or(io::ErrorKind::NotConnected)?;
        poll_fn(|context| {
            // On the stack, and only while polling: an idle connection costs nothing for it.
            let mut space = [0; 8 << 10];
            let mut buf = ReadBuf::new(&mut space);
            ready!(Pin::new(&mut *stream).poll_read(context, &mut buf))?;
            if buf.filled().is_empty() {
                return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
            }
            input.extend_from_slice(buf.filled());
            Poll::Ready(Ok(()))
        })
        .await
    }

    /// Reads into a buffer of the caller's, for large literals; at least one byte. `input` is empty.
    pub(super) async fn read_into(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let stream = self.stream.as_mut().ok_or(io::ErrorKind::NotConnected)?;
        poll_fn(|context| {
            let mut buf = ReadBuf::new(buf);
            ready!(Pin::new(&mut *stream).poll_read(context, &mut buf))?;
            match buf.filled().len() {
                0 => Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into())),
                n => Poll::Ready(Ok(n)),
            }
        })
        .await
    }

    /// Takes bytes off the input.
    pub(super) fn consume(&mut self, len: usize) {
        if len >= self.input.len() {
            self.input.clear();
        } else {
            self.input.drain(..len);
        }
    }

    /// Sends all that waits.
    pub(super) async fn flush(&mut self) -> io::Result<()> {
        if self.out.is_empty() {
            return Ok(());
        }
        let Wire {
            stream, out, sent, ..
        } = self;
        let stream = stream.as_mut().ok_or(io::ErrorKind::NotConnected)?;
        while *sent < out.len() {
            *sent += send(stream, &out[*sent..]).await?;
        }
        timeout(STALLED, stream.flush()).await??;
        *sent = 0;
        if out.capacity() > BATCH {
            *out = Vec::new();
        } else {
            out.clear();
        }
        Ok(())
    }

    /// Sends all that waits and gives the memory back: before waiting for the client.
    pub(super) async fn rest(&mut self) -> io::Result<()> {
        self.flush().await?;
        self.out = Vec::new();
        Ok(())
    }

    /// Sends a piece of a response that was made elsewhere; `out` has gone before.
    pub(super) async fn send(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        let stream = self.stream.as_mut().ok_or(io::ErrorKind::NotConnected)?;
        while !bytes.is_empty() {
            let n = send(stream, bytes).await?;
            bytes = &bytes[n..];
        }
        Ok(())
    }

    /// TLS from here on; what was read ahead belongs to the handshake, never to the session
    /// (RFC 9051 §11.1).
    pub(super) async fn start_tls(&mut self, config: Arc<ServerTls>) -> io::Result<()> {
        let ahead = std::mem::take(&mut self.input);
        let stream = self.stream.take().ok_or(io::ErrorKind::NotConnected)?;
        self.stream = Some(stream.start_tls(config, &ahead).await?);
        Ok(())
    }

    /// The end.
    pub(super) async fn close(&mut self) {
        if let Some(mut stream) = self.stream.take() {
            // A client that is gone already is no matter.
            let _ = timeout(Duration::from_secs(1), stream.shutdown()).await;
        }
    }
}

async fn send(stream: &mut Stream, bytes: &[u8]) -> io::Result<usize> {
    let write = poll_fn(|context| Pin::new(&mut *stream).poll_write(context, bytes));
    match timeout(STALLED, write).await?? {
        0 => Err(io::ErrorKind::WriteZero.into()),
        n => Ok(n),
    }
}
