//! What `mox sessions` shows.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A session in which somebody is logged in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionRow {
    /// Names the session while it lasts, and after a restart another one.
    pub id: String,
    /// `imap`, `submission`.
    pub protocol: String,
    /// Whose.
    pub account: String,
    /// The address of the login.
    pub login_address: String,
    /// The client.
    pub remote_ip: String,
    /// Since when it is logged in: RFC 3339, UTC, with three fraction digits.
    pub since: String,
    /// `version=… ciphersuite=… sni=… resumed=… alpn=…`; empty without TLS.
    pub tls: String,
    /// The mailbox that is selected, or empty.
    pub mailbox: String,
}

/// A time as it stands in JSON: RFC 3339, UTC, with three fraction digits.
pub fn time_text(time: Timestamp) -> String {
    format!("{time:.3}")
}
