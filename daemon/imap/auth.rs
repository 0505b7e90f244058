//! STARTTLS, LOGIN, AUTHENTICATE (RFC 9051 §6.2): the wire's side of the one login path.

use std::sync::Arc;
use std::time::Duration;

use mox::imap::frame::{self, Limits, Line};
use mox::login::{
    Dialogue, LoggedIn, LoginRefusal, Mechanism, Origin, PasswordLogin, Protocol, Turn,
};
use mox::sasl::{MAX_LINE, SaslError};
use zeroize::Zeroizing;

use super::capability;
use super::session::{Done, Session};
use super::state::User;
use super::words::{self, Answer, End, Failure};
use crate::penalty::Cost;

impl Session {
    /// STARTTLS can be done now.
    pub(super) fn may_start_tls(&self) -> bool {
        self.info.starttls.is_some() && !self.wire.is_tls() && self.user.is_none()
    }

    /// The mechanisms to offer now.
    pub(super) fn mechanisms(&self) -> Vec<Mechanism> {
        self.origin().offers(&self.context.live.now())
    }

    fn origin(&self) -> Origin {
        self.info
            .origin(self.wire.stream(), Protocol::Imap, &self.agent)
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
            Ok(Ok(())) => {
                // Whoever has a key says so with EXTERNAL: after STARTTLS there is no second greeting.
                let (logins, now) = (&self.context.logins, self.context.live.now());
                logins.handshake(&now, &self.origin());
                Err(Failure::Answered)
            }
            Ok(Err(error)) => {
                tracing::debug!(conn = self.info.id, %error, "imap: TLS handshake failed");
                Err(End::Gone.into())
            }
            Err(_) => Err(End::Gone.into()),
        }
    }

    pub(super) async fn login(&mut self, user: Vec<u8>, password: Vec<u8>) -> Done {
        self.not_yet_logged_in()?;
        let password = Zeroizing::new(password);
        let login = PasswordLogin {
            origin: Arc::new(self.origin()),
            mechanism: Mechanism::Login,
            authzid: String::new(),
            user: String::from_utf8_lossy(&user).into_owned(),
            // What is not UTF-8 is nobody's password, and neither is NUL.
            password: Zeroizing::new(std::str::from_utf8(&password).unwrap_or("\0").to_owned()),
        };
        let context = self.context.clone();
        let turn = context.logins.begin_password(&context.live.now(), login);
        self.converse(None, turn).await
    }

    pub(super) async fn authenticate(&mut self, mechanism: &str, initial: Option<Vec<u8>>) -> Done {
        self.not_yet_logged_in()?;
        let initial = initial.map(Zeroizing::new);
        let initial = initial.as_ref().map(|text| text.as_slice());
        let origin = Arc::new(self.origin());
        let context = self.context.clone();
        let now = context.live.now();
        let (dialogue, turn) = Dialogue::begin(&context.logins, &now, origin, mechanism, initial);
        self.converse(dialogue, turn).await
    }

    /// Challenges and responses to the end.
    async fn converse(&mut self, mut dialogue: Option<Dialogue>, mut turn: Turn) -> Done {
        loop {
            turn = match (turn, &mut dialogue) {
                (Turn::Over(Ok(login)), _) => return self.logged_in(login).await,
                (Turn::Over(Err(refusal)), _) => return Err(self.failed(refusal).await),
                (Turn::Password(login), _) => Turn::Over(self.context.verify(login).await),
                (Turn::Challenge(challenge), Some(dialogue)) => {
                    let line = self.challenge(&challenge).await?;
                    let now = self.context.live.now();
                    match line {
                        Ok(line) => dialogue.line(&now, Ok(&line)),
                        Err(error) => {
                            // The rest of the line could be taken for commands.
                            let _ = dialogue.line(&now, Err(error));
                            return Err(End::Bye("", "the line is too long".into()).into());
                        }
                    }
                }
                (Turn::Challenge(_), None) => Turn::Over(Err(LoginRefusal::NoMechanism)),
            };
        }
    }

    fn not_yet_logged_in(&self) -> Result<(), Failure> {
        match self.user {
            None => Ok(()),
            Some(_) => Err(Answer::no("", "logged in already").into()),
        }
    }

    /// Asks, and waits for the line that answers.
    async fn challenge(
        &mut self,
        challenge: &str,
    ) -> Result<Result<Zeroizing<Vec<u8>>, SaslError>, Failure> {
        let out = &mut self.wire.out;
        out.extend_from_slice(b"+ ");
        out.extend_from_slice(challenge.as_bytes());
        out.extend_from_slice(b"\r\n");
        loop {
            match frame::line(&self.wire.input, MAX_LINE + 2) {
                Line::More => self.more().await?,
                Line::TooLong => return Ok(Err(SaslError::TooLong)),
                Line::Found { text, len } => {
                    let line = Zeroizing::new(self.wire.input[..text].to_vec());
                    self.wire.consume(len);
                    return Ok(Ok(line));
                }
            }
        }
    }

    /// Whether the certificate of implicit TLS logs in by itself, and no AUTHENTICATE is needed.
    pub(super) async fn preauthenticate(&mut self) -> bool {
        let context = self.context.clone();
        let handshake = context
            .logins
            .handshake(&context.live.now(), &self.origin());
        match handshake {
            Some(Ok(by)) if by.imap_preauth => self.enter(by.login).await.is_ok(),
            _ => false,
        }
    }

    async fn logged_in(&mut self, login: LoggedIn) -> Done {
        self.penalty.forgive();
        self.enter(login).await?;
        Ok(Answer::ok_with(
            format!("CAPABILITY {}", capability::list(self)),
            "logged in",
        ))
    }

    /// From here on the session is somebody's.
    async fn enter(&mut self, login: LoggedIn) -> Result<(), Failure> {
        let login = Arc::new(login);
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
        Ok(())
    }

    /// Lets the client wait for the answer to a failed login, the longer the more of them; the last is
    /// followed by the end.
    async fn failed(&mut self, refusal: LoginRefusal) -> Failure {
        let failure = words::login(&refusal);
        if !refusal.slows_down() {
            return failure;
        }
        let snapshot = self.context.live.now();
        let limits = &snapshot.config.limits;
        match (self.penalty.failed(limits, self.info.remote.ip()), failure) {
            (Cost::End, Failure::Answer(answer)) => {
                End::After(answer, "too many failed logins".into()).into()
            }
            (Cost::End | Cost::Wait(Duration::ZERO), failure) => failure,
            (Cost::Wait(delay), failure) => {
                tokio::time::sleep(delay).await;
                failure
            }
        }
    }
}
