//! Changes in any order: what is served after each is what the file says, what is refused changes
//! nothing, and the plan knows every reason to refuse before the file does.

use proptest::prelude::*;

use super::support::{World, account, address, domain, make};
use super::*;

const DOMAINS: [&str; 4] = [
    "example.org",
    "example.net",
    "new.example",
    "bücher.example",
];
const ACCOUNTS: [&str; 4] = ["alice", "bob", "carol", "döra"];
const LOCALPARTS: [&str; 6] = ["alice", "bob", "Bob2", "info", "bob+x", "team"];

fn any_domain() -> impl Strategy<Value = &'static str> {
    proptest::sample::select(&DOMAINS[..])
}

fn any_account() -> impl Strategy<Value = &'static str> {
    proptest::sample::select(&ACCOUNTS[..])
}

fn any_address() -> impl Strategy<Value = String> {
    (proptest::sample::select(&LOCALPARTS[..]), any_domain())
        .prop_map(|(localpart, domain)| format!("{localpart}@{domain}"))
}

fn any_change() -> impl Strategy<Value = Change> {
    prop_oneof![
        1 => (any_domain(), any_account(), proptest::option::of(Just("info")), any::<bool>())
            .prop_map(|(name, owner, localpart, disabled)| Change::DomainAdd {
                domain: domain(name),
                account: account(owner),
                localpart: localpart.map(|text| Localpart::parse(text).expect("a localpart")),
                disabled,
            }),
        2 => any_domain().prop_map(|name| Change::DomainRemove { domain: domain(name) }),
        4 => (any_domain(), any::<bool>()).prop_map(|(name, disabled)| Change::DomainSetDisabled {
            domain: domain(name),
            disabled,
        }),
        4 => (any_account(), any_address()).prop_map(|(name, at)| Change::AccountAdd {
            account: account(name),
            address: address(&at),
        }),
        4 => any_account().prop_map(|name| Change::AccountRemove { account: account(name) }),
        4 => (any_account(), proptest::sample::select(&["", "moved", "\"#"][..])).prop_map(
            |(name, message)| Change::AccountSetLoginDisabled {
                account: account(name),
                message: message.to_owned(),
            }
        ),
        6 => (any_address(), any_account()).prop_map(|(address, name)| Change::AddressAdd {
            address,
            account: account(name),
        }),
        3 => (any_domain(), any_account()).prop_map(|(at, name)| Change::AddressAdd {
            address: format!("@{at}"),
            account: account(name),
        }),
        8 => any_address().prop_map(|address| Change::AddressRemove { address }),
        2 => any_domain().prop_map(|at| Change::AddressRemove { address: format!("@{at}") }),
        1 => Just(Change::Adopt),
        4 => any_file(),
        3 => (1u64..8).prop_map(|generation| Change::Rollback { generation }),
        8 => any_alias_change(),
        4 => (any_domain(), proptest::option::of(proptest::sample::select(&["+", ".", "+ b", "--"][..])))
            .prop_map(|(name, value)| Change::DomainSet {
                domain: domain(name),
                key: "localpart_catchall_separators".to_owned(),
                value: value.map(str::to_owned),
            }),
        2 => (any_domain(), any::<bool>()).prop_map(|(name, value)| Change::DomainSet {
            domain: domain(name),
            key: "localpart_case_sensitive".to_owned(),
            value: Some(value.to_string()),
        }),
        2 => (any_account(), proptest::sample::select(&["0", "1GB", "1024MB", "5"][..])).prop_map(
            |(name, quota)| Change::AccountSet {
                account: account(name),
                key: "quota".to_owned(),
                value: Some(quota.to_owned()),
            }
        ),
    ]
}

/// A file to apply: domains, an alias, accounts with addresses. Often it is not valid.
fn any_file() -> impl Strategy<Value = Change> {
    use proptest::collection::{btree_map, btree_set, vec};
    let alias = (any_address(), vec(any_address(), 1..3));
    let addresses = btree_set(any_address(), 0..3);
    (
        proptest::sample::subsequence(DOMAINS.to_vec(), 0..=DOMAINS.len()),
        proptest::option::of(alias),
        btree_map(any_account(), (any_domain(), addresses), 0..4),
        any::<bool>(),
    )
        .prop_map(|(domains, alias, accounts, prune)| {
            let mut text = String::new();
            for name in domains {
                text += &format!("[domains.\"{name}\"]\n");
            }
            if let Some((alias, members)) = alias {
                let (localpart, domain) = alias.split_once('@').expect("an address");
                text += &format!(
                    "[domains.\"{domain}\".aliases.\"{localpart}\"]\naddresses = {members:?}\n"
                );
            }
            for (name, (domain, addresses)) in accounts {
                let addresses: Vec<String> = addresses
                    .iter()
                    .map(|address| format!("\"{address}\" = {{}}"))
                    .collect();
                text += &format!(
                    "[accounts.\"{name}\"]\ndomain = \"{domain}\"\ndestinations = {{ {} }}\n",
                    addresses.join(", ")
                );
            }
            Change::Apply {
                text,
                name: "mail.toml".to_owned(),
                prune,
            }
        })
}

