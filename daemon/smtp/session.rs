//! The loop over commands (RFC 5321 §4.1, §4.3).

use std::sync::Arc;
use std::time::Duration;

use mox::smtp::{COMMAND_LINE, Command, CommandError};

use super::Service;
use super::answer::{Answer, farewell};
use super::transaction::Transaction;
use super::vigil::{End, Vigil};
use super::wire::Wire;
use crate::conn::{Conn, ConnInfo, tls_names};
use crate::context::Context;
use crate::penalty::Penalty;

/// One connection.
pub(super) struct Session {
    pub(super) wire: Wire,
    pub(super) vigil: Vigil,
    pub(super) info: ConnInfo,
    pub(super) service: Service,
    pub(super) context: Arc<Context>,
    /// Version and cipher suite, as registered.
    pub(super) tls: Option<(String, String)>,
    pub(super) hello: Option<Hello>,
    pub(super) transaction: Option<Transaction>,
    pub(super) penalty: Penalty,
    /// AUTH has succeeded.
    pub(super) authenticated: bool,
    pub(super) bad_commands: usize,
    /// A command was understood: whoever this is, it speaks SMTP.
    speaks_smtp: bool,
}

/// What the client calls itself.
pub(super) struct Hello {
    pub(super) name: String,
    /// By EHLO.
    pub(super) extended: bool,
}

impl Session {
    /// Before the greeting.
    pub(super) fn new(conn: Conn, service: Service, context: Arc<Context>) -> Session {
        let tls = tls_names(conn.stream.tls_text());
        Session {
            wire: Wire::new(conn.stream),
            vigil: Vigil::new(&context.shutdown, &context.live),
            info: conn.info,
            service,
            context,
            tls,
            hello: None,
            transaction: None,
            penalty: Penalty::default(),
            authenticated: false,
            bad_commands: 0,
            speaks_smtp: false,
        }
    }

    /// To the end.
    pub(super) async fn run(mut self: Box<Session>) {
        let end = self.talk().await;
        tracing::debug!(?end, "smtp session ended");
        // A message that is not whole goes now, not after the goodbye.
        self.transaction = None;
        let patience = match end {
            End::Shutdown => GOODBYE_AT_SHUTDOWN,
            _ => GOODBYE,
        };
        Box::pin(self.wire.close(farewell(&end), patience)).await;
    }

    async fn talk(&mut self) -> End {
        if let Err(end) = self.vigil.check() {
            return end;
        }
        self.take_certificate();
        self.say(&Answer::Greeting(self.info.hostname.ascii().to_owned()));
        loop {
            if let Err(end) = self.command().await {
                return end;
            }
        }
    }

    /// One command, from its line to its answer.
    async fn command(&mut self) -> Result<(), End> {
        self.set_patience();
        let line = self
            .wire
            .line(&mut self.vigil, COMMAND_LINE, Command::parse)
            .await?;
        let answer = match line {
            Err(error) => Answer::BadLine(error),
            Ok(Err(CommandError::Unknown)) if !self.speaks_smtp => return Err(End::NotSmtp),
            Ok(Err(error)) => Answer::BadCommand(error),
            Ok(Ok(command)) => {
                self.speaks_smtp = true;
                match self.answer(command).await? {
                    Some(answer) => answer,
                    None => return Ok(()),
                }
            }
        };
        self.say(&answer);
        if answer.is_bad() {
            self.bad_commands += 1;
            if self.bad_commands >= BAD_COMMANDS {
                return Err(End::TooManyErrors);
            }
        }
        Ok(())
    }

