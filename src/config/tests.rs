//! mox.toml as people write it, right and wrong.

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use super::model::{AddressPattern, Config, DomainPattern, LogLevel, TlsVersion, Transport};
use super::{Unchecked, data_dir, effective, load, parse};
use crate::addr::{AccountName, Address, Domain, Localpart};
use crate::sasl::Mechanism;

const GOOD: &str = r#"
[server]
hostname = "mail.example.org"
data_dir = "/var/lib/mox"
user = "mox"                      # comment
log_level = "debug"
postmaster = { account = "alice", mailbox = "Postmaster" }
resolver = ["127.0.0.1:5353", "::1"]

[limits]
message_size = "10MB"
smtp_idle = "2m"
limit_loopback = false

[auth]
failures_per_minute = [1, 2, 0]
mechanisms_off = ["SCRAM-SHA-1", "LOGIN"]
cram_md5 = true

[listeners.public]
ips = ["0.0.0.0", "::"]
tls = { certificates = [{ cert = "tls/cert.pem", key = "/etc/key.pem" }], min_version = "1.3", client_auth = false }
smtp = { port = 25 }
submissions = {}
imaps = { port = 993 }
https = { port = 443, autoconfig = true, mta_sts = true }

[listeners.internal]
ips = ["127.0.0.1", "::1"]
hostname = "localhost"
imap = { port = 1143, tls_required = false }
http = { port = 80, account = "/account/", admin = "/admin/", metrics = "/metrics", forwarded = false }

[domains."example.org"]
disabled = false
localpart_catchall_separators = ["+"]
localpart_case_sensitive = false
client_settings_domain = "mail.example.org"
dkim = { selectors = { 2026a = { key_file = "dkim/2026a.example.org.pem" } }, sign = ["2026a"] }
[domains."example.org".aliases.team]
addresses = ["alice@example.org", "bob@bücher.example"]
post_public = true

[domains."bücher.example"]
disabled = true

[accounts.alice]
domain = "example.org"
full_name = "Alice"
login_disabled = ""
[accounts.alice.destinations]
"alice@example.org" = {}
"@example.org" = { mailbox = "Catchall" }

[accounts.bob]
domain = "bücher.example"
quota = "10GB"
login_disabled = "moved to https://mail.example.net"
destinations."bob@bücher.example" = {}

[[routes]]
to = [".example.net", "example.com"]
transport = "loopback"
account = "bob"
"#;

fn good() -> Config {
    parse(GOOD, Path::new("/etc/mox/mox.toml"), &Unchecked).unwrap_or_else(|e| panic!("{e:#?}"))
}

fn domain(text: &str) -> Domain {
    Domain::parse(text).expect("a domain")
}

fn address(text: &str) -> Address {
    Address::parse(text).expect("an address")
}

fn account(text: &str) -> AccountName {
    AccountName::parse(text).expect("a name")
}

