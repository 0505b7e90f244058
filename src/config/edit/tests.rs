//! Edits of files as people write them.

use std::path::PathBuf;

use proptest::prelude::*;

use super::{Edit, EditError, Value, apply};
use crate::addr::{AccountName, Address, Domain};
use crate::config::model::AddressPattern;

mod applied;
mod untouched;

fn domain(text: &str) -> Domain {
    Domain::parse(text).expect("a domain")
}

fn account(text: &str) -> AccountName {
    AccountName::parse(text).expect("a name")
}

fn pattern(text: &str) -> AddressPattern {
    AddressPattern::parse(text).expect("a pattern")
}

fn address(text: &str) -> Address {
    Address::parse(text).expect("an address")
}

fn add_account(name: &str, at: &str, to: &[&str]) -> Edit {
    Edit::AccountAdd {
        account: account(name),
        domain: domain(at),
        destinations: to.iter().map(|text| pattern(text)).collect(),
    }
}

fn disable(name: &str, disabled: bool) -> Edit {
    Edit::DomainSetDisabled {
        domain: domain(name),
        disabled,
    }
}

fn set(name: &str, value: Option<&str>) -> Edit {
    Edit::AccountSet {
        account: account(name),
        key: "login_disabled",
        value: value.map(|text| Value::Text(text.to_owned())),
    }
}

fn add(name: &str, to: &str) -> Edit {
    Edit::DestinationAdd {
        account: account(name),
        pattern: pattern(to),
    }
}

fn remove(name: &str, to: &str) -> Edit {
    Edit::DestinationRemove {
        account: account(name),
        pattern: pattern(to),
    }
}

fn remove_account(name: &str) -> Edit {
    Edit::AccountRemove {
        account: account(name),
    }
}

fn remove_domain(name: &str) -> Edit {
    Edit::DomainRemove {
        domain: domain(name),
    }
}

fn remove_member(member: &str) -> Edit {
    Edit::AliasMemberRemove {
        alias: address("team@a.org"),
        member: address(member),
    }
}

#[track_caller]
fn check(before: &str, edits: &[Edit], after: &str) {
    let found = apply(before, edits).unwrap_or_else(|e| panic!("{e}: {before}"));
    assert_eq!(found, after);
    if !before.contains('\n') {
        return;
    }
    let crlf = apply(&before.replace('\n', "\r\n"), edits).expect("with CRLF");
    assert_eq!(crlf, after.replace('\n', "\r\n"));
}

#[test]
fn tables_come_after_their_siblings() {
    check(
        "# top\n[domains.\"a.org\"] # a\n\n[accounts.al]\ndomain = \"a.org\" # c\n# quota = 1\n\n# limits\n[limits]\n",
        &[
            Edit::DomainAdd {
                domain: domain("bücher.org"),
                disabled: true,
                dkim: vec![("k1".into(), PathBuf::from("dkim/k1.pem"))],
            },
            add_account("b c", "bücher.org", &["b@bücher.org", "@bücher.org"]),
        ],
        "# top\n[domains.\"a.org\"] # a\n\n\
         [domains.\"bücher.org\"]\ndisabled = true\n[domains.\"bücher.org\".dkim]\nsign = [\"k1\"]\n\
         [domains.\"bücher.org\".dkim.selectors.k1]\nkey_file = \"dkim/k1.pem\"\n\n\
         [accounts.al]\ndomain = \"a.org\" # c\n# quota = 1\n\n\
         [accounts.\"b c\"]\ndomain = \"bücher.org\"\n[accounts.\"b c\".destinations]\n\"b@bücher.org\" = {}\n\"@bücher.org\" = {}\n\n\
         # limits\n[limits]\n",
    );
    // Without siblings, without a line break at the end, under keys above all headers.
    check(
        "[x]",
        &[add_account("a", "a.org", &[])],
        "[x]\n\n[accounts.a]\ndomain = \"a.org\"\n",
    );
    check(
        "",
        &[add_account("a", "a.org", &[])],
        "[accounts.a]\ndomain = \"a.org\"\n",
    );
    check(
        "[accounts.b]\ndomain = \"a.org\"",
        &[add_account("a", "a.org", &[])],
        "[accounts.b]\ndomain = \"a.org\"\n\n[accounts.a]\ndomain = \"a.org\"",
    );
    check(
        "accounts.b.domain = \"a.org\"\nlimits.received = 20\n[server]\n",
        &[add_account("a", "a.org", &[])],
        "accounts.b.domain = \"a.org\"\nlimits.received = 20\n\n[accounts.a]\ndomain = \"a.org\"\n\n[server]\n",
    );
    check(
        "accounts = { b = { domain = \"a.org\" } } # all\n",
        &[add_account("a", "a.org", &["a@a.org"])],
        "accounts = { b = { domain = \"a.org\" }, a = { domain = \"a.org\", destinations = { \"a@a.org\" = {} } } } # all\n",
    );
}

