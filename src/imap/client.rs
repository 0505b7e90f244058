//! A client of IMAP: greets, logs in, gives commands and takes what the server says to them (RFC 9051,
//! RFC 3501).
//!
//! It speaks over any stream of bytes. What a server sends is bounded in memory and time ([`Bounds`]), and
//! what it said before TLS is forgotten. Commands are those of [`super::command`]; data of responses come as
//! they stood on the wire.

mod error;
mod response;

use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use tokio::io::{AsyncRead, AsyncReadExt};
use zeroize::Zeroizing;

pub use error::ClientError;
pub use response::{Response, Status};

use super::command::{Command, CommandBody};
use super::compose;
use crate::connection::{ByteStream, Connection};
use crate::sasl::choice::{ChoiceError, Proof, choose};
use response::literal;

/// What is taken of a server.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Time for the greeting, the TLS handshake, and what is said to a command.
    pub time: Duration,
    /// Bytes of one response, its literals included.
    pub response: usize,
    /// Bytes of all that is said to one command.
    pub command: usize,
}

impl Default for Bounds {
    fn default() -> Bounds {
        Bounds {
            time: Duration::from_secs(5 * 60),
            response: 64 << 20,
            command: 256 << 20,
        }
    }
}

/// What was said to a command that was carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completed {
    /// The code of the tagged OK, `APPENDUID 1 2`, without brackets.
    pub code: Option<String>,
    /// Its text.
    pub text: String,
    /// Untagged data that came before, without `* ` and line end, literals as they stood: `LIST () "/" INBOX`.
    pub data: Vec<Vec<u8>>,
}

/// A session with a server that has greeted.
pub struct Client<S> {
    connection: Connection<S>,
    bounds: Bounds,
    number: u64,
    capabilities: Option<Vec<String>>,
    logged_in: bool,
}

/// Bytes of a line that is read before TLS and a login, and of every line without its literals.
const LINE: usize = 1 << 20;

/// Bytes of a message that are read and sent at once.
const BLOCK: usize = 64 << 10;

/// Challenges of one login: no mechanism has as many.
const EXCHANGES: usize = 10;

impl<S: ByteStream> Client<S> {
    /// Waits for the greeting. For TLS from the first byte, give it as `tls`, with the server's name.
    pub async fn begin(
        stream: S,
        bounds: Bounds,
        tls: Option<(Arc<ClientConfig>, &str)>,
    ) -> Result<Client<S>, ClientError> {
        let mut connection = Connection::new(stream, bounds.time);
        if let Some((config, host)) = tls {
            connection.start_tls(config, host).await?;
        }
        let mut client = Client {
            connection,
            bounds,
            number: 0,
            capabilities: None,
            logged_in: false,
        };
        match client.response().await? {
            Response::Untagged { status, code, .. }
                if matches!(status, Status::Ok | Status::PreAuth) =>
            {
                client.logged_in = status == Status::PreAuth;
                client.learn(code.as_deref());
                Ok(client)
            }
            _ => Err(ClientError::NotImap("the greeting is none")),
        }
    }

    /// Whether commands for mailboxes can be given: after a login, or PREAUTH.
    pub fn is_logged_in(&self) -> bool {
        self.logged_in
    }

    /// Whether what is sent is encrypted.
    pub fn is_tls(&self) -> bool {
        self.connection.is_tls()
    }

    /// What the server can do, in upper case; asked for if it has not said so by itself.
    pub async fn capabilities(&mut self) -> Result<&[String], ClientError> {
        if self.capabilities.is_none() {
            let said = self.run(CommandBody::Capability).await?;
            for data in said.data {
                let text = String::from_utf8_lossy(&data).into_owned();
                self.learn(Some(&text));
            }
        }
        Ok(self.capabilities.get_or_insert_default())
    }

