//! AUTH (RFC 4954): carries the lines of a login to the login service and back; its failures cost the
//! client time and us nothing.

use std::sync::Arc;
use std::time::Duration;

use mox::login::{Dialogue, LoggedIn, LoginRefusal, Origin, Protocol, Turn};
use mox::sasl::SaslError;
use mox::smtp::{AUTH_LINE, AuthText, LineError};
use mox::snapshot::Snapshot;

use super::Service;
use super::answer::Answer;
use super::session::Session;
use super::vigil::End;
use crate::conn::Stream;
use crate::penalty::Cost;

impl Session {
    /// AUTH.
    pub(super) async fn auth(
        &mut self,
        mechanism: &str,
        initial: Option<AuthText>,
    ) -> Result<Answer, End> {
        if let Err(refusal) = self.may_log_in() {
            return Ok(refusal);
        }
        match self.converse(mechanism, initial).await? {
            Ok(login) => {
                self.penalty.forgive();
                self.authenticated = true;
                self.logged_in(login);
                // Nothing that is served by now is answered with a yes.
                self.vigil.check()?;
                Ok(Answer::LoggedIn)
            }
            Err(LoginRefusal::RateLimited) => Err(End::TooManyFailures),
            Err(refusal) => {
                if refusal.slows_down() {
                    self.slow_down().await?;
                }
                Ok(Answer::LoginRefused(refusal))
            }
        }
    }

    /// Challenges and responses to the end.
    async fn converse(
        &mut self,
        mechanism: &str,
        initial: Option<AuthText>,
    ) -> Result<Result<LoggedIn, LoginRefusal>, End> {
        let initial = initial.as_ref().map(|text| text.reveal().as_bytes());
        let origin = Arc::new(self.origin());
        let logins = &self.context.logins;
        let (dialogue, mut turn) =
            Dialogue::begin(logins, &self.vigil.now(), origin, mechanism, initial);
        let Some(mut dialogue) = dialogue else {
            return Ok(Err(LoginRefusal::NoMechanism));
        };
        loop {
            let challenge = match turn {
                Turn::Over(result) => return Ok(result),
                Turn::Password(login) => {
                    // Many hashes may wait for their turn; the session may have to end meanwhile.
                    let patience = self.vigil.idle;
                    return tokio::select! {
                        biased;
                        result = self.context.verify(login) => Ok(result),
                        end = self.vigil.broken(patience) => match end {
                            End::Idle => Ok(Err(LoginRefusal::Local)),
                            end => Err(end),
                        },
                    };
                }
                Turn::Challenge(challenge) => challenge,
            };
            self.say(&Answer::Challenge(challenge));
            let live = &self.context.live;
            let line = self
                .wire
                .line(&mut self.vigil, AUTH_LINE, |line| {
                    dialogue.line(&live.now(), Ok(line))
                })
                .await?;
            turn = match line {
                Ok(turn) => turn,
                Err(LineError::TooLong) => dialogue.line(&live.now(), Err(SaslError::TooLong)),
                Err(_) => dialogue.line(&live.now(), Err(SaslError::Encoding)),
            };
        }
    }

    /// The certificate of a handshake logs in by itself.
    pub(super) fn take_certificate(&mut self) {
        if self.service == Service::Receive {
            return;
        }
        let (snapshot, origin) = (self.vigil.now(), self.origin());
        if let Some(Ok(by)) = self.context.logins.handshake(&snapshot, &origin) {
            self.logged_in(by.login);
        }
    }

    /// For MAIL where nobody is logged in: the connection's key may have been added, or its account's
    /// logins enabled, since the handshake.
    pub(super) fn try_certificate(&mut self, snapshot: &Snapshot) -> Result<(), Answer> {
        let by = self.context.logins.by_certificate(snapshot, &self.origin());
        match by {
            Ok(by) => {
                self.logged_in(by.login);
                Ok(())
            }
            Err(refusal @ LoginRefusal::LoginDisabled(_)) => Err(Answer::LoginRefused(refusal)),
            Err(_) => Err(Answer::LoginRequired),
        }
    }

    fn origin(&self) -> Origin {
        self.info
            .origin(self.wire.stream(), Protocol::Submission, "")
    }

    /// From here on the session is somebody's.
    fn logged_in(&mut self, login: LoggedIn) {
        let login = Arc::new(login);
        let tls = self.wire.stream().map(Stream::tls_facts);
        let session = self.context.sessions.register(
            self.info.id,
            Protocol::Submission,
            login.clone(),
            self.info.remote.ip(),
            tls.unwrap_or_default(),
        );
        self.vigil.logged_in(login, session);
    }

    /// Whether AUTH is in order at all.
    fn may_log_in(&self) -> Result<(), Answer> {
        if self.service == Service::Receive {
            return Err(Answer::BadSequence("no logins on this port"));
        }
        if !self.hello.as_ref().is_some_and(|hello| hello.extended) {
            return Err(Answer::HelloFirst);
        }
        // One AUTH is allowed beside a certificate.
        if self.authenticated {
            return Err(Answer::BadSequence("logged in already"));
        }
        if self.transaction.is_some() {
            return Err(Answer::BadSequence("a transaction is under way"));
        }
        Ok(())
    }

    /// The mechanisms to offer now, for EHLO.
    pub(super) fn mechanisms(&self, snapshot: &Snapshot) -> String {
        if self.service == Service::Receive {
            return String::new();
        }
        let offered = self.origin().offers(snapshot);
        let names: Vec<&str> = offered.iter().map(|mechanism| mechanism.name()).collect();
        names.join(" ")
    }

    /// Lets the client wait for the answer to a failed login, or ends the session.
    async fn slow_down(&mut self) -> Result<(), End> {
        let snapshot = self.vigil.now();
        let limits = &snapshot.config.limits;
        match self.penalty.failed(limits, self.info.remote.ip()) {
            Cost::End => Err(End::TooManyFailures),
            Cost::Wait(Duration::ZERO) => Ok(()),
            Cost::Wait(delay) => match self.vigil.broken(delay).await {
                End::Idle => Ok(()),
                end => Err(end),
            },
        }
    }
}
