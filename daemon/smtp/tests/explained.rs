//! What `mox explain` tells is what a session is answered: for random configurations and addresses.

use std::path::Path;

use mox::addr::Address;
use mox::config::{Unchecked, parse};
use mox::explain::{Explainer, Explanation};
use mox::policy::Recipient;
use mox::smtp::Reply;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::super::Service::{Receive, Submission};
use super::world::{Client, PASSWORD, World, account};

const DOMAINS: [&str; 3] = ["one.example", "two.example", "three.example"];
const ACCOUNTS: [&str; 3] = ["alice", "bob", "carol"];

/// No addresses of a domain. So few that a session does not end for them.
const UNREADABLE: [&str; 5] = [
    "no address",
    "a b@one.example",
    "a@one..example",
    "a@one.example>",
    "a@[192.0.2.1]",
];

/// A random mox.toml.
fn configuration() -> impl Strategy<Value = String> {
    let domain = (
        any::<bool>(),
        any::<bool>(),
        prop::sample::subsequence(vec!["+", "--"], 0..=2),
    );
    let domains = prop::collection::vec(domain, 1..=3);
    let addresses = prop::collection::btree_map("[a-d]?", 0usize..3, 1..6);
    let owned = prop::collection::vec(addresses, 3);
    let aliases = prop::collection::vec(
        (
            prop::collection::vec(0usize..20, 1..4),
            any::<bool>(),
            any::<bool>(),
        ),
        0..3,
    );
    let disabled = prop::collection::vec(any::<bool>(), 3);
    let postmaster = any::<bool>();
    (domains, owned, aliases, disabled, postmaster).prop_map(
        |(domains, owned, aliases, disabled, postmaster)| {
            let mut text =
                "[server]\nhostname = \"mail.example.org\"\ndata_dir = \"/nowhere\"\n".to_owned();
            if postmaster {
                text.push_str("postmaster = { account = \"bob\" }\n");
            }
            text.push_str("[listeners.local]\nips = [\"127.0.0.1\"]\nsmtp = {}\n");
            let mut members = Vec::new();
            let mut accounts = String::new();
            for (i, name) in ACCOUNTS.iter().enumerate() {
                let domain = DOMAINS[i % domains.len()];
                accounts.push_str(&format!("[accounts.{name}]\ndomain = \"{domain}\"\n"));
                if disabled[i] {
                    accounts.push_str("login_disabled = \"moved\"\n");
                }
                accounts.push_str(&format!("[accounts.{name}.destinations]\n"));
                for (at, addresses) in owned.iter().enumerate().take(domains.len()) {
                    let mine = addresses.iter().filter(|(_, owner)| **owner == i);
                    for (localpart, _) in mine {
                        let address = format!("{localpart}@{}", DOMAINS[at]);
                        accounts.push_str(&format!("\"{address}\" = {{ mailbox = \"M{i}\" }}\n"));
                        if !localpart.is_empty() {
                            members.push(address);
                        }
                    }
                }
            }
            for (i, (off, cases, separators)) in domains.iter().enumerate() {
                text.push_str(&format!(
                    "[domains.\"{}\"]\ndisabled = {off}\nlocalpart_case_sensitive = {cases}\n\
                     localpart_catchall_separators = {separators:?}\n",
                    DOMAINS[i]
                ));
            }
            for (n, (picks, post_public, allow_msg_from)) in aliases.iter().enumerate() {
                let mut of: Vec<&String> = picks
                    .iter()
                    .filter_map(|pick| members.get(pick % members.len().max(1)))
                    .collect();
                of.sort();
                of.dedup();
                if !of.is_empty() {
                    text.push_str(&format!(
                        "[domains.\"one.example\".aliases.x{n}]\naddresses = {of:?}\n\
                         post_public = {post_public}\nallow_msg_from = {allow_msg_from}\n"
                    ));
                }
            }
            text + &accounts
        },
    )
}

