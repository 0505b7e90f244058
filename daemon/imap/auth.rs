//! STARTTLS, LOGIN, AUTHENTICATE (RFC 9051 §6.2): the wire's side of the one login path.

use std::time::Duration;

use mox::imap::frame::{self, Limits, Line};
use mox::login::{Attempt, AttemptResult, LoginRefusal, Protocol};
use mox::sasl::{Credentials, Exchange, MAX_LINE, Mechanism, SaslError, Setting, Step};
use zeroize::Zeroizing;

use super::capability;
use super::session::{Done, Session};
use super::state::User;
use super::words::{self, Answer, End, Failure};
use crate::context::OwnedLogin;

/// However small the delay for a further failure: nobody mistypes so often on one connection.
const MOST_FAILURES: usize = 20;

/// The longest delay of an answer to a failed login.
const LONGEST_DELAY: Duration = Duration::from_secs(30);

impl Session {
    /// STARTTLS can be done now.
    pub(super) fn may_start_tls(&self) -> bool {
        self.info.starttls.is_some() && !self.wire.is_tls() && self.user.is_none()
    }

    /// A password may be sent on this connection.
    pub(super) fn may_log_in(&self) -> bool {
        self.wire.is_tls() || self.info.plaintext_logins
    }

    pub(super) async fn start_tls(&mut self, tag: &str) -> Done {
        if self.wire.is_tls() {
            return Err(Answer::bad("TLS is on already").into());
        }
        if self.user.is_some() {
            return Err(Answer::bad("STARTTLS comes before the login").into());
        }
        let Some(config) = self.info.starttls.clone() else {
            return Err(Answer::bad("there is no TLS here").into());
        };
        Answer::ok("begin TLS now").encode(tag, &mut self.wire.out);
        self.wire.rest().await?;
        self.framer.reset();
        let handshake = self.wire.start_tls(config);
        match tokio::time::timeout(self.patience, handshake).await {
            Ok(Ok(())) => Err(Failure::Answered),
            Ok(Err(error)) => {
                tracing::debug!(conn = self.info.id, %error, "imap: TLS handshake failed");
                Err(End::Gone.into())
            }
            Err(_) => Err(End::Gone.into()),
        }
    }

    pub(super) async fn login(&mut self, user: Vec<u8>, password: Vec<u8>) -> Done {
        self.may_authenticate()?;
        let password = Zeroizing::new(password);
        // What is not UTF-8 is nobody's name or password.
        let (Ok(user), Ok(password)) = (String::from_utf8(user), std::str::from_utf8(&password))
        else {
            return Err(self.failed(LoginRefusal::BadCredentials).await);
        };
        let credentials = Credentials {
            authzid: String::new(),
            user,
            password: Zeroizing::new(password.to_owned()),
        };
        self.log_in(Mechanism::Login, credentials).await
    }

    pub(super) async fn authenticate(&mut self, mechanism: &str, initial: Option<Vec<u8>>) -> Done {
        let Some(mechanism @ (Mechanism::Plain | Mechanism::Login)) =
            Mechanism::parse(mechanism.as_bytes())
        else {
            self.not_yet_logged_in()?;
            return Err(Answer::no("", "this mechanism is not offered").into());
        };
        self.may_authenticate()?;
        let initial = initial.map(Zeroizing::new);
        let begun = Exchange::begin(
            mechanism,
            initial.as_ref().map(|text| text.as_slice()),
            Setting::default(),
        );
        let (mut exchange, mut step) = match begun {
            Ok(begun) => begun,
            Err(error) => return Err(self.no_sasl(mechanism, error)),
        };
        loop {
            match step {
                Step::Password(credentials) => return self.log_in(mechanism, credentials).await,
                Step::Challenge(challenge) => {
                    let line = self.challenge(&challenge).await?;
                    step = match exchange.line(&line) {
                        Ok(step) => step,
                        Err(error) => return Err(self.no_sasl(mechanism, error)),
                    };
                }
                _ => return Err(Answer::no("", "this mechanism is not offered").into()),
            }
        }
    }

