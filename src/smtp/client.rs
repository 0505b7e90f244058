//! A client of SMTP: hands messages to a server, for submission and for relaying (RFC 5321, RFC 6409).
//!
//! It speaks over any stream of bytes. Pipelines where the server can (RFC 2920), says what a message
//! needs (SIZE, 8BITMIME, SMTPUTF8, DSN), and tells how each recipient fared. Whatever the server sends,
//! memory and time are bounded ([`Times`]), and what came before TLS is forgotten.

mod batches;
mod error;
mod extensions;
mod transaction;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use memchr::memchr;
use rustls::ClientConfig;
use zeroize::Zeroizing;

pub use batches::Fates;
pub use error::ClientError;
pub use extensions::Extensions;
pub use transaction::{Envelope, Outcome};

use super::{AuthText, Command, Host, Reply, parse_reply};
use crate::connection::{ByteStream, Connection, ConnectionError};
use crate::sasl::Mechanism;
use crate::sasl::choice::{Proof, choose};

/// How long each answer may take (RFC 5321 §4.5.3.2).
#[derive(Debug, Clone, Copy)]
pub struct Times {
    /// The greeting, and the TLS handshake.
    pub greeting: Duration,
    /// Commands.
    pub command: Duration,
    /// The go-ahead for DATA.
    pub data: Duration,
    /// Sending a piece of a message.
    pub block: Duration,
    /// What is said to the whole message: the server stores it meanwhile.
    pub stored: Duration,
}

impl Default for Times {
    fn default() -> Times {
        let minutes = |n: u64| Duration::from_secs(n * 60);
        Times {
            greeting: minutes(5),
            command: minutes(5),
            data: minutes(2),
            block: minutes(3),
            stored: minutes(10),
        }
    }
}

/// Bytes of a reply that is read; [`parse_reply`] takes fewer.
const MAX_REPLY: usize = 1 << 20;

/// A session with a server that has greeted.
pub struct Client<S> {
    connection: Connection<S>,
    times: Times,
    /// Our name for ourselves.
    name: String,
    extensions: Extensions,
}

impl<S: ByteStream> Client<S> {
    /// Waits for the greeting and introduces itself. For TLS from the first byte, give it as `tls`, with
    /// the server's name.
    pub async fn begin(
        stream: S,
        name: &Host,
        times: Times,
        tls: Option<(Arc<ClientConfig>, &str)>,
    ) -> Result<Client<S>, ClientError> {
        let mut connection = Connection::new(stream, times.greeting);
        if let Some((config, host)) = tls {
            connection.start_tls(config, host).await?;
        }
        let mut client = Client {
            connection,
            times,
            name: name.to_string(),
            extensions: Extensions::default(),
        };
        let greeting = client.reply().await?;
        if greeting.code != 220 {
            return Err(ClientError::refused("the connection", greeting));
        }
        client.introduce().await?;
        Ok(client)
    }

    /// What the server can do.
    pub fn extensions(&self) -> &Extensions {
        &self.extensions
    }

    /// Whether what is sent is encrypted.
    pub fn is_tls(&self) -> bool {
        self.connection.is_tls()
    }

    /// Goes over to TLS with a server of this name (RFC 3207). Nothing of what the server said before
    /// counts any more.
    pub async fn start_tls(
        &mut self,
        config: Arc<ClientConfig>,
        host: &str,
    ) -> Result<(), ClientError> {
        if !self.extensions.has("STARTTLS") {
            return Err(ClientError::Unsupported("STARTTLS"));
        }
        let reply = self.command(&Command::StartTls).await?;
        if reply.code != 220 {
            return Err(ClientError::refused("STARTTLS", reply));
        }
        self.connection.allow(self.times.greeting);
        self.connection.start_tls(config, host).await?;
        self.introduce().await
    }

