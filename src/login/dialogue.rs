//! One authentication from AUTH or AUTHENTICATE to its answer: lines of the client in, turns out. The
//! protocols only carry them.

use std::sync::Arc;

use zeroize::Zeroizing;

use super::{
    Attempt, AttemptResult, Claim, LoggedIn, LoginRefusal, Logins, Means, Mechanism, Origin, admit,
    decoy, external, user_address,
};
use crate::addr::AccountName;
use crate::sasl::{self, CramResponse, Exchange, SaslError, ScramRefusal, Step};
use crate::snapshot::Snapshot;
use crate::state::Credential;

/// What a protocol has to do next.
#[derive(Debug)]
pub enum Turn {
    /// Send this line (base64), and give the client's answer to [`Dialogue::line`].
    Challenge(String),
    /// Give it to [`Logins::password`] where blocking is allowed; its answer is the end.
    Password(PasswordLogin),
    /// The end.
    Over(Result<LoggedIn, LoginRefusal>),
}

/// A login with user name and password, as it came off the wire; it belongs to whoever verifies it.
#[derive(Clone)]
pub struct PasswordLogin {
    /// Where.
    pub origin: Arc<Origin>,
    /// How.
    pub mechanism: Mechanism,
    /// SASL authorization identity; empty or the same as `user`, else refused.
    pub authzid: String,
    /// A login address of the account.
    pub user: String,
    /// The password.
    pub password: Zeroizing<String>,
}

impl std::fmt::Debug for PasswordLogin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PasswordLogin({})", self.user)
    }
}

/// An authentication under way. Dropped before its end, it was an attempt that was given up.
pub struct Dialogue {
    logins: Arc<Logins>,
    origin: Arc<Origin>,
    mechanism: Mechanism,
    exchange: Option<Exchange>,
    user: String,
    account: Option<AccountName>,
    claim: Option<Claim>,
    /// Whom SCRAM lets in once the client has taken note of our proof.
    admitted: Option<LoggedIn>,
    reported: bool,
}

impl Dialogue {
    /// Begins with the name of a mechanism and an initial response as it stood on the command's line
    /// (`=` for an empty one).
    pub fn begin(
        logins: &Arc<Logins>,
        snapshot: &Snapshot,
        origin: Arc<Origin>,
        mechanism: &str,
        initial: Option<&[u8]>,
    ) -> (Option<Dialogue>, Turn) {
        let Some(mechanism) = Mechanism::parse(mechanism.as_bytes()) else {
            let refusal = LoginRefusal::NoMechanism;
            logins.report(&Attempt {
                origin: &origin,
                means: Means::Unrecognized,
                account: None,
                user: "",
                result: AttemptResult::from(&refusal),
            });
            return (None, Turn::Over(Err(refusal)));
        };
        let mut dialogue = Dialogue {
            logins: Arc::clone(logins),
            origin,
            mechanism,
            exchange: None,
            user: String::new(),
            account: None,
            claim: None,
            admitted: None,
            reported: false,
        };
        let turn = dialogue.start(snapshot, initial);
        (Some(dialogue), turn)
    }

    fn start(&mut self, snapshot: &Snapshot, initial: Option<&[u8]>) -> Turn {
        if let Err(refusal) = self.origin.allows(snapshot, self.mechanism) {
            return self.over(snapshot, Err(refusal));
        }
        if self.logins.is_limited(snapshot, &self.origin) {
            return self.over(snapshot, Err(LoginRefusal::RateLimited));
        }
        let setting = self.origin.setting(snapshot);
        match Exchange::begin(self.mechanism, initial, setting) {
            Ok((exchange, step)) => {
                self.exchange = Some(exchange);
                self.take(snapshot, Ok(step))
            }
            Err(error) => self.take(snapshot, Err(error)),
        }
    }

    /// The client's next line, without its line end, or what is wrong with it.
    pub fn line(&mut self, snapshot: &Snapshot, line: Result<&[u8], SaslError>) -> Turn {
        let step = match (&mut self.exchange, line) {
            (Some(exchange), Ok(line)) => exchange.line(line),
            (_, Err(error)) => Err(error),
            (None, Ok(_)) => Err(SaslError::Malformed),
        };
        self.take(snapshot, step)
    }

