//! Random changes of a file in every form: what they do to the model is what they say, and every line
//! about anything else stays as it was.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;

use super::{add_account, address, apply, disable, domain, pattern, set};
use crate::addr::{AccountName, Address, Domain};
use crate::config::edit::{Edit, Value, about, plan};
use crate::config::excerpt;
use crate::config::model::{
    Account, AddressPattern, Alias, Config, Destination, DkimSelector, DomainConfig,
};
use crate::config::{Unchecked, parse};

/// How a person might have written an account.
#[derive(Debug, Clone, Copy)]
pub(super) enum Style {
    Headers,
    InlineDestinations,
    InlineAll,
    Dotted,
}

/// A file with two domains and accounts in these styles. Every line that is about an account or a
/// domain names it, in a comment if need be.
pub(super) fn file(
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

pub(super) fn read(text: &str) -> Config {
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
            config.domains.insert(domain.clone(), Arc::new(new));
            domain.unicode()
        }
        Edit::DomainRemove { domain } => {
            config.domains.remove(domain);
            domain.unicode()
        }
        Edit::DomainSetDisabled { domain, disabled } => {
            domain_of(config, domain).disabled = *disabled;
            domain.unicode()
        }
        Edit::AccountAdd {
            account,
            domain,
            destinations,
        } => {
            let new = Account {
                domain: domain.clone(),
                full_name: String::new(),
                login_disabled: String::new(),
                quota: 0,
                destinations: destinations.iter().map(|d| (d.clone(), inbox())).collect(),
                routes: Vec::new(),
            };
            config.accounts.insert(account.clone(), Arc::new(new));
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
            account_of(config, account).login_disabled = text;
            account.to_string()
        }
        Edit::DestinationAdd { account, pattern } => {
            let all: &mut BTreeMap<_, _> = &mut account_of(config, account).destinations;
            all.insert(pattern.clone(), inbox());
            account.to_string()
        }
        Edit::DestinationRemove { account, pattern } => {
            account_of(config, account).destinations.remove(pattern);
            account.to_string()
        }
        Edit::AliasAdd { alias, members } => {
            let new = Alias {
                addresses: members.clone(),
                post_public: true,
                list_members: false,
                allow_msg_from: false,
            };
            let domain = domain_of(config, &alias.domain);
            domain.aliases.insert(alias.localpart.clone(), new);
            alias.domain.unicode()
        }
        Edit::AliasRemove { alias } => {
            let domain = domain_of(config, &alias.domain);
            domain.aliases.remove(&alias.localpart);
            alias.domain.unicode()
        }
        Edit::AliasSet { alias, value, .. } => {
            alias_of(config, alias).list_members = *value == Value::Boolean(true);
            alias.domain.unicode()
        }
        Edit::AliasMembersAdd { alias, members } => {
            alias_of(config, alias).addresses.extend_from_slice(members);
            alias.domain.unicode()
        }
        Edit::AliasMemberRemove { alias, member } => {
            alias_of(config, alias).addresses.retain(|m| m != member);
            alias.domain.unicode()
        }
        Edit::DomainSet { domain, value, .. } => {
            let config = domain_of(config, domain);
            config.localpart_catchall_separators = match value {
                Some(Value::Texts(texts)) => texts.clone(),
                _ => Vec::new(),
            };
            domain.unicode()
        }
        Edit::DkimAdd {
            domain,
            selector,
            key_file,
        } => {
            let dkim = &mut domain_of(config, domain).dkim;
            let key_file = Path::new("/x").join(key_file);
            dkim.selectors
                .insert(selector.clone(), DkimSelector { key_file });
            domain.unicode()
        }
        Edit::DkimRemove { domain, selector } => {
            let dkim = &mut domain_of(config, domain).dkim;
            dkim.selectors.remove(selector);
            domain.unicode()
        }
        Edit::DkimSign { domain, selectors } => {
            let dkim = &mut domain_of(config, domain).dkim;
            dkim.sign = selectors.clone();
            domain.unicode()
        }
        Edit::Merge(_) => unreachable!("not among them"),
    }
}

fn inbox() -> Destination {
    Destination {
        mailbox: "Inbox".into(),
        rulesets: [].into(),
    }
}

fn domain_of<'c>(config: &'c mut Config, name: &Domain) -> &'c mut DomainConfig {
    Arc::make_mut(config.domains.get_mut(name).expect("there"))
}

fn account_of<'c>(config: &'c mut Config, name: &AccountName) -> &'c mut Account {
    Arc::make_mut(config.accounts.get_mut(name).expect("there"))
}

fn alias_of<'c>(config: &'c mut Config, alias: &Address) -> &'c mut Alias {
    let domain = domain_of(config, &alias.domain);
    domain.aliases.get_mut(&alias.localpart).expect("there")
}

