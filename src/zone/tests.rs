//! The records that are printed, served by a DNS server that reads zone files: all is well; and each
//! thing that can be wrong, found.

use std::net::IpAddr;
use std::time::Duration;

use hickory_resolver::proto::rr::{Name, RecordType};
use hickory_resolver::proto::serialize::txt::Parser;

mod authorities;

use super::*;
use crate::addr::Domain;
use crate::config::model::Config;
use crate::config::{Unchecked, parse};
use crate::dns::Resolver;
use crate::x509::{self, dkim};

use crate::dns::server::{DnsServer, Fault};

const CONFIG: &str = r#"
[server]
hostname = "mail.example.org"

[listeners.public]
ips = ["192.0.2.1", "2001:db8::1"]
tls = { certificates = [{ cert = "host.crt.pem", key = "host.key.pem" }] }
smtp = {}
submissions = {}
imaps = {}
submission = {}

[listeners.internal]
ips = ["127.0.0.1"]
imap = { tls_required = false }

[domains."example.org"]
dkim = { selectors = { 2026a = { key_file = "a.pem" }, 2026b = { key_file = "b.pem" } }, sign = ["2026a", "2026b"] }

[domains."example.net"]
client_settings_domain = "imap.example.net"

[accounts.alice]
domain = "example.org"
"#;

/// A configuration with its files.
struct World {
    folder: tempfile::TempDir,
    server: DnsServer,
}

impl World {
    fn new() -> World {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |name: &str, text: &str| {
            std::fs::write(folder.path().join(name), text).expect("written");
        };
        let made = x509::self_signed(&["mail.example.org"], &[]).expect("made");
        write("host.crt.pem", &made.cert_pem);
        write("host.key.pem", &made.key_pem);
        write("a.pem", &dkim::generate_rsa().expect("made"));
        write("b.pem", &dkim::generate_ed25519().expect("made"));
        World {
            folder,
            server: DnsServer::start(),
        }
    }

    fn config(&self) -> Config {
        let file = self.folder.path().join("mox.toml");
        parse(CONFIG, &file, &Unchecked).expect("valid")
    }

    fn facts(&self, domain: &str) -> DomainDns {
        let config = self.config();
        let domain = Domain::parse(domain).expect("a domain");
        DomainDns::gather(&config, &domain, &config.domains[&domain])
    }

    /// The server has all that is printed; what is commented out stands in other zones.
    fn right() -> World {
        let world = World::new();
        let text = zone_text(&world.facts("example.org"));
        let records = text.lines().map(|line| match line.strip_prefix("; ") {
            Some(comment) if comment.contains(" IN ") => comment,
            _ => line,
        });
        let text: Vec<&str> = records.collect();
        world.server.zone("example.org.", &text.join("\n"));
        world
    }

    fn check(&self) -> Vec<Check> {
        self.check_domain("example.org")
    }

    fn check_domain(&self, domain: &str) -> Vec<Check> {
        let short = Duration::from_millis(500);
        let resolver =
            Resolver::with_timeout(&[self.server.address()], false, short).expect("made");
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime")
            .block_on(check(&self.facts(domain), &resolver))
    }

    /// The one check that is not ok.
    #[track_caller]
    fn wrong(&self) -> Check {
        let all = self.check();
        let mut wrong = all.iter().filter(|check| check.status != Status::Ok);
        match (wrong.next(), wrong.next()) {
            (Some(one), None) => one.clone(),
            _ => panic!("not one thing is wrong: {all:#?}"),
        }
    }

    #[track_caller]
    fn finds(&self, check: &str, status: Status, advice: &str) {
        let wrong = self.wrong();
        assert_eq!((wrong.check, wrong.status), (check, status), "{wrong:?}");
        assert!(wrong.advice.contains(advice), "{wrong:?}");
    }
}

use Status::{Error, Warning};

#[test]
fn what_is_printed_is_right() {
    let world = World::right();
    let all = world.check();
    let wrong: Vec<&Check> = all
        .iter()
        .filter(|check| check.status != Status::Ok)
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    let count = |name: &str| all.iter().filter(|check| check.check == name).count();
    assert_eq!(
        [
            "host", "reverse", "mx", "spf", "dkim", "dmarc", "srv", "tlsa", "caa"
        ]
        .map(count),
        [1, 2, 1, 2, 2, 1, 6, 1, 1]
    );
}