fn any_alias_change() -> impl Strategy<Value = Change> {
    let members = || proptest::collection::vec(any_address(), 1..4);
    let parsed = |members: Vec<String>| members.iter().map(|m| address(m)).collect::<Vec<_>>();
    prop_oneof![
        3 => (any_address(), members()).prop_map(move |(alias, members)| Change::AliasAdd {
            alias: address(&alias),
            members: parsed(members),
        }),
        1 => any_address().prop_map(|alias| Change::AliasRemove { alias: address(&alias) }),
        1 => (any_address(), proptest::option::of(any::<bool>()), any::<bool>()).prop_map(
            |(alias, post_public, list)| Change::AliasUpdate {
                alias: address(&alias),
                post_public,
                list_members: Some(list),
                allow_msg_from: None,
            }
        ),
        2 => (any_address(), members(), any::<bool>()).prop_map(
            move |(alias, members, if_not_exists)| Change::AliasMembersAdd {
                alias: address(&alias),
                members: parsed(members),
                if_not_exists,
            }
        ),
        2 => (any_address(), members(), any::<bool>()).prop_map(
            move |(alias, members, if_exists)| Change::AliasMembersRemove {
                alias: address(&alias),
                members: parsed(members),
                if_exists,
            }
        ),
    ]
}

/// Whether the values of a change may be what is wrong with it.
fn may_be_usage(change: &Change) -> bool {
    matches!(
        change,
        Change::AliasAdd { .. } | Change::AliasMembersAdd { .. } | Change::DomainSet { .. }
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn every_order_of_changes(changes in proptest::collection::vec((any_change(), any::<bool>()), 1..25)) {
        let world = World::new();
        let admin = world.loaded();
        let mut generation = 1;
        for (change, finish) in changes {
            let before = world.text();
            let prepared = match admin.prepare(&change) {
                Ok(prepared) => prepared,
                Err(AdminError::Conflict { .. } | AdminError::NotFound { .. }) => {
                    prop_assert_eq!(&world.text(), &before);
                    continue;
                }
                Err(AdminError::Usage(_)) if may_be_usage(&change) => {
                    prop_assert_eq!(&world.text(), &before);
                    continue;
                }
                Err(AdminError::Invalid(_)) if matches!(change, Change::Apply { .. }) => {
                    prop_assert_eq!(&world.text(), &before);
                    continue;
                }
                Err(other) => {
                    prop_assert!(false, "{:?}: {:?}", change, other);
                    unreachable!();
                }
            };
            let (snapshot, changed) = (Arc::clone(&prepared.snapshot), prepared.changed);
            let done = admin.commit(prepared, &support::actor()).expect("committed");
            prop_assert_eq!(changed, world.text() != before, "{:?}", &change);
            prop_assert_eq!(done.diff.is_empty(), !changed);
            generation += u64::from(changed);
            prop_assert_eq!((done.generation, snapshot.generation), (generation, generation));
            let parsed = config::parse(&world.text(), &world.file(), &Disk::new());
            prop_assert_eq!(&*snapshot.config, &parsed.expect("valid"));
            // The same again is nothing to do, or a conflict.
            if !matches!(change, Change::DomainAdd { .. }) {
                match make(&admin, &change) {
                    Ok(again) => prop_assert!(!again.changed, "{:?}", &change),
                    Err(AdminError::Conflict { .. } | AdminError::NotFound { .. }) => {}
                    Err(other) => prop_assert!(false, "{:?}: {:?}", change, other),
                }
            }
            if finish {
                admin.finish_removals().expect("it ends");
            }
        }
        admin.finish_removals().expect("it ends");
        let text = world.text();
        drop(admin);
        let admin = world.admin();
        let snapshot = admin.load().expect("it loads");
        prop_assert_eq!(snapshot.generation, generation, "nothing was left to adopt");
        prop_assert_eq!(world.text(), text);
        let accounts: Vec<&str> =
            snapshot.config.accounts.keys().map(AccountName::as_str).collect();
        prop_assert_eq!(world.folders(), accounts);
        let history = admin.history().expect("it reads");
        prop_assert_eq!(history.len() as u64, generation);
        for pair in history.windows(2) {
            prop_assert_eq!(pair[0].before, pair[1].after, "each is made from the one before");
        }
    }
}