/// Addresses that lead to each kind of decision.
fn addresses() -> Vec<Address> {
    let mut all = Vec::new();
    for domain in DOMAINS
        .into_iter()
        .chain(["mail.example.org", "far.example"])
    {
        for localpart in [
            "a",
            "B",
            "c+x",
            "d--y+z",
            "x0",
            "X1+q",
            "nobody",
            "PostMaster",
        ] {
            all.push(Address::parse(&format!("{localpart}@{domain}")).expect("an address"));
        }
    }
    all
}

fn same(reply: &Reply, explained: &Explanation, text: &str) {
    let enhanced = reply.enhanced.map(|e| e.to_string()).unwrap_or_default();
    assert_eq!(
        (reply.code.to_string(), enhanced, reply.text.to_string()),
        (
            explained.code.clone(),
            explained.enhanced.clone(),
            explained.answer.clone()
        ),
        "{explained:?} in\n{text}"
    );
    assert_eq!(explained.accept, reply.is_success());
    let line = text.lines().nth(explained.line.wrapping_sub(1));
    assert_eq!(explained.text, line.unwrap_or_default());
}

async fn ask<S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin>(
    client: &mut Client<S>,
    command: String,
) -> Reply {
    client.send(format!("{command}\r\n")).await;
    client.reply().await.expect("a reply, not the end")
}

#[tokio::test(flavor = "multi_thread")]
async fn explanations_are_the_answers_of_sessions() {
    let mut runner = TestRunner::deterministic();
    let strategy = configuration();
    let (mut rounds, mut codes) = (0, std::collections::BTreeSet::new());
    while rounds < 12 {
        let text = strategy.new_tree(&mut runner).expect("a value").current();
        // Some collide: two accounts with an address, an alias with a catchall separator.
        let Ok(config) = parse(&text, Path::new("/nowhere/mox.toml"), &Unchecked) else {
            continue;
        };
        rounds += 1;
        let world = World::with(|all| {
            *all = config;
            all.limits.limit_loopback = false;
        })
        .await;
        let snapshot = world.context.live.now();
        let explainer = Explainer {
            snapshot: &snapshot,
            text: &text,
            file: Path::new("mox.toml"),
        };
        let mut client = world.connect(Receive).await;
        client.say("MAIL FROM:<a@b.example>", "250").await;
        let mut compare = |reply: &Reply, explained: &Explanation| {
            same(reply, explained, &text);
            codes.insert(explained.code.clone());
        };
        let reply = ask(&mut client, "RCPT TO:<Postmaster>".to_owned()).await;
        compare(&reply, &explainer.recipient(&Recipient::Postmaster));
        for path in UNREADABLE {
            let reply = ask(&mut client, format!("RCPT TO:<{path}>")).await;
            compare(&reply, &explainer.rcpt_to(path));
        }
        for address in addresses() {
            let reply = ask(&mut client, format!("RCPT TO:<{}>", address.wire())).await;
            compare(&reply, &explainer.recipient(&Recipient::Address(address)));
        }
        for address in addresses()
            .into_iter()
            .filter(|a| a.localpart.as_str() != "nobody")
        {
            let mut client = world.connect(Submission).await;
            client.login(&address.to_string(), PASSWORD).await;
            let reply = client.reply().await.expect("a reply");
            compare(&reply, &explainer.login(&address));
            if !reply.is_success() {
                continue;
            }
            let login = explainer.login(&address).account;
            for path in UNREADABLE.iter().chain(&[""]) {
                let reply = ask(&mut client, format!("MAIL FROM:<{path}>")).await;
                compare(&reply, &explainer.mail_from(path, Some(&login)));
            }
            for sender in addresses() {
                let reply = ask(&mut client, format!("MAIL FROM:<{}>", sender.wire())).await;
                compare(&reply, &explainer.sender(&sender, Some(&account(&login))));
                client.say("RSET", "250").await;
            }
        }
    }
    let codes: Vec<&str> = codes.iter().map(String::as_str).collect();
    assert_eq!(
        codes,
        ["235", "250", "450", "451", "501", "525", "535", "550"]
    );
}
