//! The ways to log in, by their registered names.

use super::scram::Hash;

/// How somebody logs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mechanism {
    /// EXTERNAL (RFC 4422): what the TLS handshake has proven.
    External,
    /// SCRAM (RFC 5802, RFC 7677), without or with (`-PLUS`) channel binding.
    Scram {
        /// The hash function.
        hash: Hash,
        /// Whether the exchange is bound to the TLS connection.
        plus: bool,
    },
    /// SASL PLAIN (RFC 4616).
    Plain,
    /// SASL LOGIN and IMAP's LOGIN command.
    Login,
    /// CRAM-MD5 (RFC 2195).
    CramMd5,
}

impl Mechanism {
    /// All, in the order in which they are offered: the best first.
    pub const ALL: [Mechanism; 8] = [
        Mechanism::External,
        Mechanism::Scram {
            hash: Hash::Sha256,
            plus: true,
        },
        Mechanism::Scram {
            hash: Hash::Sha256,
            plus: false,
        },
        Mechanism::Scram {
            hash: Hash::Sha1,
            plus: true,
        },
        Mechanism::Scram {
            hash: Hash::Sha1,
            plus: false,
        },
        Mechanism::Plain,
        Mechanism::Login,
        Mechanism::CramMd5,
    ];

    /// All, by their names.
    pub const NAMES: [(&str, Mechanism); 8] = {
        let mut names = [("", Mechanism::External); 8];
        let mut at = 0;
        while at < names.len() {
            names[at] = (Mechanism::ALL[at].name(), Mechanism::ALL[at]);
            at += 1;
        }
        names
    };

    /// By its registered name, in any case; none for mechanisms not spoken here.
    pub fn parse(name: &[u8]) -> Option<Mechanism> {
        Mechanism::ALL
            .into_iter()
            .find(|mechanism| name.eq_ignore_ascii_case(mechanism.name().as_bytes()))
    }

    /// The registered name, `PLAIN`.
    pub const fn name(self) -> &'static str {
        use Hash::{Sha1, Sha256};
        match self {
            Mechanism::External => "EXTERNAL",
            Mechanism::Scram { hash, plus } => match (hash, plus) {
                (Sha256, true) => "SCRAM-SHA-256-PLUS",
                (Sha256, false) => "SCRAM-SHA-256",
                (Sha1, true) => "SCRAM-SHA-1-PLUS",
                (Sha1, false) => "SCRAM-SHA-1",
            },
            Mechanism::Plain => "PLAIN",
            Mechanism::Login => "LOGIN",
            Mechanism::CramMd5 => "CRAM-MD5",
        }
    }

    /// Whether it is worth nothing without TLS, whatever a listener allows: there is no channel to
    /// bind to and no certificate.
    pub fn is_of_tls(self) -> bool {
        match self {
            Mechanism::External | Mechanism::Scram { plus: true, .. } => true,
            Mechanism::Scram { plus: false, .. }
            | Mechanism::Plain
            | Mechanism::Login
            | Mechanism::CramMd5 => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_in_any_case() {
        for mechanism in Mechanism::ALL {
            let name = mechanism.name();
            assert_eq!(Mechanism::parse(name.as_bytes()), Some(mechanism));
            assert_eq!(
                Mechanism::parse(name.to_ascii_lowercase().as_bytes()),
                Some(mechanism)
            );
        }
        for other in ["", "PLAIN ", "SCRAM-SHA-512", "SCRAM-SHA-1-PLUSX", "GSSAPI"] {
            assert_eq!(Mechanism::parse(other.as_bytes()), None, "{other}");
        }
    }
}
