//! SASL (RFC 4422) without I/O: what server and client say to each other in base64, the same lines
//! in SMTP (RFC 4954) and IMAP (RFC 9051 §6.2.2, initial responses of RFC 4959 included).
//!
//! [`Exchange`] is the server's side of PLAIN (RFC 4616) and LOGIN (never an RFC; what everybody
//! does). It ends in [`Credentials`]; whether they are right is for [`crate::login`] to say.

pub mod client;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

/// Octets of a line with base64 that are taken (RFC 4954 §4).
pub const MAX_LINE: usize = 12_288;

/// Octets of a user name, an authorization identity or a password: four times what RFC 4616 §2 asks
/// for, since names may be in UTF-8.
pub const MAX_FIELD: usize = 1_024;

/// How somebody logs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mechanism {
    /// SASL PLAIN (RFC 4616).
    Plain,
    /// SASL LOGIN and IMAP's LOGIN command.
    Login,
}

impl Mechanism {
    /// By its registered name, in any case; none for mechanisms not spoken here.
    pub fn parse(name: &[u8]) -> Option<Mechanism> {
        if name.eq_ignore_ascii_case(b"PLAIN") {
            Some(Mechanism::Plain)
        } else if name.eq_ignore_ascii_case(b"LOGIN") {
            Some(Mechanism::Login)
        } else {
            None
        }
    }

    /// The registered name, `PLAIN`.
    pub fn name(self) -> &'static str {
        match self {
            Mechanism::Plain => "PLAIN",
            Mechanism::Login => "LOGIN",
        }
    }
}

/// What a client claims to be, as it came off the wire.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// Whom it wants to act as; empty: itself.
    pub authzid: String,
    /// Who it says it is.
    pub user: String,
    /// Its proof; wiped from memory when dropped.
    pub password: Zeroizing<String>,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials")
            .field("authzid", &self.authzid)
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

/// How far an exchange has come.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// Send this, base64 already (after `334 ` or `+ `; empty for an empty challenge), and give the
    /// client's next line to [`Exchange::line`].
    Challenge(&'static str),
    /// The client has said all.
    Done(Credentials),
}

