//! The server's side of one authentication, line by line.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::binding::ChannelBindings;
use super::cram::CramResponse;
use super::scram::server::{Begun, ScramProof, ScramServer};
use super::scram::{Hash, ScramRefusal, ScramVerifier, nonce};
use super::{Credentials, MAX_FIELD, MAX_LINE, Mechanism, SaslError};

/// How far an exchange has come.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// Send this, base64 already (after `334 ` or `+ `; empty for an empty challenge), and give the
    /// client's next line to [`Exchange::line`].
    Challenge(String),
    /// PLAIN, LOGIN: the client has said all.
    Password(Credentials),
    /// EXTERNAL: whom the client wants to act as; empty: whoever its certificate says.
    Identity(String),
    /// CRAM-MD5: the client has said all.
    Cram(CramResponse),
    /// SCRAM: give what is kept of this user's password, or something made up, to
    /// [`Exchange::verifier`].
    Scram {
        /// Whom it wants to act as; empty: itself.
        authzid: String,
        /// Who it says it is.
        user: String,
    },
    /// SCRAM: the client has proven itself. Send our own proof, this, base64 already, as a challenge and
    /// give its answer to [`Exchange::line`], whose [`Step::Over`] ends it.
    Proven(String),
    /// SCRAM: it has not, and the exchange is over. The reason is not sent as a last challenge
    /// (`e=`, RFC 5802 §5.1 leaves the choice): clients take it for a broken server, and never
    /// get to the protocol's own answer, which says more.
    Unproven(ScramRefusal),
    /// SCRAM: the client has taken note of our proof.
    Over,
}

/// Where an exchange takes place.
#[derive(Debug, Clone, Default)]
pub struct Setting {
    /// What SCRAM can bind to on this connection.
    pub bindings: ChannelBindings,
    /// Whether a `-PLUS` mechanism is offered on it.
    pub plus_offered: bool,
    /// Our name, for CRAM-MD5.
    pub hostname: String,
}

/// The server's side of one authentication.
#[derive(Debug)]
pub struct Exchange {
    state: State,
}

#[derive(Debug)]
enum State {
    Plain,
    LoginUser,
    LoginPassword(String),
    External,
    Cram(String),
    ScramFirst(Box<ScramSetting>),
    ScramVerifier(Box<ScramServer>),
    ScramRefused(ScramRefusal),
    ScramProof(Box<ScramProof>),
    ScramLast,
    Over,
}

#[derive(Debug)]
struct ScramSetting {
    hash: Hash,
    plus: bool,
    setting: Setting,
    nonce: String,
}

/// "Username:" and "Password:", the challenges that every client of LOGIN knows.
const LOGIN_USER: &str = "VXNlcm5hbWU6";
const LOGIN_PASSWORD: &str = "UGFzc3dvcmQ6";

impl Exchange {
    /// Begins; `initial` is the initial response as it stood on the command's line, `=` for an empty
    /// one (RFC 4954 §4, RFC 4959 §3), none when there was none.
    pub fn begin(
        mechanism: Mechanism,
        initial: Option<&[u8]>,
        setting: Setting,
    ) -> Result<(Exchange, Step), SaslError> {
        // Without randomness nothing that needs a nonce can be safe; TLS would have failed before.
        let nonce = nonce().map_err(|_| SaslError::Malformed)?;
        Exchange::begin_with(mechanism, initial, setting, nonce)
    }

    pub(super) fn begin_with(
        mechanism: Mechanism,
        initial: Option<&[u8]>,
        setting: Setting,
        nonce: String,
    ) -> Result<(Exchange, Step), SaslError> {
        let (state, first) = match mechanism {
            Mechanism::Plain => (State::Plain, String::new()),
            Mechanism::Login => (State::LoginUser, LOGIN_USER.to_owned()),
            Mechanism::External => (State::External, String::new()),
            Mechanism::Scram { hash, plus } => {
                let setting = ScramSetting {
                    hash,
                    plus,
                    setting,
                    nonce,
                };
                (State::ScramFirst(Box::new(setting)), String::new())
            }
            Mechanism::CramMd5 => {
                // The server speaks first (RFC 2195 §2).
                if initial.is_some() {
                    return Err(SaslError::Malformed);
                }
                let now = crate::clock::now().as_second();
                let challenge = format!("<{nonce}.{now}@{}>", setting.hostname);
                let encoded = STANDARD.encode(&challenge);
                (State::Cram(challenge), encoded)
            }
        };
        let mut exchange = Exchange { state };
        let step = match initial {
            None => Step::Challenge(first),
            Some(b"=") => exchange.message(b"")?,
            // A line of its own, `*` included, is never an initial response.
            Some(b"*") => return Err(SaslError::Encoding),
            Some(line) => exchange.line(line)?,
        };
        Ok((exchange, step))
    }

