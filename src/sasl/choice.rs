//! Which mechanism a client takes: the best that the server offers and that what it has is good for.

use zeroize::Zeroizing;

use super::client::{Binding, Client, ClientError};
use super::{ChannelBindings, Mechanism};

/// What a client has to log in with. Debug shows no secret.
#[derive(Clone)]
pub enum Proof {
    /// A password.
    Password {
        /// Who logs in.
        user: String,
        /// The password.
        password: Zeroizing<String>,
    },
    /// The certificate that was shown in the TLS handshake.
    Certificate {
        /// Who to act as; empty: whom the certificate belongs to.
        authzid: String,
    },
}

impl std::fmt::Debug for Proof {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Proof::Password { user, .. } => write!(f, "Password({user})"),
            Proof::Certificate { authzid } => write!(f, "Certificate({authzid})"),
        }
    }
}

/// Why there is no way to log in.
#[derive(Debug, thiserror::Error)]
pub enum ChoiceError {
    /// Peer: nothing that we could use. What it does offer.
    #[error("the server offers no way to log in with {with}, but {offered}")]
    NoneInCommon {
        /// `a password` or `a certificate`.
        with: &'static str,
        /// Names, or `nothing`.
        offered: String,
    },
    /// Refused: only ways on which a password would cross the network readable.
    #[error("without TLS the password would be sent readable")]
    Readable,
    /// Refused: the mechanism cannot carry the value.
    #[error(transparent)]
    Client(#[from] ClientError),
}

/// Begins the best exchange. `offered` are names as the server wrote them; `bindings` are those of the
/// connection, none without TLS; without `encrypted` no password is sent readable.
pub fn choose(
    proof: &Proof,
    offered: &[&str],
    bindings: &ChannelBindings,
    encrypted: bool,
) -> Result<Client, ChoiceError> {
    let known: Vec<Mechanism> = Mechanism::ALL
        .into_iter()
        .filter(|known| {
            let parsed = offered
                .iter()
                .filter_map(|name| Mechanism::parse(name.as_bytes()));
            parsed.into_iter().any(|offered| offered == *known)
        })
        .collect();
    let none = |with| ChoiceError::NoneInCommon {
        with,
        offered: match offered.is_empty() {
            true => "nothing".to_owned(),
            false => offered.join(" "),
        },
    };
    let (user, password) = match proof {
        Proof::Certificate { authzid } => {
            return match known.contains(&Mechanism::External) {
                true => Ok(Client::external(authzid)?),
                false => Err(none("a certificate")),
            };
        }
        Proof::Password { user, password } => (user.as_str(), password.as_str()),
    };
    let is_plus = |mechanism: &Mechanism| matches!(mechanism, Mechanism::Scram { plus: true, .. });
    let unbound = match (bindings.is_empty(), known.iter().any(is_plus)) {
        (false, false) => Binding::NotOffered,
        _ => Binding::Unsupported,
    };
    let mut readable = false;
    for mechanism in known {
        return Ok(match mechanism {
            Mechanism::External => continue,
            Mechanism::Scram { hash, plus: true } => match bindings.best() {
                Some(binding) => Client::scram(hash, user, password, Binding::To(binding))?,
                None => continue,
            },
            Mechanism::Scram { hash, plus: false } => Client::scram(hash, user, password, unbound)?,
            Mechanism::Plain | Mechanism::Login if !encrypted => {
                readable = true;
                continue;
            }
            Mechanism::Plain => Client::plain("", user, password)?,
            Mechanism::Login => Client::login(user, password)?,
            Mechanism::CramMd5 => Client::cram_md5(user, password)?,
        });
    }
    Err(match readable {
        true => ChoiceError::Readable,
        false => none("a password"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(offered: &str, tls: bool, with_certificate: bool) -> String {
        let proof = match with_certificate {
            true => Proof::Certificate {
                authzid: String::new(),
            },
            false => Proof::Password {
                user: "u".to_owned(),
                password: Zeroizing::new("secret".to_owned()),
            },
        };
        let bindings = match tls {
            true => ChannelBindings::new(Some(vec![0; 32]), None),
            false => ChannelBindings::none(),
        };
        let offered: Vec<&str> = offered.split_whitespace().collect();
        match choose(&proof, &offered, &bindings, tls) {
            Ok(client) => client.mechanism().name().to_owned(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn the_best_in_common_is_taken() {
        let all = "LOGIN PLAIN CRAM-MD5 SCRAM-SHA-1 SCRAM-SHA-256 SCRAM-SHA-256-PLUS EXTERNAL";
        for (offered, tls, expected) in [
            (all, true, "SCRAM-SHA-256-PLUS"),
            (all, false, "SCRAM-SHA-256"),
            ("PLAIN SCRAM-SHA-1", true, "SCRAM-SHA-1"),
            ("LOGIN PLAIN XOAUTH2", true, "PLAIN"),
            ("login", true, "LOGIN"),
            ("PLAIN CRAM-MD5", false, "CRAM-MD5"),
            (
                "PLAIN LOGIN",
                false,
                "without TLS the password would be sent readable",
            ),
            (
                "EXTERNAL XOAUTH2",
                true,
                "the server offers no way to log in with a password, but EXTERNAL XOAUTH2",
            ),
            (
                "",
                true,
                "the server offers no way to log in with a password, but nothing",
            ),
        ] {
            assert_eq!(taken(offered, tls, false), expected, "{offered:?} {tls}");
        }
        assert_eq!(taken(all, true, true), "EXTERNAL");
        let none = taken("PLAIN", true, true);
        assert!(none.contains("with a certificate, but PLAIN"), "{none}");
    }

    #[test]
    fn a_missing_plus_is_told_to_the_server() {
        // RFC 5802 §6: `y` says that the client would have bound, had it been offered.
        for (offered, tls, flag) in [
            ("SCRAM-SHA-256", true, "y,,"),
            ("SCRAM-SHA-256", false, "n,,"),
            ("SCRAM-SHA-256-PLUS", true, "p=tls-exporter,,"),
        ] {
            use base64::Engine;
            let proof = Proof::Password {
                user: "u".to_owned(),
                password: Zeroizing::new("secret".to_owned()),
            };
            let bindings = match tls {
                true => ChannelBindings::new(Some(vec![0; 32]), None),
                false => ChannelBindings::none(),
            };
            let mut client = choose(&proof, &[offered], &bindings, tls).expect("a way");
            let initial = client.initial().expect("it speaks first");
            let initial = base64::engine::general_purpose::STANDARD
                .decode(initial.as_bytes())
                .expect("base64");
            assert!(initial.starts_with(flag.as_bytes()), "{offered} {tls}");
        }
    }
}