#[test]
fn a_file_means_what_it_says() {
    let config = good();
    assert_eq!(config.server.hostname, domain("mail.example.org"));
    assert_eq!(config.server.data_dir, Path::new("/var/lib/mox"));
    assert_eq!(config.server.log_level, LogLevel::Debug);
    let postmaster = config.server.postmaster.as_ref().expect("a postmaster");
    assert_eq!(postmaster.mailbox, "Postmaster");
    let resolvers: Vec<String> = config
        .server
        .resolver
        .iter()
        .map(|r| r.to_string())
        .collect();
    assert_eq!(resolvers, ["127.0.0.1:5353", "[::1]:53"]);
    assert_eq!(config.limits.message_size, 10 << 20);
    assert_eq!(config.limits.smtp_idle, Duration::from_secs(120));
    assert_eq!(config.limits.recipients, 1000);
    assert!(!config.limits.hold_for(IpAddr::from([127, 0, 0, 1])));
    assert_eq!(config.auth.failures_per_minute, [1, 2, 0]);
    assert!(!config.auth.offers(Mechanism::Login) && config.auth.offers(Mechanism::CramMd5));

    let public = &config.listeners["public"];
    let tls = public.tls.as_ref().expect("tls");
    assert_eq!(tls.min_version, TlsVersion::V13);
    assert_eq!(tls.certificates[0].cert, Path::new("/etc/mox/tls/cert.pem"));
    assert_eq!(tls.certificates[0].key, Path::new("/etc/key.pem"));
    let ports: Vec<_> = public
        .services()
        .map(|(k, s)| (k.as_str(), s.port))
        .collect();
    assert_eq!(ports, [("smtp", 25), ("submissions", 465), ("imaps", 993)]);
    let imap = config.listeners["internal"].imap.as_ref().expect("imap");
    assert!(!imap.tls_required);

    let org = &config.domains[&domain("example.org")];
    assert_eq!(
        org.dkim.selectors["2026a"].key_file,
        Path::new("/etc/mox/dkim/2026a.example.org.pem")
    );
    let team = &org.aliases[&Localpart::parse("team").expect("a localpart")];
    assert_eq!(team.addresses[1], address("bob@bücher.example"));
    assert!(team.post_public && !team.list_members);
    assert!(config.domains[&domain("bücher.example")].disabled);

    let alice = &config.accounts[&account("alice")];
    let catchall = AddressPattern::Catchall(domain("example.org"));
    assert_eq!(alice.destinations[&catchall].mailbox, "Catchall");
    let bob = &config.accounts[&account("bob")];
    assert_eq!(bob.quota, 10 << 30);
    assert_eq!(bob.destinations.len(), 1);
    assert_eq!(
        config.routes[0].to,
        [
            DomainPattern::Under(domain("example.net")),
            DomainPattern::Exact(domain("example.com"))
        ]
    );
    assert_eq!(
        config.routes[0].transport,
        Transport::Loopback(account("bob"))
    );
}

/// Changes one text of the good file.
fn spoilt(from: &str, to: &str) -> String {
    assert!(GOOD.contains(from), "{from:?} is not there");
    GOOD.replacen(from, to, 1)
}

/// `line:column code path: message (hint)` of each problem.
fn problems(text: &str) -> Vec<String> {
    let found = parse(text, Path::new("mox.toml"), &Unchecked);
    let found = found.err().unwrap_or_default();
    found
        .into_iter()
        .map(|d| {
            let at = d.position.as_ref().map_or(String::new(), |p| {
                assert!(text.lines().any(|line| line == p.text), "{p:?}");
                let marked: String = p.text.chars().skip(p.column - 1).take(p.width).collect();
                format!("[{marked}] ")
            });
            let hint = if d.hint.is_empty() {
                String::new()
            } else {
                format!(" ({})", d.hint)
            };
            format!("{at}{} {}: {}{hint}", d.code, d.path, d.message)
        })
        .collect()
}