    fn take(&mut self, snapshot: &Snapshot, step: Result<Step, SaslError>) -> Turn {
        match step {
            Err(error) => self.over(snapshot, Err(LoginRefusal::Exchange(error))),
            Ok(Step::Challenge(line)) => Turn::Challenge(line),
            Ok(Step::Password(credentials)) => {
                // Whoever verifies it reports it.
                self.reported = true;
                let login = PasswordLogin {
                    origin: Arc::clone(&self.origin),
                    mechanism: self.mechanism,
                    authzid: credentials.authzid,
                    user: credentials.user,
                    password: credentials.password,
                };
                match self.logins.remembered(snapshot, &login) {
                    Some(result) => Turn::Over(result),
                    None => Turn::Password(login),
                }
            }
            Ok(Step::Identity(authzid)) => {
                self.user = authzid;
                self.account = external::account(snapshot, &self.origin).cloned();
                let result = self.logins.external(snapshot, &self.origin, &self.user);
                self.over(snapshot, result)
            }
            Ok(Step::Cram(response)) => self.cram(snapshot, &response),
            Ok(Step::Scram { authzid, user }) => self.scram_verifier(snapshot, &authzid, user),
            Ok(Step::Proven(last)) => match self.admit(snapshot) {
                Ok(login) => {
                    self.admitted = Some(login);
                    Turn::Challenge(last)
                }
                Err(refusal) => self.over(snapshot, Err(refusal)),
            },
            Ok(Step::Unproven(ScramRefusal::Proof)) => {
                self.over(snapshot, Err(LoginRefusal::BadCredentials))
            }
            Ok(Step::Unproven(ScramRefusal::Binding | ScramRefusal::Downgrade)) => {
                self.over(snapshot, Err(LoginRefusal::ChannelBinding))
            }
            Ok(Step::Over) => {
                let admitted = self.admitted.take().ok_or(LoginRefusal::Local);
                let result = admitted.and_then(|login| login.confirmed(snapshot));
                self.over(snapshot, result)
            }
        }
    }

    fn scram_verifier(&mut self, snapshot: &Snapshot, authzid: &str, user: String) -> Turn {
        let Mechanism::Scram { hash, .. } = self.mechanism else {
            return self.over(snapshot, Err(LoginRefusal::Local));
        };
        self.user = user;
        let credential = self.resolve(snapshot, authzid);
        let real = credential.as_ref().and_then(|kept| kept.scram(hash));
        if real.is_none() {
            self.claim = None;
        }
        // Made up for everybody, so that nobody's takes longer.
        let decoy = self.logins.decoy.scram(hash, &self.name(snapshot));
        let verifier = real.unwrap_or(&decoy).clone();
        let step = match &mut self.exchange {
            Some(exchange) => exchange.verifier(verifier),
            None => Err(SaslError::Malformed),
        };
        self.take(snapshot, step)
    }

    fn cram(&mut self, snapshot: &Snapshot, response: &CramResponse) -> Turn {
        self.user = response.user.clone();
        let credential = self.resolve(snapshot, "");
        let real = credential.as_ref().and_then(|kept| kept.cram_md5.as_ref());
        let decoy = self.logins.decoy.cram(&self.name(snapshot));
        let verifier = real.unwrap_or(&decoy);
        let result = match verifier.accepts(response) && real.is_some() {
            true => self.admit(snapshot),
            false => Err(LoginRefusal::BadCredentials),
        };
        self.over(snapshot, result)
    }

    /// Finds out who it would be. Gives what is kept of that one's password, also when another
    /// identity is wanted: a challenge that differs then would tell that there is somebody.
    fn resolve(&mut self, snapshot: &Snapshot, authzid: &str) -> Option<Arc<Credential>> {
        let claim = Claim::resolve(snapshot, &self.user)?;
        // Recorded under the account whose password is guessed, also when another identity is wanted.
        self.account = claim.account().cloned();
        let (_, credential) = claim.account.as_ref()?;
        let credential = Arc::clone(credential);
        self.claim = claim.is_for(authzid).then_some(claim);
        Some(credential)
    }

    fn name(&self, snapshot: &Snapshot) -> String {
        let prepared = sasl::prepare_user(&self.user).unwrap_or_default();
        decoy::name_of(snapshot, &prepared, user_address(&self.user).as_ref())
    }

    /// The secret was right. Decided on the facts as they are now: the credential may have been
    /// replaced since the exchange began.
    fn admit(&mut self, snapshot: &Snapshot) -> Result<LoggedIn, LoginRefusal> {
        let claim = self.claim.take().ok_or(LoginRefusal::BadCredentials)?;
        let (account, credential) = claim.account.ok_or(LoginRefusal::BadCredentials)?;
        match snapshot.credential(&account) {
            Some(now) if now.serial == credential.serial => {
                external::check_beside(snapshot, &self.origin, &account)?;
                admit(snapshot, account, claim.address, &credential)
            }
            _ => Err(LoginRefusal::BadCredentials),
        }
    }

    fn over(&mut self, snapshot: &Snapshot, result: Result<LoggedIn, LoginRefusal>) -> Turn {
        self.report(snapshot, &result);
        Turn::Over(result)
    }

    fn report(&mut self, snapshot: &Snapshot, result: &Result<LoggedIn, LoginRefusal>) {
        if std::mem::replace(&mut self.reported, true) {
            return;
        }
        let account = match result {
            Ok(login) => Some(&login.account),
            Err(_) => self.account.as_ref(),
        };
        let attempt = Attempt {
            origin: &self.origin,
            means: Means::Sasl(self.mechanism),
            account,
            user: &self.user,
            result: AttemptResult::of(result),
        };
        self.logins.conclude(snapshot, &attempt);
    }
}

impl Drop for Dialogue {
    fn drop(&mut self) {
        if !self.reported {
            self.logins.report(&Attempt {
                origin: &self.origin,
                means: Means::Sasl(self.mechanism),
                account: self.account.as_ref(),
                user: &self.user,
                result: AttemptResult::Aborted,
            });
        }
    }
}