#[test]
fn the_text_is_a_zone_file() {
    let world = World::new();
    let text = zone_text(&world.facts("example.org"));
    let origin = Name::from_ascii("example.org.").expect("a name");
    let (_, sets) = Parser::new(text.clone(), None, Some(origin))
        .parse()
        .unwrap_or_else(|e| panic!("{e}: {text}"));
    let mut kinds: Vec<(String, RecordType)> = sets
        .keys()
        .map(|key| (key.name.to_string(), key.record_type))
        .collect();
    kinds.sort();
    let expected = [
        ("2026a._domainkey.example.org.", RecordType::TXT),
        ("2026b._domainkey.example.org.", RecordType::TXT),
        ("_dmarc.example.org.", RecordType::TXT),
        ("_imap._tcp.example.org.", RecordType::SRV),
        ("_imaps._tcp.example.org.", RecordType::SRV),
        ("_pop3._tcp.example.org.", RecordType::SRV),
        ("_pop3s._tcp.example.org.", RecordType::SRV),
        ("_submission._tcp.example.org.", RecordType::SRV),
        ("_submissions._tcp.example.org.", RecordType::SRV),
        ("example.org.", RecordType::MX),
        ("example.org.", RecordType::TXT),
        ("mail.example.org.", RecordType::A),
        ("mail.example.org.", RecordType::AAAA),
        ("mail.example.org.", RecordType::TXT),
    ];
    let mut expected: Vec<_> = expected.map(|(name, kind)| (name.to_owned(), kind)).into();
    expected.sort();
    assert_eq!(kinds, expected);
    // Loopback alone has IMAP without TLS.
    assert!(text.contains("_imap._tcp.example.org. 3600 IN SRV 0 0 0 ."));
    assert!(!text.to_lowercase().contains("mta-sts"), "{text}");
}

#[test]
fn nobody_there_is_told_at_once() {
    let world = World::new();
    let udp = std::net::UdpSocket::bind("127.0.0.1:0").expect("a port");
    let nobody = udp.local_addr().expect("an address");
    drop(udp);
    let long = Duration::from_secs(3600);
    let resolver = Resolver::with_timeout(&[nobody], false, long).expect("made");
    let runtime = tokio::runtime::Builder::new_current_thread();
    let all = { runtime }
        .enable_all()
        .build()
        .expect("a runtime")
        .block_on(check(&world.facts("example.org"), &resolver));
    assert_eq!(all.len(), 1, "{all:?}");
    assert_eq!((all[0].check, all[0].status), ("dns", Error));
    assert!(all[0].advice.contains("refused"), "{all:?}");
}

#[test]
fn hosts_of_another_domain_are_comments() {
    let world = World::new();
    let text = zone_text(&world.facts("example.net"));
    assert!(text.contains("\n; mail.example.org. 3600 IN A 192.0.2.1\n"));
    assert!(text.contains("\nimap.example.net. 3600 IN A 192.0.2.1\n"));
    assert!(text.contains("\nexample.net. 3600 IN MX 10 mail.example.org.\n"));
    assert!(text.contains("IN SRV 0 1 993 imap.example.net."));
    let wrong = world.check_domain("example.net");
    let of = |name: &str| wrong.iter().find(|check| check.check == name).cloned();
    assert_eq!(of("client").map(|check| check.status), Some(Error));
}

#[test]
fn records_that_are_not_there() {
    for (name, kind, check, status, advice) in [
        ("_dmarc.example.org", "TXT", "dmarc", Warning, "no DMARC"),
        ("example.org", "TXT", "spf", Error, "no SPF"),
        ("mail.example.org", "TXT", "spf", Warning, "bounces"),
        (
            "2026b._domainkey.example.org",
            "TXT",
            "dkim",
            Error,
            "no record",
        ),
        ("_imaps._tcp.example.org", "SRV", "srv", Warning, "by hand"),
        (
            "mail.example.org",
            "AAAA",
            "host",
            Warning,
            "no record leads to 2001:db8::1",
        ),
        (
            "1.2.0.192.in-addr.arpa",
            "PTR",
            "reverse",
            Error,
            "has no name",
        ),
    ] {
        let world = World::right();
        world.server.remove(name, kind);
        if check == "host" {
            // The sender's address is then not covered by mx either.
            world.server.set(
                "example.org",
                "TXT",
                &["\"v=spf1 ip4:192.0.2.1 ip6:2001:db8::1 -all\""],
            );
            world.server.set(
                "mail.example.org",
                "TXT",
                &["\"v=spf1 ip4:192.0.2.1 ip6:2001:db8::/32 -all\""],
            );
        }
        world.finds(check, status, advice);
    }
    let world = World::right();
    world.server.set(
        "example.org",
        "TXT",
        &["\"v=spf1 ip4:192.0.2.1 ip6:2001:db8::1 ~all\""],
    );
    world.server.remove("example.org", "MX");
    world.finds("mx", Error, "no MX");
    // Not offered, and nothing said about it: fine. TLSA: optional.
    let world = World::right();
    world.server.remove("_pop3._tcp.example.org", "SRV");
    world.server.remove("_25._tcp.mail.example.org", "TLSA");
    assert!(world.check().iter().all(|check| check.status == Status::Ok));
}