#[test]
fn each_mistake_is_told() {
    let cases = [
        (
            "hostname = \"mail.example.org\"\n",
            "hostnmae = \"mail.example.org\"\n",
            vec![
                "[[server]] key.missing server.hostname: server.hostname is missing",
                "[hostnmae] key.unknown server.hostnmae: server.hostnmae is not a known key (did you mean hostname?)",
            ],
        ),
        (
            "user = \"mox\" ",
            "user = 5",
            vec!["[5] key.type server.user: server.user must be a text in quotes, not a number"],
        ),
        (
            "log_level = \"debug\"",
            "log_level = \"inof\"",
            vec![
                "[\"inof\"] value server.log_level: server.log_level cannot be \"inof\" (did you mean info?)",
            ],
        ),
        (
            "account = \"alice\"",
            "account = \"alcie\"",
            vec![
                "[\"alcie\"] account.unknown server.postmaster.account: there is no account alcie (did you mean alice?)",
            ],
        ),
        (
            "smtp_idle = \"2m\"",
            "smtp_idle = \"2 minutes\"",
            vec![
                "[\"2 minutes\"] value limits.smtp_idle: \"2 minutes\" is not a duration (write seconds, or 500ms, 30s, 5m, 1h, 7d)",
            ],
        ),
        (
            "\"SCRAM-SHA-1\", ",
            "\"SCRAM-SHA1\", ",
            vec![
                "[\"SCRAM-SHA1\"] value auth.mechanisms_off[0]: auth.mechanisms_off[0] cannot be \"SCRAM-SHA1\" (did you mean SCRAM-SHA-1?)",
            ],
        ),
        (
            "failures_per_minute = [1, 2, 0]",
            "failures_per_minute = [1, -2]",
            vec![
                "[[1, -2]] value auth.failures_per_minute: auth.failures_per_minute must have three numbers (for an address, its network and the wider one: [10, 30, 90])",
                "[-2] value auth.failures_per_minute[1]: auth.failures_per_minute[1] must be between 0 and 1000000000",
            ],
        ),
        (
            "\"127.0.0.1\", \"::1\"",
            "\"127.0.0.300\"",
            vec![
                "[\"127.0.0.300\"] value listeners.internal.ips[0]: \"127.0.0.300\" is not an IP address",
            ],
        ),
        (
            "imap = { port = 1143, tls_required = false }",
            "imap = { port = 993 }",
            vec![
                "[{ port = 993 }] listener.needs_tls listeners.internal.imap: listeners.internal.imap needs TLS, and the listener has none (add tls to the listener, or tls_required = false to let passwords cross readable)",
                "[{ port = 993 }] listener.port_in_use listeners.internal.imap: 127.0.0.1 port 993 is used by listeners.public.imaps too (as 0.0.0.0) (give one of them another port)",
            ],
        ),
        (
            "certificates = [{ cert = \"tls/cert.pem\", key = \"/etc/key.pem\" }]",
            "acme = \"letsencrypt\"",
            vec![
                "[acme] not_supported listeners.public.tls.acme: listeners.public.tls.acme: certificates by ACME are not supported yet",
            ],
        ),
        (
            "[domains.\"bücher.example\"]",
            "[domains.\"xn--bcher-kva.example\"]",
            vec![
                "[\"xn--bcher-kva.example\"] domain.form domains.\"xn--bcher-kva.example\": domain \"xn--bcher-kva.example\" is not in its canonical form (write bücher.example)",
            ],
        ),
        (
            "[\"+\"]",
            "[\"+\", \"+\", \"@\"]",
            vec![
                "[[\"+\", \"+\", \"@\"]] value domains.\"example.org\".localpart_catchall_separators: domains.\"example.org\".localpart_catchall_separators has \"+\" twice",
                "[\"@\"] value domains.\"example.org\".localpart_catchall_separators[2]: \"@\" cannot divide a localpart",
            ],
        ),
        (
            "sign = [\"2026a\"]",
            "sign = [\"2026b\"]",
            vec![
                "[\"2026b\"] dkim.unknown_selector domains.\"example.org\".dkim.sign[0]: there is no selector \"2026b\" (did you mean 2026a?)",
            ],
        ),
        (
            "aliases.team",
            "aliases.ALICE",
            vec![
                "[ALICE] alias.collides domains.\"example.org\".aliases.ALICE: alias ALICE@example.org is an address of account alice",
            ],
        ),
        (
            "aliases.team",
            "aliases.\"te+am\"",
            vec![
                "[\"te+am\"] alias.separator domains.\"example.org\".aliases.\"te+am\": alias te+am@example.org has a catchall separator of its domain",
            ],
        ),
        (
            "\"bob@bücher.example\"]",
            "\"bib@bücher.example\", \"@example.org\", \"alice@example.org\"]",
            vec![
                "[[\"alice@example.org\", \"bib@bücher.example\", \"@example.org\", \"alice@example.org\"]] alias.member_twice domains.\"example.org\".aliases.team.addresses: alice@example.org is a member twice",
                "[\"bib@bücher.example\"] alias.unknown_member domains.\"example.org\".aliases.team.addresses[1]: no account has the address bib@bücher.example (did you mean bob@bücher.example?)",
                "[\"@example.org\"] alias.member domains.\"example.org\".aliases.team.addresses[2]: a catchall cannot be a member of an alias",
            ],
        ),
        (
            "\"@example.org\" = { mailbox = \"Catchall\" }",
            "\"@example.rog\" = { mailbox = \"a//b\" }",
            vec![
                "[\"@example.rog\"] domain.unknown accounts.alice.destinations.\"@example.rog\": domain example.rog is not configured (did you mean example.org?)",
                "[\"a//b\"] mailbox.invalid accounts.alice.destinations.\"@example.rog\".mailbox: \"a//b\" is not a mailbox: the name has an empty level",
            ],
        ),
        (
            "destinations.\"bob@bücher.example\" = {}",
            "destinations.\"bob@bücher.example\" = {}\ndestinations.\"Alice+x@example.org\" = {}\ndestinations.\"Bob@bücher.example\" = {}",
            vec![
                "[\"Alice+x@example.org\"] address.owned_twice accounts.bob.destinations.\"Alice+x@example.org\": Alice+x@example.org belongs to account alice already",
                "[\"Bob@bücher.example\"] address.twice accounts.bob.destinations.\"Bob@bücher.example\": Bob@bücher.example is the same address as bob@bücher.example",
            ],
        ),
        (
            "https://mail.example.net",
            "bücher",
            vec![
                "[\"moved to bücher\"] account.login_disabled accounts.bob.login_disabled: accounts.bob.login_disabled must be at most 256 printable ASCII characters",
            ],
        ),
        (
            "quota = \"10GB\"",
            "quota = -1",
            vec!["[-1] value accounts.bob.quota: accounts.bob.quota must be at least 0"],
        ),
        (
            "transport = \"loopback\"\naccount = \"bob\"",
            "transport = \"lopback\"",
            vec![
                "[\"lopback\"] route.unknown_transport routes[0].transport: there is no transport \"lopback\" (only the built-in transport loopback is there yet)",
            ],
        ),
        (
            "account = \"bob\"",
            "",
            vec![
                "[\"loopback\"] route.account routes[0].transport: the transport loopback needs an account to deliver to (add account = \"…\")",
            ],
        ),
        (
            "[accounts.alice]\n",
            "[transports.x]\n[accounts.alice]\n",
            vec![
                "[transports] not_supported transports: transports: transports are not supported yet",
            ],
        ),
        (
            "smtp = { port = 25 }",
            "smtp = { port = 0, tls_required = true }",
            vec![
                "[0] value listeners.public.smtp.port: listeners.public.smtp.port must be between 1 and 65535",
                "[tls_required] key.unknown listeners.public.smtp.tls_required: listeners.public.smtp.tls_required is not a known key (known here: port)",
            ],
        ),
        (
            "[[routes]]",
            "[[routes]\nx = = 1\nx = 2\nx = 3\n[routes]",
            vec![
                "[] syntax : unclosed array table, expected `]`",
                "[=] syntax : extra `=`, expected nothing",
                "[x] syntax : \"x\" is defined twice",
            ],
        ),
    ];
    for (from, to, expected) in cases {
        let mut found = problems(&spoilt(from, to));
        let mut expected: Vec<String> = expected.into_iter().map(str::to_owned).collect();
        found.sort();
        expected.sort();
        assert_eq!(found, expected, "{to}");
    }
}

