//! The bytes of a session: buffered both ways, in bounded memory.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, BytesMut};
use mox::smtp::{Frame, Framer, LineError, Reply};
use mox::x509::tls::ServerTls;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::vigil::{End, Vigil};
use crate::conn::Stream;

/// Both directions of a connection.
pub(super) struct Wire {
    /// None only once a handshake failed.
    stream: Option<Stream>,
    input: BytesMut,
    /// How much room to read into: grows while the client fills it.
    room: usize,
    framer: Framer,
    output: Vec<u8>,
    /// A write failed or was cut: there is nobody to say goodbye to.
    mute: bool,
}

impl Wire {
    /// Around a fresh connection.
    pub(super) fn new(stream: Stream) -> Wire {
        Wire {
            stream: Some(stream),
            input: BytesMut::new(),
            room: ROOM_SMALL,
            framer: Framer::new(),
            output: Vec::with_capacity(512),
            mute: false,
        }
    }

    /// The connection itself.
    pub(super) fn stream(&self) -> Option<&Stream> {
        self.stream.as_ref()
    }

    /// What was read and not used yet.
    pub(super) fn input(&mut self) -> &mut BytesMut {
        &mut self.input
    }

    /// Answers; the bytes leave once there is no input left to answer, so that pipelined commands get
    /// their replies in one piece (RFC 2920 §3.2).
    pub(super) fn say(&mut self, reply: &Reply) {
        reply.encode(&mut self.output);
    }

    /// The next line, without its CRLF, as `read` understands it.
    pub(super) async fn line<T>(
        &mut self,
        vigil: &mut Vigil,
        limit: usize,
        read: impl FnOnce(&[u8]) -> T,
    ) -> Result<Result<T, LineError>, End> {
        vigil.check()?;
        if self.output.len() >= OUTPUT {
            self.flush(vigil).await?;
        }
        loop {
            let mut frame = self.framer.next(&self.input, limit);
            if let Frame::More(used) = frame {
                self.input.advance(used);
                let bare = self.framer.ends_with_bare_lf(&self.input);
                let patience = if bare { BARE_LF_PATIENCE } else { vigil.idle };
                frame = match self.fill(vigil, patience).await {
                    Err(End::Idle) if bare => self.framer.give_up(&self.input),
                    Err(end) => return Err(end),
                    Ok(()) => continue,
                };
            }
            match frame {
                Frame::Line(len) => {
                    let line = read(&self.input[..len]);
                    self.input.advance(len + 2);
                    return Ok(Ok(line));
                }
                Frame::Bad(len, why) => {
                    self.input.advance(len);
                    return Ok(Err(why));
                }
                Frame::More(_) => {}
            }
        }
    }

    /// Sends what is to be said and reads more input, at least a byte.
    pub(super) async fn fill(&mut self, vigil: &mut Vigil, patience: Duration) -> Result<(), End> {
        vigil.check()?;
        self.flush(vigil).await?;
        let free = self.input.capacity() - self.input.len();
        if free < self.room / 4 {
            self.input.reserve(self.room);
        }
        let Some(stream) = &mut self.stream else {
            return Err(End::Closed);
        };
        let before = self.input.capacity() - self.input.len();
        let read = tokio::select! {
            biased;
            read = stream.read_buf(&mut self.input) => read,
            end = vigil.broken(patience) => return Err(end),
        };
        match read {
            Ok(0) | Err(_) => Err(End::Closed),
            Ok(len) => {
                if len == before || len >= TLS_RECORD {
                    self.room = (self.room * 4).min(ROOM_LARGE);
                }
                Ok(())
            }
        }
    }

    /// Sends what is to be said.
    pub(super) async fn flush(&mut self, vigil: &mut Vigil) -> Result<(), End> {
        if self.output.is_empty() {
            return Ok(());
        }
        let Some(stream) = &mut self.stream else {
            return Err(End::Closed);
        };
        let written = tokio::select! {
            biased;
            written = write(stream, &self.output) => written.map_err(|_| End::Closed),
            end = vigil.broken(WRITE_PATIENCE) => Err(end),
        };
        self.output.clear();
        self.mute |= written.is_err();
        written
    }

    /// Gives memory back between messages.
    pub(super) fn rest(&mut self) {
        if self.room > ROOM_SMALL && self.input.is_empty() {
            self.room = ROOM_SMALL;
            self.input = BytesMut::new();
        }
        if self.output.capacity() > OUTPUT && self.output.is_empty() {
            self.output = Vec::with_capacity(512);
        }
    }

    /// Starts TLS: whatever follows the command is the handshake's.
    pub(super) async fn start_tls(
        &mut self,
        config: Arc<ServerTls>,
        vigil: &mut Vigil,
    ) -> Result<(), End> {
        self.flush(vigil).await?;
        let ahead = std::mem::take(&mut self.input);
        self.framer = Framer::new();
        // From here on there is no plain text to be said.
        self.mute = true;
        let Some(stream) = self.stream.take() else {
            return Err(End::Closed);
        };
        let handshake = tokio::select! {
            biased;
            handshake = stream.start_tls(config, &ahead) => handshake,
            _ = vigil.broken(HANDSHAKE_PATIENCE) => return Err(End::Closed),
        };
        match handshake {
            Ok(stream) => {
                self.stream = Some(stream);
                self.mute = false;
                Ok(())
            }
            Err(error) => {
                tracing::debug!(%error, "starttls");
                Err(End::Closed)
            }
        }
    }

    /// Says the last words and closes, so that they arrive even while the client still sends: what it
    /// sends is read for a moment, or the kernel would reset the connection under our words.
    pub(super) async fn close(mut self, last: Option<Reply>, patience: Duration) {
        let Some(mut stream) = self.stream.take() else {
            return;
        };
        if self.mute {
            return;
        }
        if let Some(reply) = &last {
            reply.encode(&mut self.output);
        }
        let goodbye = async {
            if write(&mut stream, &self.output).await.is_err() || stream.shutdown().await.is_err() {
                return;
            }
            let mut sink = vec![0; 4096];
            let mut left = LINGER_BYTES;
            while let Ok(len @ 1..) = stream.read(&mut sink).await {
                left = left.saturating_sub(len);
                if left == 0 {
                    break;
                }
            }
        };
        // Whether it got there in time makes no difference any more.
        let _ = timeout(patience, goodbye).await;
    }
}

async fn write(stream: &mut Stream, bytes: &[u8]) -> std::io::Result<()> {
    stream.write_all(bytes).await?;
    stream.flush().await
}

/// Room to read into, at first: commands, and messages that are small.
const ROOM_SMALL: usize = 4 << 10;
/// And at most.
const ROOM_LARGE: usize = 64 << 10;
/// What one read gives at most over TLS, however much room there is.
const TLS_RECORD: usize = 16 << 10;
/// Replies that wait for the input to end, at most.
const OUTPUT: usize = 8 << 10;
/// How long a bare LF may be the last byte before it is taken for the end of a (bad) line.
const BARE_LF_PATIENCE: Duration = Duration::from_secs(1);
/// How long a client may take no replies.
const WRITE_PATIENCE: Duration = Duration::from_secs(60);
const HANDSHAKE_PATIENCE: Duration = Duration::from_secs(30);
const LINGER_BYTES: usize = 256 << 10;