#[test]
fn records_that_say_something_else() {
    let spf = "example.org";
    for (name, kind, values, check, status, advice) in [
        (
            spf,
            "TXT",
            &["\"v=spf1 mx ~all\"", "\"v=spf1 -all\""][..],
            "spf",
            Error,
            "several",
        ),
        (
            spf,
            "TXT",
            &["\"v=spf1 -all\""],
            "spf",
            Error,
            "does not let 192.0.2.1",
        ),
        (
            spf,
            "TXT",
            &["\"v=spf1 ip4:192.0.2.0/24 ~all\""],
            "spf",
            Error,
            "2001:db8::1",
        ),
        (spf, "TXT", &["\"v=spf1 mx +all\""], "spf", Error, "anybody"),
        (spf, "TXT", &["\"v=spf1 mx ?all\""], "spf", Warning, "?all"),
        (spf, "TXT", &["\"v=spf1 mx\""], "spf", Warning, "no all"),
        (spf, "TXT", &["\"v=spf1 mxx -all\""], "spf", Error, "mxx"),
        (
            spf,
            "TXT",
            &["\"v=spf1 include:none.example -all\""],
            "spf",
            Error,
            "none.example",
        ),
        (
            spf,
            "TXT",
            &["\"v=spf1 include:example.org -all\""],
            "spf",
            Error,
            "more than 10",
        ),
        (
            spf,
            "TXT",
            &["\"v=spf1 exists:%{i}.x.example -all\""],
            "spf",
            Warning,
            "cannot be told",
        ),
        (
            spf,
            "MX",
            &["10 mail", "20 other.example."],
            "mx",
            Warning,
            "other.example",
        ),
        (
            "_dmarc.example.org",
            "TXT",
            &["\"v=DMARC1; p=none\""],
            "dmarc",
            Warning,
            "p=none",
        ),
        (
            "_dmarc.example.org",
            "TXT",
            &["\"v=DMARC1; p=nothing\""],
            "dmarc",
            Error,
            "no p=",
        ),
        (
            "_dmarc.example.org",
            "TXT",
            &["\"hello\""],
            "dmarc",
            Error,
            "no DMARC record",
        ),
        (
            "_dmarc.example.org",
            "TXT",
            &["\"v=DMARC1; p=none\"", "\"v=DMARC1; p=reject\""],
            "dmarc",
            Error,
            "several",
        ),
        (
            "_imaps._tcp.example.org",
            "SRV",
            &["0 1 143 mail"],
            "srv",
            Error,
            "elsewhere",
        ),
        (
            "_imaps._tcp.example.org",
            "SRV",
            &["0 0 0 ."],
            "srv",
            Warning,
            "but it is",
        ),
        (
            "_pop3._tcp.example.org",
            "SRV",
            &["0 1 110 mail"],
            "srv",
            Warning,
            "not offered here",
        ),
        (
            "_25._tcp.mail.example.org",
            "TLSA",
            &["3 1 1 00FF"],
            "tlsa",
            Error,
            "no record fits",
        ),
        (
            "1.2.0.192.in-addr.arpa",
            "PTR",
            &["x.example."],
            "reverse",
            Error,
            "back to it",
        ),
        (
            "_mta-sts.example.org",
            "TXT",
            &["\"v=STSv1; id=1\""],
            "mta-sts",
            Warning,
            "promises",
        ),
    ] {
        let world = World::right();
        let values: Vec<String> = values
            .iter()
            .map(|value| value.replace(" mail", " mail.example.org."))
            .collect();
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        world.server.set(name, kind, &values);
        world.finds(check, status, advice);
    }
}

#[test]
fn mail_that_goes_elsewhere() {
    let world = World::right();
    let fixed = ["\"v=spf1 ip4:192.0.2.1 ip6:2001:db8::1 ~all\""];
    world.server.set("example.org", "TXT", &fixed);
    world
        .server
        .set("example.org", "MX", &["10 other.example."]);
    world.finds("mx", Error, "other servers");
    world.server.set("example.org", "MX", &["0 ."]);
    world.finds("mx", Error, "takes no mail");
}

