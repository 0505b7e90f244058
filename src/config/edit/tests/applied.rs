//! Files of `config apply` on files in every form: afterwards nothing differs, and every line about
//! anything that the plan does not name stays as it was.

use std::path::Path;

use proptest::prelude::*;

use super::untouched::{file, read, style};
use super::{Edit, apply};
use crate::config::desired::{self, Difference};
use crate::config::model::Config;
use crate::config::{Unchecked, parse};

const MOX_TOML: &str = "/x/mox.toml";

/// The differences, and the text with them made.
fn applied(text: &str, wanted: &str, prune: bool) -> (Vec<Difference>, String) {
    let current = read(text);
    let desired = desired::read(
        wanted,
        "f",
        Path::new(MOX_TOML),
        &Unchecked,
        &current,
        prune,
    );
    let desired = desired.unwrap_or_else(|e| panic!("{e:#?}\n{wanted}"));
    let differences = desired.differences(&current);
    let edits = desired::edits(differences.clone(), &Default::default());
    let changed = apply(text, &[Edit::Merge(edits)]);
    (
        differences,
        changed.unwrap_or_else(|e| panic!("{e}\n{text}\n+\n{wanted}")),
    )
}

fn left(text: &str, config: &Config, wanted: &str, prune: bool) -> Vec<Difference> {
    let desired = desired::read(wanted, "f", Path::new(MOX_TOML), &Unchecked, config, prune);
    desired
        .unwrap_or_else(|e| panic!("{e:#?}\n{text}"))
        .differences(config)
}

/// What a file might want of an account or a domain.
#[derive(Debug, Clone)]
struct Wish {
    there: bool,
    inline: bool,
    name: Option<&'static str>,
    quota: Option<&'static str>,
    /// Of each of three addresses: not there, there, there with a mailbox.
    addresses: Vec<Option<&'static str>>,
    flag: Option<bool>,
    /// The alias of the domain.
    alias: Option<bool>,
}

fn wish() -> impl Strategy<Value = Wish> {
    let mailbox = prop_oneof![
        Just(None),
        Just(Some("{}")),
        Just(Some("{ mailbox = 'Two' }")),
        Just(Some("{ mailbox = \"Three # 3\" }")),
    ];
    (
        any::<bool>(),
        any::<bool>(),
        proptest::sample::select(vec![None, Some("''"), Some("\"N '1'\""), Some("'#'")]),
        proptest::sample::select(vec![None, Some("'1KB'"), Some("1024"), Some("0")]),
        proptest::collection::vec(mailbox, 3),
        any::<Option<bool>>(),
        any::<Option<bool>>(),
    )
        .prop_map(
            |(there, inline, name, quota, addresses, flag, alias)| Wish {
                there,
                inline,
                name,
                quota,
                addresses,
                flag,
                alias,
            },
        )
}