    /// Logs in, in the best way that there is (RFC 4954). Without TLS no password is sent readable.
    pub async fn authenticate(&mut self, proof: &Proof) -> Result<Mechanism, ClientError> {
        let encrypted = self.connection.is_tls();
        let offered = self.extensions.mechanisms();
        let bindings = self.connection.bindings();
        let mut exchange = choose(proof, &offered, &bindings, encrypted)?;
        let mechanism = exchange.mechanism();
        let initial = exchange.initial();
        let mut reply = self
            .command(&Command::Auth {
                mechanism: mechanism.name().to_owned(),
                initial: initial.map(|initial| AuthText::new(&initial)),
            })
            .await?;
        while reply.code == 334 {
            let answer = match exchange.respond(reply.text.as_bytes()) {
                Ok(answer) => answer,
                Err(error) => {
                    self.line(b"*").await?;
                    self.reply().await?;
                    return Err(error.into());
                }
            };
            self.line(answer.as_bytes()).await?;
            reply = self.reply().await?;
        }
        if reply.code != 235 {
            return Err(ClientError::refused("the login", reply));
        }
        exchange.finish()?;
        Ok(mechanism)
    }

    /// Says goodbye.
    pub async fn quit(mut self) {
        // Whatever it answers: nothing depends on it.
        self.connection.allow(GOODBYE);
        let quit = format!("{}\r\n", Command::Quit);
        if self.connection.send(quit.as_bytes()).await.is_ok() {
            let _ = self.next_reply().await;
        }
        self.connection.close().await;
    }

    /// EHLO, and HELO for servers of old.
    async fn introduce(&mut self) -> Result<(), ClientError> {
        self.extensions = Extensions::default();
        let reply = self.command(&Command::Ehlo(self.name.clone())).await?;
        if reply.code == 250 {
            self.extensions = Extensions::parse(&reply.text);
            return Ok(());
        }
        if !matches!(reply.code, 500..=504) {
            return Err(ClientError::refused("EHLO", reply));
        }
        let reply = self.command(&Command::Helo(self.name.clone())).await?;
        match reply.code {
            250 => Ok(()),
            _ => Err(ClientError::refused("HELO", reply)),
        }
    }

    /// Sends a command and waits for what is said to it.
    async fn command(&mut self, command: &Command) -> Result<Reply, ClientError> {
        self.connection.allow(self.times.command);
        let line = Zeroizing::new(command.to_string());
        self.line(line.as_bytes()).await?;
        self.reply().await
    }

    /// Sends a line.
    async fn line(&mut self, line: &[u8]) -> Result<(), ClientError> {
        let line = Zeroizing::new([line, b"\r\n"].concat());
        self.connection.send(&line).await?;
        Ok(())
    }

    /// The next reply. 421 can be said to anything: the server is going away (RFC 5321 §3.8).
    async fn reply(&mut self) -> Result<Reply, ClientError> {
        let reply = self.next_reply().await?;
        if reply.code == 421 {
            self.connection.abort();
            return Err(ClientError::refused("to go on", reply));
        }
        Ok(reply)
    }

    async fn next_reply(&mut self) -> Result<Reply, ClientError> {
        // Looked at again only when a line has come to its end.
        let mut seen = 0;
        loop {
            let unread = self.connection.unread();
            let has_line = memchr(b'\n', &unread[seen..]).is_some();
            seen = unread.len();
            if (has_line || seen > MAX_LINE)
                && let Some((reply, length)) = parse_reply(unread)?
            {
                self.connection.consume(length);
                return Ok(reply);
            }
            match self.connection.fill(MAX_REPLY).await {
                Ok(()) => {}
                Err(error) => {
                    self.connection.abort();
                    return Err(error.into());
                }
            }
        }
    }
}

/// Bytes after which a line without an end is looked at: it is too long.
const MAX_LINE: usize = 8 << 10;

/// A server that is told goodbye gets so long to answer.
const GOODBYE: Duration = Duration::from_secs(5);

/// An address literal as a name for ourselves, for who has no host name (RFC 5321 §4.1.3).
pub fn literal(ip: IpAddr) -> Host {
    Host::Literal(ip)
}

impl From<ConnectionError> for ClientError {
    fn from(error: ConnectionError) -> ClientError {
        ClientError::Connection(error)
    }
}

#[cfg(test)]
mod tests;
