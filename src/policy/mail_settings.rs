//! What a mail program has to be told to read and send an address's mail here.

use serde::{Deserialize, Serialize};

use crate::addr::{AccountName, Address};
use crate::config::model::{Listener, Service};
use crate::snapshot::{Lookup, Snapshot};

/// The settings for one address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailSettings {
    /// The address, in the form to log in with.
    pub address: String,
    /// Whose it is.
    pub account: String,
    /// The owner's name; may be empty.
    pub full_name: String,
    /// Where mail is read.
    pub imap: MailServer,
    /// Where mail is handed in.
    pub submission: MailServer,
}

/// A server for mail programs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailServer {
    /// Host name, A-labels.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Whether the connection begins with TLS; else STARTTLS.
    pub implicit_tls: bool,
}

/// Why there are none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoMailSettings {
    /// No account has the address.
    NotAnAccounts,
    /// No listener offers the service with TLS: `imaps` or `submissions`.
    NoService(&'static str),
}

/// The settings for an address: TLS from the first byte before STARTTLS, a listener that is reached
/// from elsewhere before one on loopback.
pub fn mail_settings(
    snapshot: &Snapshot,
    address: &Address,
) -> Result<MailSettings, NoMailSettings> {
    let Some(Lookup::Destination { account, .. }) = snapshot.lookup(address) else {
        return Err(NoMailSettings::NotAnAccounts);
    };
    let host = snapshot
        .domain(&address.domain)
        .and_then(|domain| domain.client_settings_domain.as_ref())
        .unwrap_or(&snapshot.config.server.hostname)
        .ascii();
    let find = |name, at_once: Pick, later: Pick| {
        let found = port(snapshot, at_once).map(|port| (port, true));
        let found = found.or_else(|| port(snapshot, later).map(|port| (port, false)));
        let (port, implicit_tls) = found.ok_or(NoMailSettings::NoService(name))?;
        Ok(MailServer {
            host: host.to_owned(),
            port,
            implicit_tls,
        })
    };
    Ok(MailSettings {
        address: address.to_string(),
        full_name: full_name(snapshot, &account),
        account: account.to_string(),
        imap: find("imaps", |l| l.imaps.as_ref(), |l| l.imap.as_ref())?,
        submission: find(
            "submissions",
            |l| l.submissions.as_ref(),
            |l| l.submission.as_ref(),
        )?,
    })
}

type Pick = fn(&Listener) -> Option<&Service>;

fn port(snapshot: &Snapshot, pick: Pick) -> Option<u16> {
    let mut offers: Vec<&Listener> = snapshot
        .config
        .listeners
        .values()
        .filter(|listener| listener.tls.is_some() && pick(listener).is_some())
        .collect();
    offers.sort_by_key(|listener| listener.ips.iter().all(|ip| ip.is_loopback()));
    Some(pick(offers.first()?)?.port)
}

fn full_name(snapshot: &Snapshot, account: &AccountName) -> String {
    let account = snapshot.account(account);
    account
        .map(|account| account.full_name.clone())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::path::Path;
    use std::sync::Arc;

    use super::*;
    use crate::config::{self, Unchecked};

    const TEXT: &str = r#"
[server]
hostname = "host.example.org"
[listeners.inside]
ips = ["127.0.0.1"]
tls = { certificates = [{ cert = "c", key = "k" }] }
imaps = { port = 1993 }
submissions = { port = 1465 }
[listeners.outside]
ips = ["0.0.0.0"]
tls = { certificates = [{ cert = "c", key = "k" }] }
imap = {}
imaps = {}
submission = {}
[domains."example.org"]
[domains."example.net"]
client_settings_domain = "mail.example.net"
[accounts.alice]
domain = "example.org"
full_name = "Alice A"
destinations."alice@example.org" = {}
destinations."@example.net" = {}
"#;

    fn settings(text: &str, address: &str) -> Result<MailSettings, NoMailSettings> {
        let config = config::parse(text, Path::new("/mox.toml"), &Unchecked).expect("valid");
        let snapshot = Snapshot::compile(1, Arc::new(config), Arc::new(HashMap::new()));
        mail_settings(&snapshot, &Address::parse(address).expect("an address"))
    }

    #[test]
    fn what_is_reached_from_elsewhere_comes_first() {
        let found = settings(TEXT, "alice@example.org").expect("found");
        assert_eq!(found.full_name, "Alice A");
        assert_eq!(found.account, "alice");
        let server = |host: &str, port, implicit_tls| MailServer {
            host: host.to_owned(),
            port,
            implicit_tls,
        };
        assert_eq!(found.imap, server("host.example.org", 993, true));
        // TLS at once counts more than the place.
        assert_eq!(found.submission, server("host.example.org", 1465, true));
        let found = settings(TEXT, "any@example.net").expect("found");
        assert_eq!(found.imap, server("mail.example.net", 993, true));
    }

    #[test]
    fn there_may_be_none() {
        let none = |text: &str, address| settings(text, address).expect_err("none");
        assert_eq!(none(TEXT, "bob@example.org"), NoMailSettings::NotAnAccounts);
        assert_eq!(
            none(TEXT, "a@elsewhere.example"),
            NoMailSettings::NotAnAccounts
        );
        let without = TEXT.replace("submission", "#");
        assert_eq!(
            none(&without, "alice@example.org"),
            NoMailSettings::NoService("submissions")
        );
    }
}