fn wanted(domains: &[Wish], accounts: &[Wish]) -> String {
    let mut text = String::from("# wanted\n");
    let mut first = None;
    for (i, wish) in accounts.iter().enumerate().filter(|(_, wish)| wish.there) {
        let (n, d) = (format!("acc{i}"), format!("d{}.org", i % 2));
        let mut keys = vec![format!("domain = '{d}'")];
        keys.extend(wish.name.map(|name| format!("full_name = {name}")));
        keys.extend(wish.quota.map(|quota| format!("quota = {quota}")));
        let named = ["", ".two", ".three"].iter().zip(&wish.addresses);
        let addresses: Vec<String> = named
            .filter_map(|(suffix, value)| Some(format!("'{n}{suffix}@{d}' = {}", (*value)?)))
            .collect();
        if wish.addresses[0].is_some() {
            first.get_or_insert((i, format!("{n}@{d}")));
        }
        match wish.inline {
            true => {
                keys.push(format!("destinations = {{ {} }}", addresses.join(", ")));
                text.push_str(
                    &format!("[accounts]\n{n} = {{ {} }}\n", keys.join(", "))
                        .replace("[accounts]\n", ""),
                );
            }
            false => text.push_str(&format!(
                "[accounts.{n}]\n{}\n[accounts.{n}.destinations]\n{}\n",
                keys.join("\n"),
                addresses.join("\n")
            )),
        }
    }
    // Inline ones must stand directly under the header.
    let (inline, sections): (Vec<&str>, Vec<&str>) = text
        .lines()
        .partition(|line| line.starts_with("acc") && line.contains(" = { "));
    let mut text = format!(
        "[accounts]\n{}\n{}\n",
        inline.join("\n"),
        sections.join("\n")
    );
    for (i, wish) in domains.iter().enumerate().filter(|(_, wish)| wish.there) {
        text.push_str(&format!("[domains.'d{i}.org']\n"));
        if let Some(flag) = wish.flag {
            text.push_str(&format!("disabled = {flag}\n"));
        }
        if let (Some(public), Some((_, member))) = (wish.alias, &first) {
            text.push_str(&format!(
                "[domains.'d{i}.org'.aliases.team]\naddresses = ['{member}']\npost_public = {public}\n"
            ));
        }
    }
    text
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]
    #[test]
    fn what_a_file_wants_is_there_afterwards(
        styles in proptest::collection::vec(style(), 2..5),
        domain_styles in proptest::collection::vec(style(), 2),
        comments in proptest::collection::vec(any::<bool>(), 1..12),
        crlf: bool,
        open: bool,
        prune: bool,
        domains in proptest::collection::vec(wish(), 3),
        accounts in proptest::collection::vec(wish(), 6),
        again in proptest::collection::vec(wish(), 6),
    ) {
        let first = file(&styles, &domain_styles, &comments, crlf, open);
        let mut text = first.clone();
        let mut touched: Vec<String> = Vec::new();
        for accounts in [&accounts, &again] {
            let mut domains = domains.clone();
            for domain in domains.iter_mut().take(2) {
                // Accounts are at them.
                domain.there = true;
            }
            let wanted = wanted(&domains, accounts);
            let (differences, changed) = applied(&text, &wanted, prune);
            touched.extend(differences.iter().map(|difference| difference.path[1].clone()));
            let config = match parse(&changed, Path::new(MOX_TOML), &Unchecked) {
                Ok(config) => config,
                // The plan refuses to take away the last account.
                Err(problems) => {
                    let last = problems.iter().all(|p| p.code == "key.missing");
                    prop_assert!(prune && last, "{:?}\n{}\n+\n{}\n→\n{}", problems, text, wanted, changed);
                    return Ok(());
                }
            };
            let left = left(&changed, &config, &wanted, prune);
            prop_assert!(left.is_empty(), "{:#?}\n{}\n+\n{}\n→\n{}", left, text, wanted, changed);
            prop_assert_eq!(differences.is_empty(), changed == text, "{:?}", differences);
            let mut lines = changed.split('\n');
            for line in first.split('\n') {
                if line.trim().is_empty() || touched.iter().any(|name| line.contains(name.as_str())) {
                    continue;
                }
                let bare = line.trim_end_matches('\r');
                prop_assert!(
                    lines.any(|l| l == line || (open && l.trim_end_matches('\r') == bare)),
                    "lost {:?}\n{}\n+\n{}\n→\n{}", line, text, wanted, changed
                );
            }
            if crlf {
                prop_assert!(!changed.replace("\r\n", "").contains('\n'), "{:?}", changed);
            }
            text = changed;
        }
    }
}

const SERVER: &str = "[server]\nhostname = 'h.org'\n[listeners.x]\nips = ['::1']\n";

fn check(text: &str, wanted: &str, prune: bool, after: &str) {
    let (_, changed) = applied(&format!("{SERVER}{text}"), wanted, prune);
    assert_eq!(changed, format!("{SERVER}{after}"));
    let (differences, again) = applied(&changed, wanted, prune);
    assert_eq!((differences, again), (Vec::new(), changed));
}

const ABC: &str = "[accounts.a]\ndomain = 'd.org'\ndestinations = {'a@d.org' = {}, 'b@d.org' = {}, 'c@d.org' = {}}\n";