#[test]
fn an_empty_file_is_invalid() {
    assert_eq!(
        problems(""),
        [
            "key.missing accounts: accounts is missing",
            "key.missing listeners: listeners is missing",
            "key.missing server: server is missing",
        ]
    );
}

#[test]
fn the_data_directory_is_found_wherever_it_stands() {
    let dir = tempfile::tempdir().expect("tempdir");
    let file = dir.path().join("mox.toml");
    let many: String = (0..50)
        .map(|n| format!("\n[accounts.u{n}]\ndomain = \"d\"\n[accounts.u{n}.destinations]\n\"u{n}@d\" = {{}}\n"))
        .collect();
    for (server, expected) in [
        ("[server]\ndata_dir = \"d\"\n", "d"),
        ("  [ server ] # it\n\n  data_dir = 'd'\n", "d"),
        (
            "[\"server\"]\r\nhostname = \"x\"\r\ndata_dir = \"d\"\r\n",
            "d",
        ),
        ("['server']\n\"data_dir\" = \"d\"\n", "d"),
        ("[\"ser\\u0076er\"]\ndata_dir = \"d\"\n", "d"),
        ("[server]\nhostname = \"x\"\n", "../data"),
        ("[other]\ndata_dir = \"no\"\n", "../data"),
        (
            "[server]\n[server.postmaster]\ndata_dir = \"no\"\n",
            "../data",
        ),
        (
            "[x]\ny = \"\"\"\n[server]\ndata_dir = \"no\"\n\"\"\"\n",
            "../data",
        ),
        (
            "[x]\ny = '''\n[server]\ndata_dir = \"no\"\n'''\n[server]\ndata_dir = \"d\"\n",
            "d",
        ),
        (
            "[x]\ny = [\n[\"server\"],\n]\n[server]\ndata_dir = \"d\"\n",
            "d",
        ),
    ] {
        for text in [
            server.to_owned(),
            format!("{many}{server}"),
            format!("{server}{many}"),
        ] {
            std::fs::write(&file, &text).expect("write");
            assert_eq!(data_dir(&file), dir.path().join(expected), "{text}");
        }
    }
    // Above all headers.
    for server in ["server.data_dir = \"d\"", "server = { data_dir = \"d\" }"] {
        std::fs::write(&file, format!("{server}\n{many}")).expect("write");
        assert_eq!(data_dir(&file), dir.path().join("d"), "{server}");
    }
}

