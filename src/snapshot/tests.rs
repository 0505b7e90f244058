//! Who addresses lead to. The configuration here serves the tests of [`crate::policy`] too.

use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::config::{self, Unchecked};

/// mox.toml of all that the tests need.
pub(crate) const CONFIG: &str = r#"
[server]
hostname = "mail.example.org"
postmaster = { account = "alice", mailbox = "Postmaster" }

[listeners.public]
ips = ["192.0.2.1"]
hostname = "mx.example.org"
smtp = {}

[domains."example.org"]
localpart_catchall_separators = ["+", "--"]
[domains."example.org".aliases.team]
addresses = ["alice@example.org", "bob@example.org", "bob@example.net"]
post_public = true
allow_msg_from = true
[domains."example.org".aliases.members]
addresses = ["alice@example.org"]
[domains."example.org".aliases.waiting]
addresses = ["alice@example.org", "carol@disabled.example"]
post_public = true
[domains."example.net"]
localpart_case_sensitive = true
localpart_catchall_separators = ["+"]
[domains."bücher.example"]
[domains."disabled.example"]
disabled = true

[accounts.alice]
domain = "example.org"
quota = 1000
[accounts.alice.destinations]
"alice@example.org" = {}
"lists@example.org" = { mailbox = "Lists" }
"info@bücher.example" = {}
[accounts.bob]
domain = "example.org"
[accounts.bob.destinations]
"bob@example.org" = {}
"Bob@example.net" = {}
"bob@example.net" = {}
"@example.net" = { mailbox = "Catchall" }
[accounts.carol]
domain = "disabled.example"
[accounts.carol.destinations]
"carol@disabled.example" = {}

[[routes]]
to = ["elsewhere.example"]
transport = "loopback"
account = "bob"
"#;

/// A snapshot of all that the tests need.
pub(crate) fn snapshot() -> Snapshot {
    let file = Path::new("/nowhere/mox.toml");
    let config = config::parse(CONFIG, file, &Unchecked).expect("a valid configuration");
    Snapshot::compile(1, Arc::new(config), Arc::new(HashMap::new()))
}

fn address(text: &str) -> Address {
    Address::parse(text).expect("an address")
}

/// `account mailbox`, with `catchall` behind it, or `alias address`.
fn lookup(text: &str) -> Option<String> {
    Some(match snapshot().lookup(&address(text))? {
        Lookup::Destination {
            account,
            mailbox,
            catchall,
            ..
        } => format!(
            "{account} {mailbox}{}",
            if catchall { " catchall" } else { "" }
        ),
        Lookup::Alias(name) => format!("alias {name}"),
    })
}

#[test]
fn addresses_are_found_as_their_domain_compares_them() {
    for (text, found) in [
        ("alice@example.org", Some("alice Inbox")),
        ("ALICE@EXAMPLE.ORG", Some("alice Inbox")),
        ("alice+x@example.org", Some("alice Inbox")),
        ("alice--x+y@example.org", Some("alice Inbox")),
        ("lists+x@example.org", Some("alice Lists")),
        ("\"alice\"@example.org", Some("alice Inbox")),
        ("+x@example.org", None),
        ("nobody@example.org", None),
        ("team@example.org", Some("alias team@example.org")),
        ("Team+x@example.org", Some("alias team@example.org")),
        ("bob@example.net", Some("bob Inbox")),
        ("BOB@example.net", Some("bob Catchall catchall")),
        ("anything+x@example.net", Some("bob Catchall catchall")),
        ("info@xn--bcher-kva.example", Some("alice Inbox")),
        ("INFO@BÜCHER.example", Some("alice Inbox")),
        ("alice@elsewhere.example", None),
    ] {
        assert_eq!(lookup(text).as_deref(), found, "{text}");
    }
}

#[test]
fn hostnames_are_the_servers_and_the_listeners() {
    let snapshot = snapshot();
    for (name, is) in [
        ("mail.example.org", true),
        ("mx.example.org", true),
        ("example.org", false),
    ] {
        assert_eq!(
            snapshot.is_hostname(&Domain::parse(name).expect("a domain")),
            is
        );
    }
}

proptest! {
    #[test]
    fn separator_and_case_never_change_the_owner(suffix in "[a-z0-9+-]{0,8}", upper in any::<bool>()) {
        let text = format!("alice+{suffix}@example.org");
        let text = if upper { text.to_uppercase() } else { text };
        let found = lookup(&text);
        prop_assert_eq!(found.as_deref(), Some("alice Inbox"));
    }
}