    /// Goes over to TLS with a server of this name. Refused after PREAUTH, which nobody can believe without
    /// TLS (RFC 9051 §7.1.4).
    pub async fn start_tls(
        &mut self,
        config: Arc<ClientConfig>,
        host: &str,
    ) -> Result<(), ClientError> {
        if self.logged_in || !self.has("STARTTLS").await? {
            return Err(ClientError::Unsupported("STARTTLS"));
        }
        self.run(CommandBody::StartTls).await?;
        self.connection.allow(self.bounds.time);
        self.connection.start_tls(config, host).await?;
        self.capabilities = None;
        Ok(())
    }

    /// Logs in, in the best way that there is: by AUTHENTICATE, and by LOGIN where that is all the server
    /// has. Without TLS no password is sent readable. Nothing to do after PREAUTH.
    pub async fn authenticate(&mut self, proof: &Proof) -> Result<(), ClientError> {
        if self.logged_in {
            return Ok(());
        }
        let encrypted = self.connection.is_tls();
        let bindings = self.connection.bindings();
        let capabilities = self.capabilities().await?;
        let offered: Vec<&str> = capabilities
            .iter()
            .filter_map(|name| name.strip_prefix("AUTH="))
            .collect();
        let says_first = capabilities.iter().any(|name| name == "SASL-IR");
        let disabled = capabilities.iter().any(|name| name == "LOGINDISABLED");
        let mut exchange = match choose(proof, &offered, &bindings, encrypted) {
            Ok(exchange) => exchange,
            Err(ChoiceError::NoneInCommon { .. }) if encrypted && !disabled => {
                return self.login(proof).await;
            }
            Err(error) => return Err(error.into()),
        };
        let initial = match says_first {
            true => exchange.initial(),
            false => None,
        };
        let body = CommandBody::Authenticate {
            mechanism: exchange.mechanism().name().to_owned(),
            initial: initial.map(|initial| initial.as_bytes().to_vec()),
        };
        let tag = self.say(body).await?;
        let mut unsaid = !says_first;
        let mut code = None;
        for _ in 0..EXCHANGES {
            match self.until_tag(&tag, "the login", &mut Vec::new()).await? {
                Some((told, _)) => {
                    exchange.finish()?;
                    code = Some(told);
                    break;
                }
                None => {
                    let challenge = self.challenge().await?;
                    let own = std::mem::take(&mut unsaid)
                        .then(|| exchange.initial())
                        .flatten();
                    let answer = match own {
                        // The empty one is `=` on a command's line and nothing on its own.
                        Some(own) if own.as_str() == "=" => Ok(Zeroizing::new(String::new())),
                        Some(own) => Ok(own),
                        None => exchange.respond(&challenge),
                    };
                    match answer {
                        Ok(answer) => self.line(answer.as_bytes()).await?,
                        Err(error) => {
                            self.line(b"*").await?;
                            // Its refusal says nothing new.
                            let _ = self.until_tag(&tag, "the login", &mut Vec::new()).await;
                            return Err(error.into());
                        }
                    }
                }
            }
        }
        let Some(code) = code else {
            self.connection.abort();
            return Err(ClientError::NotImap("the login has no end"));
        };
        self.entered(code.as_deref());
        Ok(())
    }

    async fn login(&mut self, proof: &Proof) -> Result<(), ClientError> {
        let Proof::Password { user, password } = proof else {
            return Err(ClientError::Unsupported("EXTERNAL"));
        };
        let body = CommandBody::Login {
            user: user.as_bytes().to_vec(),
            password: password.as_bytes().to_vec(),
        };
        let said = self.run(body).await?;
        self.entered(said.code.as_deref());
        Ok(())
    }

    /// What it can do is another thing after a login.
    fn entered(&mut self, code: Option<&str>) {
        self.logged_in = true;
        self.capabilities = None;
        self.learn(code);
    }