#[test]
fn the_data_directory_is_found_in_a_broken_file() {
    let dir = tempfile::tempdir().expect("tempdir");
    let file = dir.path().join("mox.toml");
    assert_eq!(data_dir(&file), dir.path().join("../data"));
    std::fs::write(&file, b"[server]\ndata_dir = \"d\"\nx = = \xff\n[[[").expect("write");
    assert_eq!(data_dir(&file), dir.path().join("d"));
    let error = load(&file, &Unchecked).expect_err("refused");
    let super::ConfigError::Invalid(problems) = error else {
        panic!("{error}")
    };
    let position = problems[0].position.as_ref().expect("a place");
    assert_eq!((position.line, position.column), (3, 7));
}

#[test]
fn what_holds_can_be_written_down() {
    let mut config = good();
    let text = effective::to_toml(&config);
    let again = parse(&text, Path::new("/elsewhere/mox.toml"), &Unchecked);
    let again = again.unwrap_or_else(|e| panic!("{e:#?}\n{text}"));
    // Defaults that depend on other keys are written out.
    let hostname = config.server.hostname.clone();
    for listener in config.listeners.values_mut() {
        listener.hostname.get_or_insert(hostname.clone());
    }
    for domain in config.domains.values_mut().map(Arc::make_mut) {
        domain
            .client_settings_domain
            .get_or_insert(hostname.clone());
    }
    assert_eq!(again, config);
    assert_eq!(effective::to_toml(&again), text);

    let json = effective::to_json(&config);
    assert_eq!(json["limits"]["smtp_idle"], 120);
    assert_eq!(json["accounts"]["bob"]["quota"], 10_u64 << 30);
    assert_eq!(json["routes"][0]["to"][0], ".example.net");
    // The same keys as in the file.
    let file: toml_edit::DocumentMut = text.parse().expect("TOML");
    let keys: Vec<&str> = file.iter().map(|(key, _)| key).collect();
    let object = json.as_object().expect("an object");
    assert!(keys.iter().all(|key| object.contains_key(*key)) && keys.len() == object.len());
}

