//! Edits of files as people write them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::{Edit, EditError, Value, apply};
use crate::addr::{AccountName, Address, Domain};
use crate::config::model::{Account, AddressPattern, Config, Destination, DomainConfig};
use crate::config::{Unchecked, parse};

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

/// How a person might have written an account.
#[derive(Debug, Clone, Copy)]
enum Style {
    Headers,
    InlineDestinations,
    InlineAll,
    Dotted,
}

/// A file with two domains and accounts in these styles. Every line that is about an account or a
/// domain names it, in a comment if need be.
fn file(
    styles: &[Style],
    domain_styles: &[Style],
    comments: &[bool],
    crlf: bool,
    open: bool,
) -> String {
    let mut lines: Vec<String> = vec![
        "# the server".into(),
        "[server] # s".into(),
        "hostname = 'h.org' # h".into(),
        String::new(),
        "[listeners.x]".into(),
        "ips = ['::1'] # i".into(),
    ];
    let mut comments = comments.iter().copied().cycle();
    let mut comment = |lines: &mut Vec<String>, text: &str| {
        if comments.next().unwrap_or(false) {
            lines.push(format!("# {text}"));
        }
    };
    let mut plain: Vec<String> = vec!["[domains] # all domains".into()];
    let mut headers: Vec<String> = Vec::new();
    for (i, style) in domain_styles.iter().enumerate() {
        let n = format!("d{i}.org");
        comment(&mut headers, "loose");
        match style {
            Style::Headers => {
                headers.push(String::new());
                comment(&mut headers, &n);
                headers.push(format!("[domains.'{n}'] # {n}"));
                comment(&mut headers, &n);
                headers.push(format!("localpart_case_sensitive = true # {n}"));
            }
            Style::InlineDestinations | Style::InlineAll => {
                plain.push(format!(
                    "'{n}' = {{ localpart_case_sensitive = true }} # {n}"
                ));
            }
            Style::Dotted => plain.push(format!("'{n}'.localpart_case_sensitive = true # {n}")),
        }
        comment(&mut plain, "loose too");
    }
    lines.push(String::new());
    lines.append(&mut plain);
    lines.append(&mut headers);
    plain.push("[accounts] # all accounts".into());
    for (i, style) in styles.iter().enumerate() {
        let n = format!("acc{i}");
        let d = format!("d{}.org", i % 2);
        match style {
            Style::Headers | Style::InlineDestinations => {
                headers.push(String::new());
                comment(&mut headers, &n);
                headers.push(format!("[accounts.{n}] # {n}"));
                headers.push(format!("\tdomain = '{d}' # {n}"));
                comment(&mut headers, &n);
                if matches!(style, Style::Headers) {
                    comment(&mut headers, &n);
                    headers.push(format!("[accounts.{n}.destinations]"));
                    headers.push(format!("\t'{n}@{d}' = {{}} # {n}"));
                    headers.push(format!("\t'{n}.two@{d}'.mailbox = 'Two' # {n}"));
                } else {
                    headers.push(format!("\tdestinations = {{ '{n}@{d}' = {{}}, '{n}.two@{d}'.mailbox = 'Two' }} # {n}"));
                }
            }
            Style::InlineAll => plain.push(format!(
                "{n} = {{ domain = '{d}', destinations.'{n}@{d}' = {{}}, destinations.'{n}.two@{d}' = {{ mailbox = 'Two' }} }} # {n}"
            )),
            Style::Dotted => {
                plain.push(format!("{n}.domain = '{d}' # {n}"));
                comment(&mut plain, "loose three");
                plain.push(format!("{n}.destinations.'{n}@{d}' = {{}} # {n}"));
                plain.push(format!("{n}.destinations.'{n}.two@{d}'.mailbox = 'Two' # {n}"));
            }
        }
    }
    lines.push(String::new());
    lines.append(&mut plain);
    lines.append(&mut headers);
    lines.push(String::new());
    lines.push("# the end".into());
    let eol = if crlf { "\r\n" } else { "\n" };
    let mut text = lines.join(eol);
    if !open {
        text.push_str(eol);
    }
    text
}

fn read(text: &str) -> Config {
    parse(text, Path::new("/x/mox.toml"), &Unchecked).unwrap_or_else(|e| panic!("{e:#?}\n{text}"))
}