    /// Gives a command; what was said to it if it was carried out. Not for IDLE, AUTHENTICATE, APPEND.
    pub async fn run(&mut self, body: CommandBody) -> Result<Completed, ClientError> {
        let tag = self.say(body).await?;
        let mut data = Vec::new();
        match self.until_tag(&tag, "the command", &mut data).await? {
            Some((code, text)) => Ok(Completed { code, text, data }),
            None => {
                self.connection.abort();
                Err(ClientError::NotImap(
                    "it waits for more of a command that is whole",
                ))
            }
        }
    }

    /// Stores a message, whose size is the command's, in a mailbox: an APPEND of one message.
    pub async fn append(
        &mut self,
        body: CommandBody,
        message: &mut (impl AsyncRead + Unpin + Send),
    ) -> Result<Completed, ClientError> {
        let CommandBody::Append { size, utf8, .. } = body else {
            return Err(ClientError::NotImap("no APPEND"));
        };
        let tag = self.say(body).await?;
        let mut data = Vec::new();
        if self
            .until_tag(&tag, "the message", &mut data)
            .await?
            .is_some()
        {
            self.connection.abort();
            return Err(ClientError::NotImap("it says OK to half a command"));
        }
        self.challenge().await?;
        let mut left = size;
        let mut block = vec![0; BLOCK];
        while left > 0 {
            let most = BLOCK.min(usize::try_from(left).unwrap_or(BLOCK));
            let read = match message.read(&mut block[..most]).await {
                Ok(0) => Err(std::io::ErrorKind::UnexpectedEof.into()),
                other => other,
            };
            let count = read.map_err(|error| {
                // Half a message must not come to an end.
                self.connection.abort();
                ClientError::Message(error)
            })?;
            self.connection.allow(self.bounds.time);
            self.connection.send(&block[..count]).await?;
            left -= count as u64;
        }
        self.line(if utf8 { b")" } else { b"" }).await?;
        self.connection.allow(self.bounds.time);
        match self.until_tag(&tag, "the message", &mut data).await? {
            Some((code, text)) => Ok(Completed { code, text, data }),
            None => Err(ClientError::NotImap("it waits for more of a message")),
        }
    }

    /// Says goodbye.
    pub async fn logout(mut self) {
        // Whatever it answers: nothing depends on it.
        self.bounds.time = self.bounds.time.min(GOODBYE);
        let _ = self.run(CommandBody::Logout).await;
        self.connection.close().await;
    }

    async fn has(&mut self, name: &str) -> Result<bool, ClientError> {
        let all = self.capabilities().await?;
        Ok(all.iter().any(|capability| capability == name))
    }

    /// Sends a command; its tag.
    async fn say(&mut self, body: CommandBody) -> Result<String, ClientError> {
        self.number += 1;
        let tag = format!("a{}", self.number);
        let mut line = Zeroizing::new(Vec::new());
        let command = Command {
            tag: tag.clone(),
            body,
        };
        compose::command(&command, &mut line);
        // Literals that do not wait: only where the server knows them (RFC 7888).
        if line.windows(3).any(|bytes| bytes == b"+}\r") {
            let known = ["LITERAL+", "LITERAL-", "IMAP4REV2"];
            let all = self.capabilities.as_deref().unwrap_or_default();
            if !all.iter().any(|name| known.contains(&name.as_str())) {
                return Err(ClientError::Unsupported("LITERAL+"));
            }
        }
        self.connection.allow(self.bounds.time);
        self.connection.send(&line).await?;
        Ok(tag)
    }

    async fn line(&mut self, line: &[u8]) -> Result<(), ClientError> {
        let line = Zeroizing::new([line, b"\r\n"].concat());
        self.connection.allow(self.bounds.time);
        self.connection.send(&line).await?;
        Ok(())
    }

