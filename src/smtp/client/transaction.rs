//! One message to some recipients (RFC 5321 §3.3).

use tokio::io::{AsyncRead, AsyncReadExt};

use super::{Client, ClientError};
use crate::connection::ByteStream;
use crate::smtp::{BodyType, Command, Mail, Rcpt, Reply, Stuffer};

/// Who a message is from and for, and what it needs. Of the parameters, SIZE is filled in and those for
/// notifications (RET, ENVID, NOTIFY, ORCPT) are left out where the server has no DSN.
#[derive(Debug, Clone)]
pub struct Envelope {
    /// Who it is from. With `utf8` the server must have SMTPUTF8, with BODY=8BITMIME that.
    pub mail: Mail,
    /// Who it is for; at least one.
    pub recipients: Vec<Rcpt>,
}

/// How a message fared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// What was said to each recipient, in the order of the envelope.
    pub recipients: Vec<Reply>,
    /// What was said to the message; none if no recipient was taken and it was not sent.
    pub message: Option<Reply>,
}

impl Outcome {
    /// What became of a recipient: the last that was said of it, 2xx if the server has the message for it.
    pub fn of(&self, recipient: usize) -> Option<&Reply> {
        let reply = self.recipients.get(recipient)?;
        match &self.message {
            Some(message) if reply.is_success() => Some(message),
            _ => Some(reply),
        }
    }
}

/// Recipients that are told at once: their answers fit where nobody reads them yet.
const WINDOW: usize = 50;

/// Bytes of a message that are read and sent at once.
const BLOCK: usize = 64 << 10;

impl<S: ByteStream> Client<S> {
    /// Sends a message of `size` bytes, lines ending with CRLF. An error says that no recipient has it, or,
    /// if the connection broke after its end was sent, that nobody knows.
    pub async fn send(
        &mut self,
        envelope: &Envelope,
        size: u64,
        message: &mut (impl AsyncRead + Unpin + Send),
    ) -> Result<Outcome, ClientError> {
        let mail = self.mail(envelope, size)?;
        let recipients = self.announce(mail, envelope).await?;
        if !recipients.iter().any(Reply::is_success) {
            // The transaction is still open; an answer that never comes shows later.
            self.command(&Command::Rset).await?;
            return Ok(Outcome {
                recipients,
                message: None,
            });
        }
        self.connection.allow(self.times.data);
        self.line(Command::Data.to_string().as_bytes()).await?;
        let go = self.reply().await?;
        let message = match go.code {
            354 => self.content(message).await?,
            // Refused as a whole, for now or for ever.
            400.. => {
                self.command(&Command::Rset).await?;
                go
            }
            _ => return Err(ClientError::refused("DATA", go)),
        };
        Ok(Outcome {
            recipients,
            message: Some(message),
        })
    }

    /// MAIL FROM as this server can take it.
    fn mail(&self, envelope: &Envelope, size: u64) -> Result<Command, ClientError> {
        let extensions = &self.extensions;
        let mut mail = envelope.mail.clone();
        if let Some(limit) = extensions.size().filter(|limit| size > *limit) {
            return Err(ClientError::TooLarge { size, limit });
        }
        mail.params.size = extensions.has("SIZE").then_some(size);
        if mail.params.utf8 && !extensions.has("SMTPUTF8") {
            return Err(ClientError::Unsupported("SMTPUTF8"));
        }
        match mail.params.body {
            Some(BodyType::EightBitMime) if !extensions.has("8BITMIME") => {
                return Err(ClientError::Unsupported("8BITMIME"));
            }
            // Its lines are sent as text.
            Some(BodyType::BinaryMime) => return Err(ClientError::Unsupported("BINARYMIME")),
            Some(BodyType::SevenBit) if !extensions.has("8BITMIME") => mail.params.body = None,
            _ => {}
        }
        if !extensions.has("DSN") {
            (mail.params.ret, mail.params.envid) = (None, None);
        }
        if !extensions.has("AUTH") {
            mail.params.auth = None;
        }
        Ok(Command::Mail(mail))
    }

    /// MAIL FROM and each RCPT TO; what was said to the recipients.
    async fn announce(
        &mut self,
        mail: Command,
        envelope: &Envelope,
    ) -> Result<Vec<Reply>, ClientError> {
        let dsn = self.extensions.has("DSN");
        let mut commands = vec![mail];
        commands.extend(envelope.recipients.iter().cloned().map(|mut rcpt| {
            if !dsn {
                rcpt.params = Default::default();
            }
            Command::Rcpt(rcpt)
        }));
        let window = match self.extensions.has("PIPELINING") {
            true => WINDOW,
            false => 1,
        };
        let mut replies = Vec::with_capacity(commands.len());
        let mut from = None;
        for group in commands.chunks(window) {
            let lines: String = group.iter().map(|line| format!("{line}\r\n")).collect();
            self.connection.allow(self.times.command);
            self.connection.send(lines.as_bytes()).await?;
            for _ in group {
                self.connection.allow(self.times.command);
                let reply = self.reply().await?;
                match &from {
                    None => from = Some(reply),
                    Some(_) => replies.push(reply),
                }
            }
            // Without a sender the rest is not worth saying.
            if let Some(refusal) = from.take_if(|reply| reply.code != 250) {
                return Err(ClientError::refused("MAIL FROM", refusal));
            }
        }
        Ok(replies)
    }

    /// The message and its end; what is said to it.
    async fn content(
        &mut self,
        message: &mut (impl AsyncRead + Unpin + Send),
    ) -> Result<Reply, ClientError> {
        let mut stuffer = Stuffer::new();
        let mut block = vec![0; BLOCK];
        let mut wire = Vec::with_capacity(BLOCK + BLOCK / 8);
        loop {
            let count = match message.read(&mut block).await {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) => {
                    // Half a message must not come to an end.
                    self.connection.abort();
                    return Err(ClientError::Message(error));
                }
            };
            wire.clear();
            stuffer.push(&block[..count], &mut wire);
            if let Some(refusal) = self.piece(&wire).await? {
                return Ok(refusal);
            }
        }
        wire.clear();
        stuffer.finish(&mut wire);
        if let Some(refusal) = self.piece(&wire).await? {
            return Ok(refusal);
        }
        self.connection.allow(self.times.stored);
        self.reply().await
    }

    /// Sends a piece of a message; a server that goes away before it has all may have said why.
    async fn piece(&mut self, wire: &[u8]) -> Result<Option<Reply>, ClientError> {
        self.connection.allow(self.times.block);
        let Err(error) = self.connection.send(wire).await else {
            return Ok(None);
        };
        self.connection.allow(super::GOODBYE);
        let reply = self.reply().await;
        self.connection.abort();
        match reply {
            Ok(reply) if reply.code >= 400 => Ok(Some(reply)),
            Err(refused @ ClientError::Refused { .. }) => Err(refused),
            _ => Err(error.into()),
        }
    }
}