#[test]
fn a_list_keeps_its_lines_and_their_comments() {
    let text = format!(
        "{ABC}[domains.'d.org'.aliases.team] # t\naddresses = [ # all\n  'a@d.org', # first\n  # b is away\n  'b@d.org', # second\n] # end\n"
    );
    let alias =
        |members: &str| format!("[domains.'d.org'.aliases.team]\naddresses = [{members}]\n");
    check(
        &text,
        &alias("'a@d.org', 'c@d.org'"),
        false,
        &format!(
            "{ABC}[domains.'d.org'.aliases.team] # t\naddresses = [ # all\n  'a@d.org', # first\n  \"c@d.org\",\n  # b is away\n] # end\n"
        ),
    );
    // In another order it is the same list.
    check(&text, &alias("'b@d.org', 'a@d.org'"), true, &text);
    // Without a comma at the end; all of them others; on one line.
    let ends =
        format!("{ABC}[domains.'d.org'.aliases.team]\naddresses = [\n\t'a@d.org' # first\n]\n");
    check(
        &ends,
        &alias("'a@d.org', 'b@d.org', 'c@d.org'"),
        false,
        &format!(
            "{ABC}[domains.'d.org'.aliases.team]\naddresses = [\n\t'a@d.org', # first\n\t\"b@d.org\",\n\t\"c@d.org\",\n]\n"
        ),
    );
    check(
        &ends,
        &alias("'c@d.org'"),
        false,
        &format!("{ABC}[domains.'d.org'.aliases.team]\naddresses = [\"c@d.org\"\n]\n"),
    );
    let line = format!(
        "{ABC}[domains.'d.org'.aliases]\nteam = {{ addresses = ['a@d.org', 'b@d.org',] }}\n"
    );
    check(
        &line,
        &alias("'b@d.org', 'c@d.org'"),
        false,
        &format!(
            "{ABC}[domains.'d.org'.aliases]\nteam = {{ addresses = ['b@d.org', \"c@d.org\",] }}\n"
        ),
    );
}

#[test]
fn tables_under_headers_of_their_own_are_replaced() {
    let text = "[domains.'d.org']\n[accounts.a] # a\ndomain = 'd.org'\n\n[[accounts.a.routes]] # one\nto = ['x.org']\ntransport = 'loopback'\naccount = 'a'\n\n[[accounts.a.routes]]\ntransport = 'loopback'\naccount = 'a'\n\n# end\n";
    check(
        text,
        "[accounts.a]\ndomain = 'd.org'\nroutes = [{ to = ['y.org'], transport = 'loopback', account = 'a' }]\n",
        false,
        "[domains.'d.org']\n[accounts.a] # a\ndomain = 'd.org'\nroutes = [{ to = [\"y.org\"], transport = \"loopback\", account = \"a\" }]\n\n# end\n",
    );
}

#[test]
fn other_spellings_of_a_value_are_no_difference() {
    let text = "[domains.'bücher.example']\n[accounts.a]\ndomain = 'bücher.example'\nquota = '1MB' # enough\ndestinations.'a@bücher.example' = {}\n";
    check(
        text,
        "[domains.'bücher.example']\ndisabled = false\n[accounts.a]\ndomain = 'bücher.example'\nquota = 1048576\nfull_name = ''\n[accounts.a.destinations.'a@bücher.example']\nmailbox = 'Inbox'\n",
        true,
        text,
    );
}

#[test]
fn problems_are_shown_where_the_file_has_them() {
    let current = read(&format!("{SERVER}[domains.'d.org']\n{ABC}"));
    for (wanted, message) in [
        (
            "[server]\n",
            "1:2: server is not a known key; known here: accounts, domains",
        ),
        (
            "[accounts.b]\ndomain = 'd.or'\n",
            "2:10: domain d.or is not configured; did you mean d.org?",
        ),
        ("[accounts.b]\n", "1:11: accounts.b.domain is missing; "),
        (
            "[domains.'d.org'.aliases.t]\naddresses = ['bb@d.org']\n",
            "2:14: no account has the address bb@d.org; did you mean b@d.org?",
        ),
        (
            "[domains.'d.org'.aliases.a]\naddresses = ['b@d.org']\n",
            "1:26: alias a@d.org is an address of account a; ",
        ),
        (
            "[domains.'d.org']\ndisabeld = true\n",
            "2:1: domains.\"d.org\".disabeld is not a known key; did you mean disabled?",
        ),
        (
            "accounts = 3\n",
            "1:12: accounts must be a table, not a number; ",
        ),
        ("[accounts\n", "1:10: unclosed table, expected `]`; "),
    ] {
        let read = desired::read(
            wanted,
            "f",
            Path::new(MOX_TOML),
            &Unchecked,
            &current,
            false,
        );
        let problems = read.err().unwrap_or_default();
        let said = problems.first().map(|p| {
            let place = p.position.as_ref().expect("a place");
            assert_eq!(place.file, "f");
            format!("{}:{}: {}; {}", place.line, place.column, p.message, p.hint)
        });
        assert_eq!(said.as_deref(), Some(message), "{wanted}");
    }
}