    /// Carries a command out; no answer where it was given on the way. What takes long is boxed, so
    /// that a session that waits for a command is small.
    async fn answer(&mut self, command: Command) -> Result<Option<Answer>, End> {
        let done = |result: Result<(), Answer>, answer| match result {
            Ok(()) => answer,
            Err(refusal) => refusal,
        };
        Ok(Some(match command {
            Command::Ehlo(name) => self.greet(name, true),
            Command::Helo(name) => self.greet(name, false),
            Command::Mail(mail) => done(self.mail(mail), Answer::SenderOk),
            Command::Rcpt(rcpt) => done(Box::pin(self.rcpt(rcpt)).await, Answer::RecipientOk),
            Command::Data => {
                let answer = Box::pin(self.data()).await?;
                self.wire.rest();
                answer
            }
            Command::Bdat { size, last } => {
                let answer = Box::pin(self.bdat(size, last)).await?;
                self.wire.rest();
                answer
            }
            Command::Rset => {
                self.reset();
                Answer::Reset
            }
            Command::Noop => Answer::Noop,
            Command::Quit => return Err(End::Quit),
            Command::Vrfy | Command::Expn => Answer::NotVerified,
            Command::Help => Answer::Help,
            Command::StartTls => return Box::pin(self.start_tls()).await,
            Command::Auth { mechanism, initial } => {
                Box::pin(self.auth(&mechanism, initial)).await?
            }
        }))
    }

    /// Answers, at the latest when all input is dealt with.
    pub(super) fn say(&mut self, answer: &Answer) {
        self.wire.say(&answer.reply());
    }

    /// EHLO and HELO: a new start, but for the login (RFC 5321 §4.1.4).
    fn greet(&mut self, name: String, extended: bool) -> Answer {
        self.reset();
        self.hello = Some(Hello { name, extended });
        let mut lines = self.info.hostname.ascii().to_owned();
        if extended {
            let snapshot = self.vigil.now();
            let limits = &snapshot.config.limits;
            lines.push_str(&format!("\nPIPELINING\nSIZE {}", limits.message_size));
            if self.tls.is_none() && self.info.starttls.is_some() {
                lines.push_str("\nSTARTTLS");
            }
            let mechanisms = self.mechanisms(&snapshot);
            if !mechanisms.is_empty() {
                lines.push_str(&format!("\nAUTH {mechanisms}"));
            }
            lines.push_str("\nENHANCEDSTATUSCODES\n8BITMIME\nSMTPUTF8\nCHUNKING");
            lines.push_str(&format!("\nLIMITS RCPTMAX={}", limits.recipients));
        }
        Answer::Hello(lines)
    }

    /// STARTTLS (RFC 3207 §4): afterwards nothing said before counts.
    async fn start_tls(&mut self) -> Result<Option<Answer>, End> {
        if self.tls.is_some() {
            return Ok(Some(Answer::BadSequence("TLS is on already")));
        }
        let Some(config) = self.info.starttls.clone() else {
            return Ok(Some(Answer::NotHere("TLS is not offered here")));
        };
        self.say(&Answer::StartTls);
        self.reset();
        self.hello = None;
        self.wire.start_tls(config, &mut self.vigil).await?;
        let tls = self.wire.stream().and_then(|stream| stream.tls_text());
        self.tls = tls_names(tls);
        // A login without TLS does not count over it.
        self.vigil.forget_login();
        self.authenticated = false;
        self.take_certificate();
        Ok(None)
    }

    /// Ends the transaction under way.
    fn reset(&mut self) {
        self.transaction = None;
        self.vigil.deadline = None;
    }

    /// How long the client may be silent from now on.
    fn set_patience(&mut self) {
        let snapshot = self.vigil.now();
        let limits = &snapshot.config.limits;
        self.vigil.idle = match self.service {
            Service::Submission if self.vigil.login().is_none() => limits.login_idle,
            _ => limits.smtp_idle,
        };
    }
}

/// How long the last words may take to arrive.
const GOODBYE: Duration = Duration::from_secs(2);
/// The same when the whole daemon waits for it.
const GOODBYE_AT_SHUTDOWN: Duration = Duration::from_millis(200);
/// Bad commands after which a session ends; a message that is kept clears them.
const BAD_COMMANDS: usize = 20;