#[test]
fn plain_keys_keep_their_line() {
    check(
        "[domains]\n\"a.org\" = {} # x\n",
        &[disable("a.org", true)],
        "[domains]\n\"a.org\" = { disabled = true } # x\n",
    );
    check(
        "domains.\"a.org\" = { localpart_case_sensitive = true }\n",
        &[disable("a.org", true)],
        "domains.\"a.org\" = { localpart_case_sensitive = true, disabled = true }\n",
    );
    check(
        "[domains.\"a.org\"] # x\n",
        &[disable("a.org", true)],
        "[domains.\"a.org\"] # x\ndisabled = true\n",
    );
    check(
        "[domains.\"a.org\"]\n  disabled = false # why\n",
        &[disable("a.org", true)],
        "[domains.\"a.org\"]\n  disabled = true # why\n",
    );
    check(
        "[domains.\"a.org\"]\n",
        &[disable("a.org", false)],
        "[domains.\"a.org\"]\n",
    );
    check(
        "# m\n[domains.\"a.org\".aliases.team]\naddresses = []\n",
        &[disable("a.org", true)],
        "[domains.\"a.org\"]\ndisabled = true\n\n# m\n[domains.\"a.org\".aliases.team]\naddresses = []\n",
    );
    check(
        "[accounts]\nal.domain = 'a.org' # d\n\n# b\nbo.domain = 'a.org'\n",
        &[set("al", Some("gone \"away\""))],
        "[accounts]\nal.domain = 'a.org' # d\nal.login_disabled = \"gone \\\"away\\\"\"\n\n# b\nbo.domain = 'a.org'\n",
    );
    check(
        "[accounts.al]\n\tdomain = 'a.org'\n\n\tlogin_disabled = 'x' # t\n\t# end\n",
        &[set("al", None)],
        "[accounts.al]\n\tdomain = 'a.org'\n\n\t# end\n",
    );
    check(
        "[accounts.al]\ndomain = 'a.org'",
        &[set("al", Some("x"))],
        "[accounts.al]\ndomain = 'a.org'\nlogin_disabled = \"x\"",
    );
    check(
        "[accounts]\nal = { login_disabled = 'x', domain = 'a.org' }\n",
        &[set("al", None)],
        "[accounts]\nal = { domain = 'a.org' }\n",
    );
    check(
        "[accounts]\nal = { domain = 'a.org', login_disabled = 'x' }\n",
        &[set("al", None)],
        "[accounts]\nal = { domain = 'a.org' }\n",
    );
}