    /// Reads to the tagged response, whose code and text are returned; none at a `+`, which is left for
    /// [`Client::challenge`].
    async fn until_tag(
        &mut self,
        tag: &str,
        what: &'static str,
        data: &mut Vec<Vec<u8>>,
    ) -> Result<Option<(Option<String>, String)>, ClientError> {
        let mut total = 0;
        loop {
            if self.peek().await? == b'+' {
                return Ok(None);
            }
            // The lines for people have a weight as well.
            total += 100;
            if total > self.bounds.command {
                self.connection.abort();
                return Err(ClientError::TooMuch);
            }
            match self.response().await? {
                Response::Tagged {
                    tag: theirs,
                    status,
                    code,
                    text,
                } => {
                    if theirs != tag {
                        self.connection.abort();
                        return Err(ClientError::NotImap("an answer to nothing that was asked"));
                    }
                    return match status {
                        Status::Ok => Ok(Some((code, text))),
                        _ => Err(ClientError::Refused { what, code, text }),
                    };
                }
                Response::Untagged { code, .. } => self.learn(code.as_deref()),
                Response::Data(bytes) => {
                    total += bytes.len();
                    data.push(bytes);
                }
                Response::Continue(_) => {}
            }
        }
    }

    /// The text of a `+`.
    async fn challenge(&mut self) -> Result<Vec<u8>, ClientError> {
        match self.response().await? {
            Response::Continue(text) => Ok(text),
            _ => Err(ClientError::NotImap("it does not go on")),
        }
    }

    async fn peek(&mut self) -> Result<u8, ClientError> {
        loop {
            if let Some(&first) = self.connection.unread().first() {
                return Ok(first);
            }
            self.fill(LINE).await?;
        }
    }

    /// The next response. BYE is the end, unless we asked for it.
    async fn response(&mut self) -> Result<Response, ClientError> {
        let most = match self.logged_in {
            true => self.bounds.response,
            false => LINE,
        };
        let mut line = 0;
        let mut seen = 0;
        let end = loop {
            let unread = self.connection.unread();
            match memchr::memchr(b'\n', &unread[seen..]) {
                Some(at) => {
                    let end = seen + at + 1;
                    // A status is for people and has no literals.
                    let literal = match response::is_status(unread) {
                        true => None,
                        false => literal(&unread[line..end]),
                    };
                    let Some(size) = literal else {
                        break end;
                    };
                    line = end.saturating_add(size);
                    if line > most {
                        self.connection.abort();
                        return Err(ClientError::TooMuch);
                    }
                    while self.connection.unread().len() < line {
                        self.fill(most).await?;
                    }
                    seen = line;
                }
                None => {
                    seen = unread.len();
                    if seen - line > LINE {
                        self.connection.abort();
                        return Err(ClientError::TooMuch);
                    }
                    self.fill(most).await?;
                }
            }
        };
        let parsed = response::parse(&self.connection.unread()[..end]);
        self.connection.consume(end);
        match parsed {
            Some(Response::Untagged {
                status: Status::Bye,
                text,
                ..
            }) => {
                self.connection.abort();
                Err(ClientError::Bye(text))
            }
            Some(response) => Ok(response),
            None => {
                self.connection.abort();
                Err(ClientError::NotImap("a line that is no response"))
            }
        }
    }

    async fn fill(&mut self, most: usize) -> Result<(), ClientError> {
        let filled = self.connection.fill(most).await;
        if filled.is_err() {
            self.connection.abort();
        }
        Ok(filled?)
    }

    /// Takes in what a server says it can do.
    fn learn(&mut self, code: Option<&str>) {
        let mut words = code.unwrap_or_default().split_ascii_whitespace();
        if words
            .next()
            .is_some_and(|word| word.eq_ignore_ascii_case("CAPABILITY"))
        {
            let names = words.take(MOST_CAPABILITIES).map(str::to_ascii_uppercase);
            self.capabilities = Some(names.collect());
        }
    }
}

/// More than any server has.
const MOST_CAPABILITIES: usize = 200;

/// A server that is told goodbye gets so long to answer.
const GOODBYE: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests;
