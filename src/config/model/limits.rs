//! `[limits]` and `[auth]`: bounds for everybody, each with its default.

use std::net::IpAddr;
use std::time::Duration;

use crate::sasl::Mechanism;

documented! {
/// `[limits]`: bounds for everybody.
#[derive(Debug, Clone, PartialEq)]
pub struct Limits {
    /// Bytes of a message on port 25, in submission and in APPEND (100MB).
    pub message_size: u64,
    /// Recipients of a message (1000).
    pub recipients: usize,
    /// Bytes of a message's header (1MB).
    pub header_size: u64,
    /// Received fields before a message counts as looping (100).
    pub received: usize,
    /// Connections from one address (IPv6: /64) at a time over all services (100); 0: no limit.
    pub connections_per_address: usize,
    /// A session without a word from the client ends after so long: SMTP (5m).
    pub smtp_idle: Duration,
    /// A message takes no longer to come in, however steadily (30m).
    pub smtp_message: Duration,
    /// IMAP when logged in (30m, RFC 9051 §5.4).
    pub imap_idle: Duration,
    /// Before a login (1m).
    pub login_idle: Duration,
    /// Failed logins on one connection before it is slowed down (3) …
    pub login_failures: usize,
    /// … by so long for each further one (1s); 0 for none.
    pub login_failure_delay: Duration,
    /// Whether connection limits, delays after failed logins and the limits of `[auth]` hold for
    /// clients on loopback too (true).
    pub limit_loopback: bool,
}
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            message_size: 100 << 20,
            recipients: 1000,
            header_size: 1 << 20,
            received: 100,
            connections_per_address: 100,
            smtp_idle: Duration::from_secs(5 * 60),
            smtp_message: Duration::from_secs(30 * 60),
            imap_idle: Duration::from_secs(30 * 60),
            login_idle: Duration::from_secs(60),
            login_failures: 3,
            login_failure_delay: Duration::from_secs(1),
            limit_loopback: true,
        }
    }
}

impl Limits {
    /// Whether limits of connections and logins hold for this client: for all but those on loopback
    /// with `limit_loopback = false`.
    pub fn hold_for(&self, remote: IpAddr) -> bool {
        self.limit_loopback || !remote.to_canonical().is_loopback()
    }

    /// How long the answer to the `failures`th failed login of a connection waits: none for the
    /// first `login_failures`, then one delay more each time.
    pub fn failure_delay(&self, failures: usize, remote: IpAddr) -> Duration {
        let over = failures.saturating_sub(self.login_failures);
        if over == 0 || !self.hold_for(remote) {
            return Duration::ZERO;
        }
        let over = u32::try_from(over).unwrap_or(u32::MAX);
        self.login_failure_delay
            .saturating_mul(over)
            .min(MAX_FAILURE_DELAY)
    }
}

/// However often a client fails, its answer waits no longer.
const MAX_FAILURE_DELAY: Duration = Duration::from_secs(60);

documented! {
/// `[auth]`: logins.
#[derive(Debug, Clone, PartialEq)]
pub struct Auth {
    /// Failed logins in a minute from one address, its network (IPv4 /26, IPv6 /48) and the wider one
    /// (IPv4 /21, IPv6 /32; one IPv6 address is a /64), over all protocols (`[10, 30, 90]`); 0: no
    /// limit.
    pub failures_per_minute: [u32; 3],
    /// The same in a day (`[50, 150, 450]`).
    pub failures_per_day: [u32; 3],
    /// Mechanisms that are not offered (none): `["PLAIN", "LOGIN"]`, say, where all clients know SCRAM.
    pub mechanisms_off: Vec<Mechanism>,
    /// Whether CRAM-MD5 is offered (false). It needs a secret that is worth the password for it, which
    /// is kept of passwords that are set while this is true.
    pub cram_md5: bool,
}
}

impl Auth {
    /// Whether a mechanism may be used at all.
    pub fn offers(&self, mechanism: Mechanism) -> bool {
        let wanted = mechanism != Mechanism::CramMd5 || self.cram_md5;
        wanted && !self.mechanisms_off.contains(&mechanism)
    }
}

impl Default for Auth {
    fn default() -> Auth {
        Auth {
            failures_per_minute: [10, 30, 90],
            failures_per_day: [50, 150, 450],
            mechanisms_off: Vec::new(),
            cram_md5: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mechanisms_can_be_turned_off() {
        let mut auth = Auth::default();
        assert!(auth.offers(Mechanism::Plain) && !auth.offers(Mechanism::CramMd5));
        auth.cram_md5 = true;
        auth.mechanisms_off = vec![Mechanism::Plain];
        assert!(!auth.offers(Mechanism::Plain) && auth.offers(Mechanism::CramMd5));
    }

    #[test]
    fn loopback_can_be_let_off() {
        let mut limits = Limits::default();
        let loopback: IpAddr = "::ffff:127.0.0.1".parse().expect("an address");
        let other: IpAddr = "192.0.2.1".parse().expect("an address");
        assert!(limits.hold_for(loopback));
        limits.limit_loopback = false;
        assert!(!limits.hold_for(loopback));
        assert!(limits.hold_for(other));
        assert_eq!(limits.failure_delay(100, loopback), Duration::ZERO);
        assert_eq!(limits.failure_delay(3, other), Duration::ZERO);
        assert_eq!(limits.failure_delay(5, other), Duration::from_secs(2));
        assert_eq!(
            limits.failure_delay(usize::MAX, other),
            Duration::from_secs(60)
        );
    }
}