#[test]
fn destinations_come_and_go_in_any_form() {
    let header = "[accounts.al]\ndomain = 'a.org' # d\n\n[accounts.al.destinations] # all\n'al@a.org' = {} # own\n# more\n\n[x]\n";
    check(
        header,
        &[add("al", "@a.org")],
        "[accounts.al]\ndomain = 'a.org' # d\n\n[accounts.al.destinations] # all\n'al@a.org' = {} # own\n\"@a.org\" = {}\n# more\n\n[x]\n",
    );
    check(
        header,
        &[remove("al", "al@a.org")],
        "[accounts.al]\ndomain = 'a.org' # d\n\n[accounts.al.destinations] # all\n# more\n\n[x]\n",
    );
    check(
        "[accounts.al]\ndomain = 'a.org'\n[accounts.bo]\n",
        &[add("al", "al@a.org")],
        "[accounts.al]\ndomain = 'a.org'\n\n[accounts.al.destinations]\n\"al@a.org\" = {}\n\n[accounts.bo]\n",
    );
    let inline =
        "[accounts.al]\ndestinations = { 'al@a.org' = { mailbox = 'x' }, '@a.org' = {} } # d\n";
    check(
        inline,
        &[add("al", "b@a.org")],
        "[accounts.al]\ndestinations = { 'al@a.org' = { mailbox = 'x' }, '@a.org' = {}, \"b@a.org\" = {} } # d\n",
    );
    check(
        inline,
        &[remove("al", "al@a.org")],
        "[accounts.al]\ndestinations = { '@a.org' = {} } # d\n",
    );
    check(
        inline,
        &[remove("al", "@a.org")],
        "[accounts.al]\ndestinations = { 'al@a.org' = { mailbox = 'x' } } # d\n",
    );
    let dotted = "[accounts]\nal.destinations.'al@a.org'.mailbox = 'x' # d\nal.destinations.'@a.org' = {}\nbo.domain = 'x'\n";
    check(
        dotted,
        &[add("al", "b@a.org")],
        "[accounts]\nal.destinations.'al@a.org'.mailbox = 'x' # d\nal.destinations.'@a.org' = {}\nal.destinations.\"b@a.org\" = {}\nbo.domain = 'x'\n",
    );
    check(
        dotted,
        &[remove("al", "al@a.org")],
        "[accounts]\nal.destinations.'@a.org' = {}\nbo.domain = 'x'\n",
    );
    let flat = "accounts.al = { destinations.'al@a.org'.mailbox = 'x', destinations.'b@a.org' = {}, domain = 'a.org' }\n";
    check(
        flat,
        &[remove("al", "al@a.org")],
        "accounts.al = { destinations.'b@a.org' = {}, domain = 'a.org' }\n",
    );
    check(
        flat,
        &[remove("al", "b@a.org")],
        "accounts.al = { destinations.'al@a.org'.mailbox = 'x', domain = 'a.org' }\n",
    );
    check(
        flat,
        &[add("al", "c@a.org")],
        "accounts.al = { destinations.'al@a.org'.mailbox = 'x', destinations.'b@a.org' = {}, destinations.\"c@a.org\" = {}, domain = 'a.org' }\n",
    );
    let tables = "[accounts.al.destinations.'al@a.org']\nmailbox = 'x'\n\n[accounts.al.destinations.'b@a.org']\n";
    check(
        tables,
        &[remove("al", "al@a.org")],
        "[accounts.al.destinations.'b@a.org']\n",
    );
}

#[test]
fn what_is_removed_takes_its_comment_along() {
    let text = "# mine\n\n# al\n# too\n[accounts.al] # x\n# domain\ndomain = 'a.org'\n\n[accounts.al.destinations]\n'al@a.org' = {}\n\n\n# bo\n[accounts.bo]\ndomain = 'a.org'\n# rest\n\n# end\n";
    check(
        text,
        &[remove_account("al")],
        "# mine\n\n# bo\n[accounts.bo]\ndomain = 'a.org'\n# rest\n\n# end\n",
    );
    check(
        text,
        &[remove_account("bo")],
        "# mine\n\n# al\n# too\n[accounts.al] # x\n# domain\ndomain = 'a.org'\n\n[accounts.al.destinations]\n'al@a.org' = {}\n\n\n# rest\n\n# end\n",
    );
    check(
        "[a]\n\n[domains.'a.org']\n",
        &[remove_domain("a.org")],
        "[a]\n",
    );
    check(
        "[domains]\n'a.org' = {} # x\n'b.org' = {}\n",
        &[remove_domain("a.org")],
        "[domains]\n'b.org' = {}\n",
    );
    check(
        "[domains]\n'a.org'.disabled = true\n'b.org' = {}\n[domains.'a.org'.aliases.t]\naddresses = []\n[z]\n",
        &[remove_domain("a.org")],
        "[domains]\n'b.org' = {}\n[z]\n",
    );
}

