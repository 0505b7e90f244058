//! Which line of mox.toml decides.

use std::sync::Arc;

use super::*;
use crate::snapshot::tests::{CONFIG, snapshot};
use crate::state::Credential;

fn address(text: &str) -> Address {
    Address::parse(text).expect("an address")
}

/// `code enhanced account mailbox [via]: reason | line`.
fn shown(explanation: &Explanation) -> String {
    let e = explanation;
    let line = CONFIG.lines().nth(e.line.wrapping_sub(1)).unwrap_or("");
    assert_eq!(e.text, line);
    assert_eq!(e.accept, e.code.starts_with('2'));
    format!(
        "{} {} {} {} {:?}: {} | {line}",
        e.code, e.enhanced, e.account, e.mailbox, e.via, e.reason
    )
}

fn explain<T>(ask: impl FnOnce(&Explainer<'_>) -> T) -> T {
    let credential = Arc::new(Credential::of_hash(1, "".into()));
    let names = ["alice", "bob"].map(|name| AccountName::parse(name).expect("a name"));
    let credentials = names.map(|name| (name, Arc::clone(&credential)));
    let snapshot = snapshot().with_credentials(1, Arc::new(credentials.into_iter().collect()));
    ask(&Explainer {
        snapshot: &snapshot,
        text: CONFIG,
        file: Path::new("mox.toml"),
    })
}

#[test]
fn recipients_have_a_line() {
    for (to, expected) in [
        (
            "alice@example.org",
            r#"250 2.1.5 alice Inbox []: alice@example.org belongs to account alice | "alice@example.org" = {}"#,
        ),
        (
            "LISTS--x@example.org",
            r#"250 2.1.5 alice Lists ["separator --"]: lists@example.org belongs to account alice | "lists@example.org" = { mailbox = "Lists" }"#,
        ),
        (
            "any@example.net",
            r#"250 2.1.5 bob Catchall ["catchall @example.net"]: @example.net belongs to account bob | "@example.net" = { mailbox = "Catchall" }"#,
        ),
        (
            "team@example.org",
            r#"250 2.1.5 alice bob Inbox ["alias team@example.org"]: team@example.org is alias team@example.org, with 3 members | addresses = ["alice@example.org", "bob@example.org", "bob@example.net"]"#,
        ),
        (
            "members@example.org",
            r#"550 5.7.1   ["alias members@example.org"]: alias members@example.org takes mail of its members only | [domains."example.org".aliases.members]"#,
        ),
        (
            "waiting@example.org",
            r#"450 4.2.1   ["alias waiting@example.org"]: carol@disabled.example is a member of alias waiting@example.org, and its domain is disabled | disabled = true"#,
        ),
        (
            "carol@disabled.example",
            "450 4.2.1   []: domain disabled.example is disabled | disabled = true",
        ),
        (
            "nobody@example.org",
            r#"550 5.1.1   []: nothing at domain example.org has the address, and it has no catchall | [domains."example.org"]"#,
        ),
        (
            "x@exmaple.org",
            "550 5.7.1   []: domain exmaple.org is not hosted here; example.org is | ",
        ),
        (
            "postmaster@mx.example.org",
            r#"250 2.1.5 alice Postmaster ["postmaster"]: account alice is the postmaster | postmaster = { account = "alice", mailbox = "Postmaster" }"#,
        ),
        (
            "postmaster@example.org",
            r#"250 2.1.5 alice Postmaster ["postmaster"]: account alice is the postmaster | postmaster = { account = "alice", mailbox = "Postmaster" }"#,
        ),
    ] {
        let recipient = Recipient::Address(address(to));
        assert_eq!(explain(|e| shown(&e.recipient(&recipient))), expected);
    }
    let postmaster = explain(|e| e.recipient(&Recipient::Postmaster));
    assert_eq!(
        (postmaster.code.as_str(), postmaster.account.as_str()),
        ("250", "alice")
    );
}

#[test]
fn senders_have_a_line() {
    for (from, account, expected) in [
        (
            "alice+x@example.org",
            None,
            r#"250 2.1.0 alice  ["separator +"]: alice@example.org belongs to account alice | "alice@example.org" = {}"#,
        ),
        (
            "alice@example.org",
            Some("bob"),
            r#"550 5.7.1 bob  []: alice@example.org belongs to account alice, not bob | "alice@example.org" = {}"#,
        ),
        (
            "carol@disabled.example",
            None,
            "451 4.3.0 carol  []: domain disabled.example is disabled | disabled = true",
        ),
        (
            "team@example.org",
            Some("bob"),
            r#"250 2.1.0 bob  ["alias team@example.org"]: alias team@example.org lets its members send as it | allow_msg_from = true"#,
        ),
        (
            "team@example.org",
            Some("carol"),
            r#"550 5.7.1 carol  ["alias team@example.org"]: account carol is no member of alias team@example.org | addresses = ["alice@example.org", "bob@example.org", "bob@example.net"]"#,
        ),
        (
            "members@example.org",
            None,
            r#"550 5.7.1 alice  ["alias members@example.org"]: alias members@example.org does not let its members send as it | [domains."example.org".aliases.members]"#,
        ),
        (
            "x@elsewhere.example",
            Some("bob"),
            "550 5.7.1 bob  []: domain elsewhere.example is not hosted here | ",
        ),
    ] {
        let account = account.map(|name| AccountName::parse(name).expect("a name"));
        let found = explain(|e| shown(&e.sender(&address(from), account.as_ref())));
        assert_eq!(found, expected);
    }
}

#[test]
fn logins_have_a_line() {
    for (user, expected) in [
        (
            "alice@example.org",
            r#"235 2.7.0 alice  []: alice@example.org belongs to account alice | "alice@example.org" = {}"#,
        ),
        (
            "carol@disabled.example",
            "535 5.7.8 carol  []: account carol has no password | [accounts.carol]",
        ),
        (
            "team@example.org",
            r#"535 5.7.8   ["alias team@example.org"]: team@example.org is an alias: nobody logs in with it | [domains."example.org".aliases.team]"#,
        ),
        (
            "nobody@example.org",
            r#"535 5.7.8   []: nothing at domain example.org has the address, and it has no catchall | [domains."example.org"]"#,
        ),
    ] {
        assert_eq!(explain(|e| shown(&e.login(&address(user)))), expected);
    }
}

#[test]
fn what_is_no_address_is_answered_as_in_a_session() {
    for (path, expected) in [
        (
            "no address",
            r#"501 5.1.3   []: "no address" is not an address: it has no @ | "#,
        ),
        (
            "",
            r#"501 5.1.3   []: "" is not an address: it has no @ | "#,
        ),
        (
            "a@b..example",
            r#"501 5.1.3   []: "b..example" is not a domain name | "#,
        ),
        // Neither ends the path, nor gives parameters.
        (
            "a@example.org> ORCPT=rfc822;x",
            r#"501 5.1.3   []: "example.org> ORCPT=rfc822;x" is not a domain name | "#,
        ),
        (
            "alice@[192.0.2.1]",
            "550 5.7.1   []: at an address literal only the postmaster gets mail, and only at the server's | ",
        ),
    ] {
        assert_eq!(explain(|e| shown(&e.rcpt_to(path))), expected);
    }
    for (path, account, expected) in [
        (
            "postmaster",
            None,
            r#"501 5.1.7   []: "postmaster" is not an address: it has no @ | "#,
        ),
        (
            "alice@example.org> AUTH=<",
            None,
            r#"501 5.1.7   []: "example.org> AUTH=<" is not a domain name | "#,
        ),
        (
            "",
            None,
            "550 5.7.1   []: the empty sender is for servers, on port 25 | ",
        ),
        (
            "alice@example.org",
            Some("bobb"),
            r#"550 5.7.1   []: account "bobb" does not exist; bob does | "#,
        ),
        (
            "alice@example.org",
            Some("No Name"),
            r#"550 5.7.1   []: account "No Name" does not exist | "#,
        ),
    ] {
        let found = explain(|e| shown(&e.mail_from(path, account)));
        assert_eq!(found, expected);
    }
    for (user, expected) in [
        (
            "alice",
            r#"535 5.7.8   []: "alice" is not an address: it has no @ | "#,
        ),
        (
            "alice@example.org",
            r#"235 2.7.0 alice  []: alice@example.org belongs to account alice | "alice@example.org" = {}"#,
        ),
    ] {
        assert_eq!(explain(|e| shown(&e.auth(user))), expected);
    }
}

proptest::proptest! {
    /// A text that is an address is asked about as that address, every other is refused.
    #[test]
    fn every_text_has_an_answer(text in "\\PC{0,30}|[a-d<>@.\"\\\\ =]{0,12}", account in "\\PC{0,10}") {
        let (rcpt, mail, auth) = explain(|e| {
            (e.rcpt_to(&text), e.mail_from(&text, Some(&account)), e.auth(&text))
        });
        for explained in [&rcpt, &mail, &auth] {
            proptest::prop_assert!(!explained.code.is_empty() && !explained.reason.is_empty());
        }
        if Address::parse(&text).is_err() {
            proptest::prop_assert!(!mail.accept && !auth.accept);
            proptest::prop_assert!(!rcpt.accept || text.eq_ignore_ascii_case("postmaster") || text.starts_with('@'));
        }
    }
}
