//! Each row of the decisions.

use super::*;
use crate::snapshot::tests::snapshot;

fn address(text: &str) -> Address {
    Address::parse(text).expect("an address")
}

fn account(name: &str) -> AccountName {
    AccountName::parse(name).expect("a name")
}

/// `account/mailbox …`, or the refusal.
fn rcpt(origin: &Origin, recipient: &str) -> String {
    let recipient = match recipient {
        "postmaster" => Recipient::Postmaster,
        text => Recipient::Address(address(text)),
    };
    match decide_rcpt(&snapshot(), origin, &recipient) {
        Ok(deliveries) => {
            let each = deliveries.iter();
            let each = each.map(|to| format!("{}/{}", to.account, to.mailbox));
            each.collect::<Vec<_>>().join(" ")
        }
        Err(refusal) => format!("{refusal:?}"),
    }
}

#[test]
fn recipients() {
    for (recipient, decision) in [
        ("alice@example.org", "alice/Inbox"),
        ("lists+x@example.org", "alice/Lists"),
        ("anybody@example.net", "bob/Catchall"),
        ("nobody@example.org", "UnknownAddress"),
        ("carol@disabled.example", "DomainDisabled"),
        ("nobody@disabled.example", "DomainDisabled"),
        ("x@elsewhere.example", "NotLocal"),
        ("postmaster", "alice/Postmaster"),
        ("PostMaster@mail.example.org", "alice/Postmaster"),
        ("postmaster@mx.example.org", "alice/Postmaster"),
        ("postmaster@example.org", "alice/Postmaster"),
        ("postmaster@example.net", "bob/Catchall"),
        ("postmaster@elsewhere.example", "NotLocal"),
        ("team@example.org", "alice/Inbox bob/Inbox"),
        ("members@example.org", "MembersOnly"),
        ("waiting@example.org", "DomainDisabled"),
    ] {
        assert_eq!(rcpt(&Origin::Outside, recipient), decision, "{recipient}");
    }
}

#[test]
fn members_may_write_to_their_alias() {
    for (name, decision) in [("alice", "alice/Inbox"), ("bob", "MembersOnly")] {
        let origin = Origin::Account(account(name));
        assert_eq!(rcpt(&origin, "members@example.org"), decision);
    }
}

#[test]
fn deliveries_carry_the_quota() {
    let recipient = Recipient::Address(address("alice@example.org"));
    let decided = decide_rcpt(&snapshot(), &Origin::Outside, &recipient).expect("accepted");
    assert_eq!(decided[0].quota, 1000);
}

#[test]
fn senders() {
    for (name, sender, decision) in [
        ("alice", "alice@example.org", Ok(())),
        ("alice", "Alice+x@example.org", Ok(())),
        ("alice", "bob@example.org", Err(SenderRefusal::NotYours)),
        ("bob", "whatever@example.net", Ok(())),
        (
            "alice",
            "whatever@example.net",
            Err(SenderRefusal::NotYours),
        ),
        ("alice", "team@example.org", Ok(())),
        ("carol", "team@example.org", Err(SenderRefusal::NotYours)),
        ("alice", "members@example.org", Err(SenderRefusal::NotYours)),
        (
            "carol",
            "carol@disabled.example",
            Err(SenderRefusal::DomainDisabled),
        ),
        (
            "alice",
            "carol@disabled.example",
            Err(SenderRefusal::NotYours),
        ),
        (
            "alice",
            "alice@elsewhere.example",
            Err(SenderRefusal::NotYours),
        ),
    ] {
        let decided = decide_sender(&snapshot(), &account(name), &address(sender));
        assert_eq!(decided, decision, "{name} as {sender}");
    }
}

#[test]
fn routes_are_for_the_domains_they_name() {
    let from = address("alice@example.org");
    let route = |to| decide_route(&snapshot(), &account("alice"), &from, &address(to));
    assert_eq!(
        route("x@elsewhere.example"),
        Route::Loopback(account("bob"))
    );
    assert_eq!(route("x@other.example"), Route::None);
}