/// Peer: what the client sent is no SASL. The exchange is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SaslError {
    /// The client sent `*` (SMTP 501 5.7.0, IMAP BAD).
    #[error("authentication aborted")]
    Aborted,
    /// Not base64 (SMTP 501 5.5.2, IMAP BAD).
    #[error("not base64")]
    Encoding,
    /// Longer than [`MAX_LINE`] or [`MAX_FIELD`] (SMTP 500 5.5.6, IMAP BAD).
    #[error("too long")]
    TooLong,
    /// Base64, but not a message of the mechanism (SMTP 501 5.5.2, IMAP BAD).
    #[error("malformed message")]
    Malformed,
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
    Over,
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
    ) -> Result<(Exchange, Step), SaslError> {
        let mut exchange = Exchange {
            state: match mechanism {
                Mechanism::Plain => State::Plain,
                Mechanism::Login => State::LoginUser,
            },
        };
        let step = match (initial, mechanism) {
            (Some(b"="), _) => exchange.message(b"")?,
            // A line of its own, `*` included, is never an initial response.
            (Some(b"*"), _) => return Err(SaslError::Encoding),
            (Some(line), _) => exchange.line(line)?,
            (None, Mechanism::Plain) => Step::Challenge(""),
            (None, Mechanism::Login) => Step::Challenge(LOGIN_USER),
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

    fn message(&mut self, message: &[u8]) -> Result<Step, SaslError> {
        match std::mem::replace(&mut self.state, State::Over) {
            State::Plain => parse_plain(message).map(Step::Done),
            State::LoginUser => {
                let user = field(message)?.to_owned();
                self.state = State::LoginPassword(user);
                Ok(Step::Challenge(LOGIN_PASSWORD))
            }
            State::LoginPassword(user) => Ok(Step::Done(Credentials {
                authzid: String::new(),
                user,
                password: Zeroizing::new(field(message)?.to_owned()),
            })),
            State::Over => Err(SaslError::Malformed),
        }
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::client::Client;
    use super::*;

    fn encode(text: &str) -> Vec<u8> {
        STANDARD.encode(text).into_bytes()
    }

    fn credentials(authzid: &str, user: &str, password: &str) -> Credentials {
        Credentials {
            authzid: authzid.to_owned(),
            user: user.to_owned(),
            password: Zeroizing::new(password.to_owned()),
        }
    }

    #[test]
    fn plain_with_and_without_an_initial_response() {
        // RFC 4616 §4: the examples.
        let (mut exchange, step) = Exchange::begin(Mechanism::Plain, None).expect("begins");
        assert_eq!(step, Step::Challenge(""));
        let step = exchange
            .line(&encode("\0tim\0tanstaaftanstaaf"))
            .expect("is taken");
        assert_eq!(step, Step::Done(credentials("", "tim", "tanstaaftanstaaf")));
        let (_, step) = Exchange::begin(Mechanism::Plain, Some(&encode("Ursel\0Kurt\0xipj3plmq")))
            .expect("begins");
        assert_eq!(step, Step::Done(credentials("Ursel", "Kurt", "xipj3plmq")));
    }

    #[test]
    fn login_asks_for_what_is_missing() {
        let (mut exchange, step) = Exchange::begin(Mechanism::Login, None).expect("begins");
        assert_eq!(step, Step::Challenge("VXNlcm5hbWU6"));
        let step = exchange.line(&encode("tim")).expect("a name");
        assert_eq!(step, Step::Challenge("UGFzc3dvcmQ6"));
        let step = exchange.line(&encode("secret")).expect("a password");
        assert_eq!(step, Step::Done(credentials("", "tim", "secret")));
        let (_, step) = Exchange::begin(Mechanism::Login, Some(&encode("tim"))).expect("begins");
        assert_eq!(step, Step::Challenge("UGFzc3dvcmQ6"));
        let (mut exchange, _) = Exchange::begin(Mechanism::Login, Some(b"=")).expect("begins");
        assert_eq!(
            exchange.line(b"").expect("a password"),
            Step::Done(credentials("", "", ""))
        );
    }

    #[test]
    fn what_is_no_sasl_ends_the_exchange() {
        let refusals = [
            (&b"*"[..], SaslError::Aborted),
            (b"!", SaslError::Encoding),
            (b"dGlt=", SaslError::Encoding),
            (b"dGlt", SaslError::Malformed),
            (b"AAAA", SaslError::Malformed),
            (b"/////w==", SaslError::Malformed),
            (b"AABh/w==", SaslError::Malformed),
        ];
        for (line, refusal) in refusals {
            let (mut exchange, _) = Exchange::begin(Mechanism::Plain, None).expect("begins");
            assert_eq!(exchange.line(line), Err(refusal), "{line:?}");
            assert_eq!(
                exchange.line(&encode("\0tim\0secret")),
                Err(SaslError::Malformed),
                "it is over after {line:?}"
            );
        }
        assert!(matches!(
            Exchange::begin(Mechanism::Plain, Some(b"*")),
            Err(SaslError::Encoding)
        ));
    }

    #[test]
    fn lengths_are_bounded() {
        let long = "x".repeat(MAX_FIELD + 1);
        for message in [
            format!("\0tim\0{long}"),
            format!("\0{long}\0secret"),
            format!("{long}\0tim\0secret"),
        ] {
            let (mut exchange, _) = Exchange::begin(Mechanism::Plain, None).expect("begins");
            assert_eq!(exchange.line(&encode(&message)), Err(SaslError::TooLong));
        }
        let (mut exchange, _) = Exchange::begin(Mechanism::Login, None).expect("begins");
        assert_eq!(
            exchange.line(&vec![b'A'; MAX_LINE + 4]),
            Err(SaslError::TooLong)
        );
    }

    #[test]
    fn a_password_is_not_shown() {
        let shown = format!("{:?}", credentials("", "tim", "tanstaaf"));
        assert!(
            shown.contains("tim") && !shown.contains("tanstaaf"),
            "{shown}"
        );
    }

    /// Runs a client against a server, the initial response sent at once or not.
    fn run(
        mechanism: Mechanism,
        client: &mut Client,
        at_once: bool,
    ) -> Result<Credentials, String> {
        let initial = if at_once { client.initial() } else { None };
        let (mut exchange, mut step) =
            Exchange::begin(mechanism, initial.as_ref().map(|line| line.as_bytes()))
                .map_err(|error| error.to_string())?;
        for _ in 0..3 {
            match step {
                Step::Done(credentials) => return Ok(credentials),
                Step::Challenge(challenge) => {
                    let line = client
                        .respond(challenge.as_bytes())
                        .map_err(|e| e.to_string())?;
                    step = exchange.line(line.as_bytes()).map_err(|e| e.to_string())?;
                }
            }
        }
        Err("it does not end".to_owned())
    }

    proptest! {
        #[test]
        fn what_a_client_says_is_what_the_server_hears(
            authzid in "[^\0]{0,40}",
            user in "[^\0]{0,40}",
            password in "[^\0]{0,40}",
            at_once: bool,
        ) {
            let mut client = Client::plain(&authzid, &user, &password).expect("no NUL in it");
            prop_assert_eq!(
                run(Mechanism::Plain, &mut client, at_once),
                Ok(credentials(&authzid, &user, &password))
            );
            let mut client = Client::login(&user, &password).expect("no NUL in it");
            prop_assert_eq!(
                run(Mechanism::Login, &mut client, at_once),
                Ok(credentials("", &user, &password))
            );
        }

        #[test]
        fn no_line_panics(
            lines in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..60), 1..4),
            login: bool,
            with_initial: bool,
        ) {
            let mechanism = if login { Mechanism::Login } else { Mechanism::Plain };
            let (initial, rest) = if with_initial {
                (lines.first().map(Vec::as_slice), &lines[1..])
            } else {
                (None, &lines[..])
            };
            if let Ok((mut exchange, _)) = Exchange::begin(mechanism, initial) {
                for line in rest {
                    let _ = exchange.line(line);
                    let _ = exchange.line(&STANDARD.encode(line).into_bytes());
                }
            }
        }
    }
}