    /// The client gave up, or does not speak the mechanism.
    fn no_sasl(&self, mechanism: Mechanism, error: SaslError) -> Failure {
        self.context.logins.report(&Attempt {
            protocol: Protocol::Imap,
            mechanism,
            account: None,
            user: "",
            remote: self.info.remote.ip(),
            result: match error {
                SaslError::Aborted => AttemptResult::Aborted,
                _ => AttemptResult::BadProtocol,
            },
        });
        Answer::bad(error.to_string()).into()
    }

    fn not_yet_logged_in(&self) -> Result<(), Failure> {
        match self.user {
            None => Ok(()),
            Some(_) => Err(Answer::no("", "logged in already").into()),
        }
    }

    fn may_authenticate(&self) -> Result<(), Failure> {
        self.not_yet_logged_in()?;
        if self.may_log_in() {
            Ok(())
        } else {
            Err(words::needs_tls().into())
        }
    }

    /// Asks, and waits for the line that answers.
    async fn challenge(&mut self, challenge: &str) -> Result<Zeroizing<Vec<u8>>, Failure> {
        let out = &mut self.wire.out;
        out.extend_from_slice(b"+ ");
        out.extend_from_slice(challenge.as_bytes());
        out.extend_from_slice(b"\r\n");
        loop {
            match frame::line(&self.wire.input, MAX_LINE + 2) {
                Line::More => self.more().await?,
                Line::TooLong => {
                    return Err(End::Bye("", "the line is too long".into()).into());
                }
                Line::Found { text, len } => {
                    let line = Zeroizing::new(self.wire.input[..text].to_vec());
                    self.wire.consume(len);
                    return Ok(line);
                }
            }
        }
    }

    async fn log_in(&mut self, mechanism: Mechanism, credentials: Credentials) -> Done {
        let login = OwnedLogin {
            protocol: Protocol::Imap,
            mechanism,
            authzid: credentials.authzid,
            user: credentials.user,
            password: credentials.password.to_string(),
            remote: self.info.remote.ip(),
        };
        let login = match self.context.login(login).await {
            Ok(login) => std::sync::Arc::new(login),
            Err(refusal) => return Err(self.failed(refusal).await),
        };
        let account = match self.context.store.account(&login.account).await {
            Ok(account) => account,
            Err(error) => {
                tracing::error!(account = %login.account, %error, "imap: opening the account");
                return Err(words::login(&LoginRefusal::Local));
            }
        };
        let session = self.context.sessions.register(
            self.info.id,
            Protocol::Imap,
            login.clone(),
            self.info.remote.ip(),
            self.wire.tls_facts(),
        );
        if let Some(end) = self.guard.set_login(login.clone(), &session) {
            return Err(end.into());
        }
        tracing::debug!(account = %login.account, tls = self.wire.tls_facts(), "logged in");
        self.user = Some(User {
            login,
            account,
            session,
        });
        self.patience = self.context.live.now().config.limits.imap_idle;
        self.framer.set_limits(Limits::CLIENT);
        Ok(Answer::ok_with(
            format!("CAPABILITY {}", capability::list(self)),
            "logged in",
        ))
    }

    /// Counts a refused login and lets the client wait for the answer, the longer the more of them.
    async fn failed(&mut self, refusal: LoginRefusal) -> Failure {
        let failure = words::login(&refusal);
        if refusal != LoginRefusal::BadCredentials {
            return failure;
        }
        self.failures += 1;
        let limits = self.context.live.now().config.limits.clone();
        let further = self.failures.saturating_sub(limits.login_failures);
        if further > 0 {
            let factor = u32::try_from(further).unwrap_or(u32::MAX);
            let delay = limits.login_failure_delay.saturating_mul(factor);
            tokio::time::sleep(delay.min(LONGEST_DELAY)).await;
        }
        match failure {
            Failure::Answer(answer) if self.failures >= MOST_FAILURES => {
                End::After(answer, "too many failed logins".into()).into()
            }
            failure => failure,
        }
    }
}