/// What an edit does to the model, and what is written on the lines that it may touch.
fn expected(config: &mut Config, edit: &Edit) -> String {
    match edit {
        Edit::DomainAdd {
            domain, disabled, ..
        } => {
            let new = DomainConfig {
                disabled: *disabled,
                ..DomainConfig::default()
            };
            config.domains.insert(domain.clone(), new);
            domain.unicode()
        }
        Edit::DomainRemove { domain } => {
            config.domains.remove(domain);
            domain.unicode()
        }
        Edit::DomainSetDisabled { domain, disabled } => {
            config.domains.get_mut(domain).expect("there").disabled = *disabled;
            domain.unicode()
        }
        Edit::AccountAdd {
            account,
            domain,
            destinations,
        } => {
            let inbox = || Destination {
                mailbox: "Inbox".into(),
            };
            let new = Account {
                domain: domain.clone(),
                full_name: String::new(),
                login_disabled: String::new(),
                quota: 0,
                destinations: destinations.iter().map(|d| (d.clone(), inbox())).collect(),
                routes: Vec::new(),
            };
            config.accounts.insert(account.clone(), new);
            account.to_string()
        }
        Edit::AccountRemove { account } => {
            config.accounts.remove(account);
            account.to_string()
        }
        Edit::AccountSet { account, value, .. } => {
            let text = match value {
                Some(Value::Text(text)) => text.clone(),
                _ => String::new(),
            };
            config
                .accounts
                .get_mut(account)
                .expect("there")
                .login_disabled = text;
            account.to_string()
        }
        Edit::DestinationAdd { account, pattern } => {
            let all: &mut BTreeMap<_, _> = &mut config
                .accounts
                .get_mut(account)
                .expect("there")
                .destinations;
            all.insert(
                pattern.clone(),
                Destination {
                    mailbox: "Inbox".into(),
                },
            );
            account.to_string()
        }
        Edit::DestinationRemove { account, pattern } => {
            config
                .accounts
                .get_mut(account)
                .expect("there")
                .destinations
                .remove(pattern);
            account.to_string()
        }
        Edit::AliasMemberRemove { .. } => unreachable!("not among them"),
    }
}

fn style() -> impl Strategy<Value = Style> {
    prop_oneof![
        Just(Style::Headers),
        Just(Style::InlineDestinations),
        Just(Style::InlineAll),
        Just(Style::Dotted),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]
    #[test]
    fn an_edit_changes_what_it_says_and_nothing_else(
        styles in proptest::collection::vec(style(), 2..5),
        domain_styles in proptest::collection::vec(style(), 2),
        comments in proptest::collection::vec(any::<bool>(), 1..12),
        crlf: bool,
        open: bool,
        kinds in proptest::collection::vec((0usize..9, 0usize..8), 1..5),
    ) {
        let mut text = file(&styles, &domain_styles, &comments, crlf, open);
        let mut model = read(&text);
        let first = text.clone();
        let mut edits = Vec::new();
        let mut touched = Vec::new();
        for (step, (kind, which)) in kinds.into_iter().enumerate() {
            let names: Vec<AccountName> = model.accounts.keys().cloned().collect();
            let name = names[which % names.len()].clone();
            let here = model.accounts[&name].domain.clone();
            let new = format!("new{step}@{here}");
            let edit = match kind {
                0 => Edit::DomainAdd { domain: domain(&format!("new{step}.org")), disabled: which > 3, dkim: vec![] },
                1 => disable(["d0.org", "d1.org"][which % 2], which > 3),
                2 => add_account(&format!("new{step}"), "d0.org", &[&format!("new{step}@d0.org")]),
                3 if model.accounts.len() > 1 => Edit::AccountRemove { account: name },
                4 => set(name.as_str(), Some("moved \\ \"away\"")),
                5 => set(name.as_str(), None),
                6 => Edit::DestinationAdd { account: name, pattern: pattern(&new) },
                7 => match model.accounts[&name].destinations.keys().next() {
                    Some(first) => Edit::DestinationRemove { account: name.clone(), pattern: first.clone() },
                    None => continue,
                },
                8 => match model.domains.keys().find(|d| d.ascii().starts_with("new")) {
                    Some(unused) => Edit::DomainRemove { domain: unused.clone() },
                    None => continue,
                },
                _ => continue,
            };
            touched.push(expected(&mut model, &edit));
            let changed = apply(&text, std::slice::from_ref(&edit)).expect("made");
            prop_assert_eq!(&read(&changed), &model, "{:?}\n{}\n→\n{}", edit, text, changed);
            // Every line about anything else is there, as it was, in the same order.
            let mut lines = changed.split('\n');
            for line in first.split('\n') {
                if line.trim().is_empty() || touched.iter().any(|name| line.contains(name)) {
                    continue;
                }
                let bare = line.trim_end_matches('\r');
                prop_assert!(
                    lines.any(|l| l == line || (open && l.trim_end_matches('\r') == bare)),
                    "{:?} lost {:?}\n{}\n→\n{}", edit, line, text, changed
                );
            }
            if crlf {
                prop_assert!(!changed.replace("\r\n", "").contains('\n'), "{:?}: {:?}", edit, changed);
            }
            text = changed;
            edits.push(edit);
        }
        prop_assert_eq!(apply(&first, &edits).expect("made"), text);
    }

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