    /// The client's next line, without its line end.
    pub fn line(&mut self, line: &[u8]) -> Result<Step, SaslError> {
        let message = match decode_line(line) {
            Ok(message) => message,
            Err(error) => {
                self.state = State::Over;
                return Err(error);
            }
        };
        self.message(&message)
    }

    /// Goes on after [`Step::Scram`].
    pub fn verifier(&mut self, verifier: ScramVerifier) -> Result<Step, SaslError> {
        match std::mem::replace(&mut self.state, State::Over) {
            State::ScramVerifier(server) => {
                let (proof, first) = server.challenge(verifier);
                self.state = State::ScramProof(Box::new(proof));
                Ok(Step::Challenge(STANDARD.encode(first)))
            }
            State::ScramRefused(refusal) => Ok(Step::Unproven(refusal)),
            _ => Err(SaslError::Malformed),
        }
    }

    fn message(&mut self, message: &[u8]) -> Result<Step, SaslError> {
        match std::mem::replace(&mut self.state, State::Over) {
            State::Plain => parse_plain(message).map(Step::Password),
            State::LoginUser => {
                let user = field(message)?.to_owned();
                self.state = State::LoginPassword(user);
                Ok(Step::Challenge(LOGIN_PASSWORD.to_owned()))
            }
            State::LoginPassword(user) => Ok(Step::Password(Credentials {
                authzid: String::new(),
                user,
                password: Zeroizing::new(field(message)?.to_owned()),
            })),
            State::External => Ok(Step::Identity(field(message)?.to_owned())),
            State::Cram(challenge) => {
                let response = CramResponse::parse(challenge, field(message)?);
                response.map(Step::Cram).ok_or(SaslError::Malformed)
            }
            State::ScramFirst(given) => self.scram_first(&given, message),
            State::ScramProof(proof) => match proof.check(message) {
                Ok(Ok(last)) => {
                    self.state = State::ScramLast;
                    Ok(Step::Proven(STANDARD.encode(last)))
                }
                Ok(Err(refusal)) => Ok(Step::Unproven(refusal)),
                Err(_) => Err(SaslError::Malformed),
            },
            State::ScramLast if message.is_empty() => Ok(Step::Over),
            State::ScramLast | State::ScramVerifier(_) | State::ScramRefused(_) | State::Over => {
                Err(SaslError::Malformed)
            }
        }
    }

    fn scram_first(&mut self, given: &ScramSetting, message: &[u8]) -> Result<Step, SaslError> {
        let Begun {
            server,
            authzid,
            user,
            refusal,
        } = ScramServer::begin(
            given.hash,
            given.plus,
            message,
            &given.setting.bindings,
            given.setting.plus_offered,
            &given.nonce,
        )
        .map_err(|_| SaslError::Malformed)?;
        self.state = match refusal {
            // Said once it is known whose login fails.
            Some(refusal) => State::ScramRefused(refusal),
            None => State::ScramVerifier(Box::new(server)),
        };
        Ok(Step::Scram { authzid, user })
    }
}

/// `message = [authzid] UTF8NUL authcid UTF8NUL passwd` (RFC 4616 §2). An empty name or password is
/// let through: it is wrong, not malformed, and gets the answer of a wrong one.
fn parse_plain(message: &[u8]) -> Result<Credentials, SaslError> {
    let mut parts = message.split(|&octet| octet == 0);
    let (Some(authzid), Some(user), Some(password), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(SaslError::Malformed);
    };
    Ok(Credentials {
        authzid: field(authzid)?.to_owned(),
        user: field(user)?.to_owned(),
        password: Zeroizing::new(field(password)?.to_owned()),
    })
}

/// One value: UTF-8, without NUL, of bounded length.
fn field(octets: &[u8]) -> Result<&str, SaslError> {
    if octets.len() > MAX_FIELD {
        return Err(SaslError::TooLong);
    }
    if octets.contains(&0) {
        return Err(SaslError::Malformed);
    }
    std::str::from_utf8(octets).map_err(|_| SaslError::Malformed)
}

/// A line of the exchange: `*` aborts, all else is base64 with its padding.
fn decode_line(line: &[u8]) -> Result<Zeroizing<Vec<u8>>, SaslError> {
    if line == b"*" {
        return Err(SaslError::Aborted);
    }
    if line.len() > MAX_LINE {
        return Err(SaslError::TooLong);
    }
    // Room for all of it at once: a vector that grows would leave the password's pieces behind.
    let mut message = Zeroizing::new(Vec::with_capacity(line.len() / 4 * 3 + 3));
    STANDARD
        .decode_vec(line, &mut message)
        .map_err(|_| SaslError::Encoding)?;
    Ok(message)
}
