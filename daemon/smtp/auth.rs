//! AUTH (RFC 4954): the exchange and its failures, which cost the client time and us nothing.

use std::sync::Arc;
use std::time::Duration;

use mox::login::{Attempt, AttemptResult, LoggedIn, LoginRefusal, Protocol};
use mox::sasl::{Credentials, Exchange, Mechanism, SaslError, Setting, Step};
use mox::smtp::{AUTH_LINE, AuthText, LineError};

use super::Service;
use super::answer::Answer;
use super::session::Session;
use super::vigil::End;
use crate::conn::Stream;
use crate::context::OwnedLogin;

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
        let Some(mechanism @ (Mechanism::Plain | Mechanism::Login)) =
            Mechanism::parse(mechanism.as_bytes())
        else {
            return Ok(Answer::NoSuchMechanism);
        };
        if !self.logins_offered() {
            return Ok(Answer::LoginNeedsTls);
        }
        let credentials = match self.exchange(mechanism, initial).await? {
            Ok(credentials) => credentials,
            Err(answer) => {
                self.report(mechanism, &answer);
                return Ok(answer);
            }
        };
        let login = OwnedLogin {
            protocol: Protocol::Submission,
            mechanism,
            authzid: credentials.authzid,
            user: credentials.user,
            password: credentials.password.to_string(),
            remote: self.info.remote.ip(),
        };
        // Many hashes may wait for their turn; the session may have to end meanwhile.
        let patience = self.vigil.idle;
        let outcome = tokio::select! {
            biased;
            outcome = self.context.login(login) => outcome,
            end = self.vigil.broken(patience) => match end {
                End::Idle => Err(LoginRefusal::Local),
                end => return Err(end),
            },
        };
        match outcome {
            Ok(login) => {
                self.login_failures = 0;
                self.logged_in(login);
                Ok(Answer::LoggedIn)
            }
            Err(LoginRefusal::RateLimited) => Err(End::TooManyFailures),
            Err(refusal) => {
                if refusal != LoginRefusal::Local {
                    self.slow_down().await?;
                }
                Ok(Answer::LoginRefused(refusal))
            }
        }
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
        if self.vigil.login().is_some() {
            return Err(Answer::BadSequence("logged in already"));
        }
        if self.transaction.is_some() {
            return Err(Answer::BadSequence("a transaction is under way"));
        }
        Ok(())
    }

    /// Whether a password may be sent now: over TLS, or where the listener allows it without.
    pub(super) fn logins_offered(&self) -> bool {
        self.service == Service::Submission && (self.tls.is_some() || self.info.plaintext_logins)
    }

    /// Challenges and responses until there are credentials.
    async fn exchange(
        &mut self,
        mechanism: Mechanism,
        initial: Option<AuthText>,
    ) -> Result<Result<Credentials, Answer>, End> {
        let initial = initial.as_ref().map(|text| text.reveal().as_bytes());
        let (mut exchange, mut step) = match Exchange::begin(mechanism, initial, Setting::default())
        {
            Ok(begun) => begun,
            Err(error) => return Ok(Err(Answer::BadExchange(error))),
        };
        loop {
            match step {
                Step::Password(credentials) => return Ok(Ok(credentials)),
                Step::Challenge(challenge) => self.say(&Answer::Challenge(challenge)),
                _ => return Ok(Err(Answer::NoSuchMechanism)),
            }
            let line = self
                .wire
                .line(&mut self.vigil, AUTH_LINE, |line| exchange.line(line))
                .await?;
            step = match line {
                Ok(Ok(step)) => step,
                Ok(Err(error)) => return Ok(Err(Answer::BadExchange(error))),
                Err(LineError::TooLong) => return Ok(Err(Answer::ExchangeTooLong)),
                Err(error) => return Ok(Err(Answer::BadLine(error))),
            };
        }
    }

    /// An attempt that got as far as no credentials.
    fn report(&self, mechanism: Mechanism, answer: &Answer) {
        let result = match answer {
            Answer::BadExchange(SaslError::Aborted) => AttemptResult::Aborted,
            _ => AttemptResult::BadProtocol,
        };
        self.context.logins.report(&Attempt {
            protocol: Protocol::Submission,
            mechanism,
            account: None,
            user: "",
            remote: self.info.remote.ip(),
            result,
        });
    }

    /// Waits longer after each failed login beyond the first few; ends the session after many.
    async fn slow_down(&mut self) -> Result<(), End> {
        self.login_failures += 1;
        let snapshot = self.vigil.now();
        let limits = &snapshot.config.limits;
        let remote = self.info.remote.ip();
        let most = limits.login_failures.saturating_add(FAILURES_BEYOND);
        if self.login_failures > most && limits.hold_for(remote) {
            return Err(End::TooManyFailures);
        }
        let delay = limits.failure_delay(self.login_failures, remote);
        if delay > Duration::ZERO {
            match self.vigil.broken(delay).await {
                End::Idle => {}
                end => return Err(end),
            }
        }
        Ok(())
    }
}

/// Failed logins beyond those without delay after which a session ends.
const FAILURES_BEYOND: usize = 10;