#[test]
fn members_leave_lists_of_any_form() {
    let list =
        |text: &str| format!("[domains.'a.org'.aliases]\nteam = {{ addresses = {text} }} # t\n");
    for (before, member, after) in [
        (
            "['x@a.org', 'y@a.org', 'z@a.org']",
            "x@a.org",
            "['y@a.org', 'z@a.org']",
        ),
        (
            "['x@a.org', 'y@a.org', 'z@a.org']",
            "y@a.org",
            "['x@a.org', 'z@a.org']",
        ),
        (
            "['x@a.org', 'y@a.org', 'z@a.org' ]",
            "z@a.org",
            "['x@a.org', 'y@a.org' ]",
        ),
        ("[ 'x@a.org' ]", "x@a.org", "[  ]"),
        (
            "[\n  'x@a.org', # x\n  'y@a.org' # y\n]",
            "x@a.org",
            "[\n  'y@a.org' # y\n]",
        ),
        (
            "[\n  'x@a.org', # x\n  'y@a.org' # y\n]",
            "y@a.org",
            "[\n  'x@a.org', # x\n]",
        ),
        (
            "['x@a.org', # x\n  'y@a.org']",
            "y@a.org",
            "['x@a.org', # x\n  ]",
        ),
        (
            "['x@a.org', # x\n  'y@a.org']",
            "x@a.org",
            "[ # x\n  'y@a.org']",
        ),
    ] {
        check(&list(before), &[remove_member(member)], &list(after));
    }
    let all = list("['x@a.org', 'y@a.org', 'z@a.org']");
    check(
        &all,
        &[remove_member("x@a.org"), remove_member("y@a.org")],
        &list("['z@a.org']"),
    );
    assert_eq!(
        apply(&all, &[remove_member("w@a.org")]),
        Err(EditError::Missing(
            "w@a.org in domains.\"a.org\".aliases.team.addresses".into()
        ))
    );
}

#[test]
fn members_join_lists_of_any_form() {
    let list =
        |text: &str| format!("[domains.'a.org'.aliases]\nteam = {{ addresses = {text} }} # t\n");
    let more = Edit::AliasMembersAdd {
        alias: address("team@a.org"),
        members: vec![address("y@a.org"), address("z@a.org")],
    };
    for (before, after) in [
        ("[]", "[\"y@a.org\", \"z@a.org\"]"),
        ("[ # none\n]", "[\"y@a.org\", \"z@a.org\" # none\n]"),
        ("['x@a.org' ]", "['x@a.org', \"y@a.org\", \"z@a.org\" ]"),
        ("['x@a.org', ]", "['x@a.org', \"y@a.org\", \"z@a.org\", ]"),
        (
            "[\n  'x@a.org', # x, and\n  # more\n]",
            "[\n  'x@a.org', # x, and\n  \"y@a.org\",\n  \"z@a.org\",\n  # more\n]",
        ),
        (
            "[\n\t'x@a.org' # x\n]",
            "[\n\t'x@a.org', # x\n\t\"y@a.org\",\n\t\"z@a.org\",\n]",
        ),
        (
            "[\n  'x@a.org' # ,\n  , ]",
            "[\n  'x@a.org' # ,\n  , \"y@a.org\", \"z@a.org\", ]",
        ),
    ] {
        check(&list(before), std::slice::from_ref(&more), &list(after));
    }
}

#[test]
fn lists_keep_the_items_that_stay() {
    let to = |texts: &[&str]| Edit::DomainSet {
        domain: domain("a.org"),
        key: "localpart_catchall_separators",
        value: Some(Value::Texts(
            texts.iter().map(ToString::to_string).collect(),
        )),
    };
    let text = "[domains.'a.org']\nlocalpart_catchall_separators = ['+', # plus\n  '-'] # all\n";
    let list =
        |list: &str| format!("[domains.'a.org']\nlocalpart_catchall_separators = {list} # all\n");
    for (texts, after) in [
        (&["+", "-"][..], "['+', # plus\n  '-']"),
        (&["+", "-", "."], "['+', # plus\n  '-', \".\"]"),
        (&["-"], "[ # plus\n  '-']"),
        (&["."], "[\".\"]"),
        (&[], "[]"),
    ] {
        check(text, &[to(texts)], &list(after));
    }
    check(
        "[domains]\n'a.org' = {}\n",
        &[to(&["+"])],
        "[domains]\n'a.org' = { localpart_catchall_separators = [\"+\"] }\n",
    );
}

