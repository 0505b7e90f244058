//! Where an attempt at a login comes from: what is known of the connection.

use std::net::IpAddr;

use super::external;
use super::{LoginRefusal, Mechanism, Protocol};
use crate::sasl::{ChannelBindings, Setting};
use crate::snapshot::Snapshot;
use crate::x509::Fingerprint;

/// One connection, as the login service and the records of attempts see it.
#[derive(Debug, Clone)]
pub struct Origin {
    /// What is spoken.
    pub protocol: Protocol,
    /// The client.
    pub remote: IpAddr,
    /// Us.
    pub local: IpAddr,
    /// `version=… ciphersuite=… sni=… resumed=… alpn=…`; empty without TLS.
    pub tls: String,
    /// The key of the certificate that the client has proven to hold, whoever's it is.
    pub fingerprint: Option<Fingerprint>,
    /// What the client says it is (IMAP ID); empty if it does not.
    pub agent: String,
    /// Whether a login without TLS is allowed here.
    pub plaintext_logins: bool,
    /// What SCRAM can bind to; none without TLS.
    pub bindings: ChannelBindings,
    /// Our name in greetings.
    pub hostname: String,
}

impl Origin {
    /// Whether the connection is encrypted.
    pub fn is_tls(&self) -> bool {
        !self.tls.is_empty()
    }

    /// The mechanisms to offer now, the best first.
    pub fn offers(&self, snapshot: &Snapshot) -> Vec<Mechanism> {
        let all = Mechanism::ALL.into_iter();
        all.filter(|mechanism| match mechanism {
            Mechanism::External => external::is_offered(snapshot, self),
            Mechanism::Scram { plus: true, .. } => !self.bindings.is_empty(),
            _ => true,
        })
        .filter(|mechanism| self.allows(snapshot, *mechanism).is_ok())
        .collect()
    }

    /// Whether a mechanism may be tried. EXTERNAL may without being offered: it fails as a wrong
    /// password does.
    pub fn allows(&self, snapshot: &Snapshot, mechanism: Mechanism) -> Result<(), LoginRefusal> {
        if !snapshot.config.auth.offers(mechanism) {
            return Err(LoginRefusal::NoMechanism);
        }
        let needs_tls = mechanism.is_of_tls() || !self.plaintext_logins;
        if needs_tls && !self.is_tls() {
            return Err(LoginRefusal::NeedsTls);
        }
        Ok(())
    }

    /// For an exchange on this connection.
    pub(super) fn setting(&self, snapshot: &Snapshot) -> Setting {
        let plus = |mechanism: &Mechanism| matches!(mechanism, Mechanism::Scram { plus: true, .. });
        Setting {
            bindings: self.bindings.clone(),
            plus_offered: self.offers(snapshot).iter().any(plus),
            hostname: self.hostname.clone(),
        }
    }
}