/// One of the changes within a domain, if it makes sense now.
fn within_domain(model: &Config, kind: usize, which: usize, step: usize) -> Option<Edit> {
    let domain = domain(["d0.org", "d1.org"][which % 2]);
    let config = &model.domains[&domain];
    let first = config.aliases.first_key_value();
    let alias = |localpart: &str| address(&format!("{localpart}@{domain}"));
    let there = || first.map(|(localpart, config)| (alias(localpart.as_str()), config));
    let addresses = model.accounts.values().flat_map(|a| a.destinations.keys());
    let addresses: Vec<Address> = addresses
        .filter_map(|pattern| match pattern {
            AddressPattern::Address(address) => Some(address.clone()),
            AddressPattern::Catchall(_) => None,
        })
        .collect();
    let selector = config.dkim.selectors.keys().next();
    Some(match kind {
        0 => Edit::AliasAdd {
            alias: alias(&format!("alias{step}")),
            members: addresses.into_iter().take(which.max(1)).collect(),
        },
        1 => Edit::AliasRemove { alias: there()?.0 },
        2 => Edit::AliasSet {
            alias: there()?.0,
            key: "list_members",
            value: Value::Boolean(which > 3),
        },
        3 => {
            let (alias, config) = there()?;
            let mut members = addresses;
            members.retain(|member| !config.addresses.contains(member));
            if members.is_empty() {
                return None;
            }
            Edit::AliasMembersAdd { alias, members }
        }
        4 => {
            let (alias, config) = there().filter(|(_, config)| config.addresses.len() > 1)?;
            let member = config.addresses[which % config.addresses.len()].clone();
            Edit::AliasMemberRemove { alias, member }
        }
        5 => Edit::DomainSet {
            domain,
            key: "localpart_catchall_separators",
            value: [None, Some(&["+"][..]), Some(&["+", "--"]), Some(&["--"])][which % 4]
                .map(|texts| Value::Texts(texts.iter().map(ToString::to_string).collect())),
        },
        6 => Edit::DkimAdd {
            domain,
            selector: format!("k{step}"),
            key_file: format!("dkim/k{step}.pem"),
        },
        7 => Edit::DkimSign {
            domain,
            selectors: config.dkim.selectors.keys().take(which).cloned().collect(),
        },
        _ => {
            let selector = selector.filter(|name| !config.dkim.sign.contains(name))?;
            Edit::DkimRemove {
                domain,
                selector: selector.clone(),
            }
        }
    })
}

/// Whether an alias would lose a member with it.
fn breaks_alias(model: &Config, gone: impl Fn(&Address) -> bool) -> bool {
    let mut aliases = model.domains.values().flat_map(|d| d.aliases.values());
    aliases.any(|alias| alias.addresses.iter().any(&gone))
}

pub(super) fn style() -> impl Strategy<Value = Style> {
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
        kinds in proptest::collection::vec((0usize..18, 0usize..8), 1..6),
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
            let has = |name: &AccountName, member: &Address| {
                let pattern = AddressPattern::Address(member.clone());
                model.accounts[name].destinations.contains_key(&pattern)
            };
            let edit = match kind {
                0 => Edit::DomainAdd { domain: domain(&format!("new{step}.org")), disabled: which > 3, dkim: vec![] },
                1 => disable(["d0.org", "d1.org"][which % 2], which > 3),
                2 => add_account(&format!("new{step}"), "d0.org", &[&format!("new{step}@d0.org")]),
                3 if model.accounts.len() > 1 && !breaks_alias(&model, |m| has(&name, m)) => {
                    Edit::AccountRemove { account: name }
                }
                4 => set(name.as_str(), Some("moved \\ \"away\"")),
                5 => set(name.as_str(), None),
                6 => Edit::DestinationAdd { account: name, pattern: pattern(&new) },
                7 => match model.accounts[&name].destinations.keys().next() {
                    Some(AddressPattern::Address(first)) if breaks_alias(&model, |m| m == first) => continue,
                    Some(first) => Edit::DestinationRemove { account: name.clone(), pattern: first.clone() },
                    None => continue,
                },
                8 => match model.domains.keys().find(|d| d.ascii().starts_with("new")) {
                    Some(unused) => Edit::DomainRemove { domain: unused.clone() },
                    None => continue,
                },
                kind @ 9.. => match within_domain(&model, kind - 9, which, step) {
                    Some(edit) => edit,
                    None => continue,
                },
                _ => continue,
            };
            touched.push(expected(&mut model, &edit));
            let alone = std::slice::from_ref(&edit);
            let changed = apply(&text, alone).expect("made");
            // Reading only some parts of the text finds the same places.
            let (_, splices) = plan(&text, alone, &about(&text, alone)).expect("made");
            let whole = plan(&text, alone, &[excerpt::whole(&text)]).expect("made");
            prop_assert_eq!((1, splices), whole);
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
}