#[test]
fn what_is_within_a_domain_takes_the_form_around_it() {
    let alias = Edit::AliasAdd {
        alias: address("team@a.org"),
        members: vec![address("x@a.org")],
    };
    let key = Edit::DkimAdd {
        domain: domain("a.org"),
        selector: "k".into(),
        key_file: "k.pem".into(),
    };
    let sign = Edit::DkimSign {
        domain: domain("a.org"),
        selectors: vec!["k".into()],
    };
    check(
        "[domains.'a.org'] # a\n\n[x]\n",
        &[alias.clone(), key.clone(), sign.clone()],
        "[domains.'a.org'] # a\n\n[domains.\"a.org\".aliases.team]\naddresses = [\"x@a.org\"]\npost_public = true\n\n\
         [domains.\"a.org\".dkim]\nsign = [\"k\"]\n\n[domains.\"a.org\".dkim.selectors.k]\nkey_file = \"k.pem\"\n\n[x]\n",
    );
    check(
        "[domains]\n'a.org' = { disabled = true }\n",
        &[alias.clone(), key.clone(), sign.clone()],
        "[domains]\n'a.org' = { disabled = true, aliases = { team = { addresses = [\"x@a.org\"], post_public = true } }, \
         dkim = { selectors = { k = { key_file = \"k.pem\" } }, sign = [\"k\"] } }\n",
    );
    check(
        "domains.'a.org'.disabled = true\n",
        &[alias.clone(), key.clone()],
        "domains.'a.org'.disabled = true\ndomains.'a.org'.aliases = { team = { addresses = [\"x@a.org\"], post_public = true } }\n\
         domains.'a.org'.dkim = { selectors = { k = { key_file = \"k.pem\" } } }\n",
    );
    check(
        "[domains.'a.org'.aliases]\nall = { addresses = [] } # all\n[domains.'a.org'.dkim.selectors.j]\nkey_file = 'j'\n",
        &[alias, key],
        "[domains.'a.org'.aliases]\nall = { addresses = [] } # all\nteam = { addresses = [\"x@a.org\"], post_public = true }\n\
         [domains.'a.org'.dkim.selectors.j]\nkey_file = 'j'\n\n[domains.\"a.org\".dkim.selectors.k]\nkey_file = \"k.pem\"\n",
    );
}

#[test]
fn what_does_not_fit_is_refused() {
    let text = "[accounts.al]\ndestinations = 5\n[domains.'a.org']\n";
    assert_eq!(
        apply(text, &[remove_account("bo")]),
        Err(EditError::Missing("accounts.bo".into()))
    );
    assert_eq!(
        apply(text, &[add_account("al", "a.org", &[])]),
        Err(EditError::Exists("accounts.al".into()))
    );
    assert_eq!(
        apply(text, &[add("al", "a@a.org")]),
        Err(EditError::Shape("accounts.al.destinations".into()))
    );
    assert_eq!(apply("[x", &[remove_account("bo")]), Err(EditError::Syntax));
}

#[test]
fn later_changes_see_earlier_ones() {
    let edits = [
        add_account("al", "a.org", &["al@a.org"]),
        add("al", "b@a.org"),
        set("al", Some("x")),
        remove("al", "al@a.org"),
    ];
    check(
        "",
        &edits,
        "[accounts.al]\ndomain = \"a.org\"\nlogin_disabled = \"x\"\n[accounts.al.destinations]\n\"b@a.org\" = {}\n",
    );
}

proptest! {
    #[test]
    fn nothing_panics(text in "[\\[\\]{}=.,#\"' \n\rab]{0,40}", which in 0usize..4) {
        let edit = match which {
            0 => add_account("a", "a.org", &["a@a.org"]),
            1 => remove_account("a"),
            2 => add("a", "a@a.org"),
            _ => disable("a", true),
        };
        let text = format!("{text}\naccounts.a.b = 1\n");
        if let Ok(changed) = apply(&text, &[edit]) {
            prop_assert!(crate::config::document::parse(&changed).1.is_empty(), "{}", changed);
        }
    }
}