#[test]
fn names_that_lead_elsewhere() {
    let world = World::right();
    let fixed = ["\"v=spf1 ip4:192.0.2.1 ip6:2001:db8::1 ~all\""];
    world.server.set("example.org", "TXT", &fixed);
    world.server.set("mail.example.org", "TXT", &fixed);
    world
        .server
        .set("mail.example.org", "A", &["192.0.2.1", "192.0.2.9"]);
    world.finds("host", Warning, "192.0.2.9");
    world.server.set("mail.example.org", "A", &["192.0.2.9"]);
    world.server.remove("mail.example.org", "AAAA");
    world.finds("host", Error, "other machines");
    world.server.remove("mail.example.org", "A");
    world
        .server
        .set("mail.example.org", "CNAME", &["real.example.org."]);
    world.server.set("real.example.org", "A", &["192.0.2.1"]);
    world.server.set("real.example.org", "TXT", &fixed);
    world.finds("host", Error, "an alias");
}

fn public_key(record: &str) -> String {
    record.split_once("p=").expect("a key").1.to_owned()
}

#[test]
fn keys_that_do_not_fit() {
    let name = "2026b._domainkey.example.org";
    let world = World::right();
    let facts = world.facts("example.org");
    let key = |index: usize| public_key(&facts.dkim[index].record);
    let other = public_key(&World::new().facts("example.org").dkim[1].record);
    for (record, status, advice) in [
        (
            format!("v=DKIM1; k=ed25519; p={other}"),
            Error,
            "another key",
        ),
        (format!("v=DKIM1; k=rsa; p={}", key(1)), Error, "k=rsa"),
        (
            format!("v=DKIM2; k=ed25519; p={}", key(1)),
            Error,
            "v= has to be",
        ),
        (
            format!("v=DKIM1; k=ed25519; t=y; p={}", key(1)),
            Warning,
            "t=y",
        ),
        (
            format!("v=DKIM1; k=ed25519; h=sha1; p={}", key(1)),
            Error,
            "sha256",
        ),
        (
            format!("v=DKIM1; k=ed25519; s=tlsrpt; p={}", key(1)),
            Error,
            "s=",
        ),
        ("v=DKIM1; k=ed25519; p=".to_owned(), Error, "revoked"),
        ("v=DKIM1; k=ed25519".to_owned(), Error, "no p="),
        ("v=DKIM1; k=ed25519; p=!!".to_owned(), Error, "base64"),
        ("hello".to_owned(), Error, "no DKIM record"),
    ] {
        world.server.set(name, "TXT", &[&format!("\"{record}\"")]);
        world.finds("dkim", status, advice);
    }
    // White space inside the key, and RSA keys without their wrapping, are read too.
    let spaced = format!("\"k=ed25519; p= {} {} \"", &key(1)[..7], &key(1)[7..]);
    world.server.set(name, "TXT", &[&spaced]);
    assert!(world.check().iter().all(|check| check.status == Status::Ok));
}

#[test]
fn keys_that_are_forgotten() {
    let world = World::right();
    let year = crate::clock::now().to_zoned(jiff::tz::TimeZone::UTC).year() - 1;
    let name = format!("{year}c._domainkey.example.org");
    world.server.set(&name, "TXT", &["\"v=DKIM1; p=AAAA\""]);
    world.finds("dkim", Warning, "not configured");
    world.server.set(&name, "TXT", &["\"v=DKIM1; p=\""]);
    assert!(world.check().iter().all(|check| check.status == Status::Ok));
}

#[test]
fn failures_are_errors_and_end() {
    let world = World::right();
    world.server.fault("_dmarc.example.org", Fault::Fails);
    world.finds("dmarc", Error, "SERVFAIL");
    let world = World::right();
    world.server.fault("_imaps._tcp.example.org", Fault::Silent);
    world.finds("srv", Error, "timeout");
    let world = World::right();
    world.server.fault("example.org", Fault::Silent);
    let all = world.check();
    assert_eq!(all.len(), 1, "{all:?}");
    assert_eq!((all[0].check, all[0].status), ("dns", Error));
}

#[test]
fn a_signed_zone_is_told() {
    let world = World::right();
    world.server.authentic(true);
    assert_eq!(world.check()[0].found, ["secure"]);
    world.server.authentic(false);
    assert_eq!(world.check()[0].found, ["not secure"]);
}

#[test]
fn addresses_that_nobody_can_reach_are_no_records() {
    let world = World::new();
    let mut config = world.config();
    let listener = config.listeners.get_mut("public").expect("there");
    listener.ips = vec![IpAddr::from([10, 1, 2, 3])];
    let domain = Domain::parse("example.org").expect("a domain");
    let facts = DomainDns::gather(&config, &domain, &config.domains[&domain]);
    assert!(facts.notes[0].contains("10.1.2.3"), "{:?}", facts.notes);
    assert!(records(&facts).iter().all(|record| record.kind != "A"));
    assert!(records(&facts).iter().any(|record| record.kind == "MX"));
}