#[test]
fn of_very_many_problems_all_are_told_and_the_first_have_hints() {
    let accounts: String = (0..150)
        .map(|n| format!("[accounts.x{n}]\ndomain = \"exmaple.org\"\n"))
        .collect();
    let text = format!("{GOOD}{accounts}");
    let problems = parse(&text, Path::new("/x/mox.toml"), &Unchecked).expect_err("wrong");
    assert_eq!(problems.len(), 150);
    let hints = problems.iter().filter(|p| p.hint.contains("example.org"));
    assert_eq!(hints.count(), 100);
}

proptest! {
    #[test]
    fn whatever_is_cut_or_put_in_is_told_at_a_place(
        cut in any::<prop::sample::Index>(),
        len in 0usize..40,
        put in "[\\[\\]{}=.,#\"'\n a0é-]{0,6}",
    ) {
        let places: Vec<usize> = GOOD.char_indices().map(|(i, _)| i).collect();
        let start = *cut.get(&places);
        let end = places.iter().copied().find(|i| *i >= start + len).unwrap_or(GOOD.len());
        let text = format!("{}{put}{}", &GOOD[..start], &GOOD[end..]);
        match parse(&text, Path::new("mox.toml"), &Unchecked) {
            Ok(config) => prop_assert!(!config.accounts.is_empty()),
            Err(problems) => {
                prop_assert!(!problems.is_empty());
                for position in problems.iter().filter_map(|p| p.position.as_ref()) {
                    let line = text.split('\n').nth(position.line - 1).expect("a line of the text");
                    prop_assert_eq!(line.trim_end_matches('\r'), &position.text);
                    let last = position.column + position.width - 1;
                    prop_assert!(last <= position.text.chars().count() + 1, "{:?}", position);
                }
            }
        }
    }
}

/// 10,000 domains and 10,000 accounts, as `mox config domain add` writes them.
fn large() -> String {
    use std::fmt::Write as _;

    let mut text = String::from(
        "[server]\nhostname = \"mail.example.org\"\n\n[listeners.x]\nips = [\"::1\"]\nsmtp = {}\n",
    );
    for i in 0..10_000 {
        let _ = write!(
            text,
            "\n[domains.\"d{i}.example\"]\n[domains.\"d{i}.example\".dkim]\nsign = [\"a\", \"b\"]\n\
             [domains.\"d{i}.example\".dkim.selectors.a]\nkey_file = \"dkim/a.d{i}.example.pem\"\n\
             [domains.\"d{i}.example\".dkim.selectors.b]\nkey_file = \"dkim/b.d{i}.example.pem\"\n"
        );
    }
    for i in 0..10_000 {
        let _ = write!(
            text,
            "\n# Account {i}\n[accounts.a{i}]\ndomain = \"d{i}.example\"\nfull_name = \"Name {i}\"\n\
             [accounts.a{i}.destinations]\n\"a{i}@d{i}.example\" = {{}}\n\"@d{i}.example\" = {{ mailbox = \"Rest\" }}\n"
        );
    }
    text
}

#[test]
#[ignore = "a measurement, for optimised builds: cargo test --release -- --ignored large_files"]
fn large_files_are_read_and_changed_fast() {
    let text = large();
    let file = Path::new("/x/mox.toml");
    // Time on the processor: others may be using the machine.
    let clock = || {
        let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux");
        let first = text.split(' ').next().and_then(|n| n.parse().ok());
        Duration::from_nanos(first.expect("nanoseconds"))
    };
    let best = |work: &dyn Fn()| {
        let times = (0..5).map(|_| {
            let start = clock();
            work();
            clock() - start
        });
        times.min().unwrap_or_default()
    };
    let tree = best(&|| drop(super::document::parse(&text)));
    let read = best(&|| drop(parse(&text, file, &Unchecked).expect("valid")));
    let edits = [super::edit::Edit::DomainSetDisabled {
        domain: domain("d5000.example"),
        disabled: true,
    }];
    let edit = best(&|| drop(super::edit::apply(&text, &edits).expect("made")));
    println!(
        "{} bytes: tree {tree:?}, read {read:?}, edit {edit:?}",
        text.len()
    );
    assert!(read < Duration::from_millis(300) && edit < Duration::from_millis(150));
}
