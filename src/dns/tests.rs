//! Against a DNS server that also does what servers should not.

use std::net::IpAddr;
use std::time::Duration;

use super::*;

use super::server::{DnsServer, Fault};

const SHORT: Duration = Duration::from_millis(300);

const ZONE: &str = r#"
@ MX 10 mail
@ MX 20 backup.example.net.
@ TXT "v=spf1 " "mx ~all"
@ TXT "other"
mail A 192.0.2.1
mail AAAA 2001:db8::1
four A 192.0.2.4
www CNAME alias
alias CNAME mail
far CNAME away.example.net.
circle CNAME circle2
circle2 CNAME circle
_imaps._tcp SRV 0 1 993 Mail
_imap._tcp SRV 0 0 0 .
_25._tcp.mail TLSA 3 1 1 ABCDEF0123
1.2.0.192.in-addr.arpa. PTR mail
"#;

fn server() -> DnsServer {
    let server = DnsServer::start();
    server.zone("example.org.", ZONE);
    server
}

/// Asks with a resolver of this server.
fn ask<T, F: Future<Output = Result<T, DnsError>>>(
    server: &DnsServer,
    question: impl FnOnce(Resolver) -> F,
) -> Result<T, DnsError> {
    let resolver = Resolver::with_timeout(&[server.address()], false, SHORT).expect("made");
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
        .block_on(question(resolver))
}

#[test]
fn every_type_is_read() {
    let server = server();
    let mx = ask(&server, |r| async move { r.mx("example.org").await }).expect("there");
    let host = |preference, host: &str| Mx {
        preference,
        host: host.to_owned(),
    };
    assert_eq!(
        mx.records,
        [host(10, "mail.example.org"), host(20, "backup.example.net")]
    );
    assert_eq!((mx.name.as_str(), mx.secure), ("example.org", false));
    let txt = ask(&server, |r| async move { r.txt("EXAMPLE.org.").await }).expect("there");
    let texts: Vec<String> = txt.records.iter().map(Txt::text).collect();
    assert_eq!(texts, ["v=spf1 mx ~all", "other"]);
    let srv = ask(&server, |r| async move {
        r.srv("_imaps._tcp.example.org").await
    });
    let service = |weight, port, host: &str| Srv {
        priority: 0,
        weight,
        port,
        host: host.to_owned(),
    };
    assert_eq!(
        srv.expect("there").records,
        [service(1, 993, "mail.example.org")]
    );
    let none = ask(
        &server,
        |r| async move { r.srv("_imap._tcp.example.org").await },
    );
    assert_eq!(none.expect("there").records, [service(0, 0, "")]);
    let tlsa = ask(&server, |r| async move {
        r.tlsa("_25._tcp.mail.example.org").await
    });
    let certificate = Tlsa {
        usage: 3,
        selector: 1,
        matching: 1,
        data: vec![0xab, 0xcd, 0xef, 1, 0x23],
    };
    assert_eq!(tlsa.expect("there").records, [certificate]);
    let ip = IpAddr::from([192, 0, 2, 1]);
    let ptr = ask(&server, |r| async move { r.ptr(ip).await }).expect("there");
    assert_eq!(ptr.records, ["mail.example.org"]);
    let cname = ask(&server, |r| async move { r.cname("www.example.org").await });
    assert_eq!(cname.expect("there").records, ["alias.example.org"]);
}

#[test]
fn addresses_are_of_both_kinds() {
    let server = server();
    let both = ask(
        &server,
        |r| async move { r.addresses("www.example.org").await },
    );
    let both = both.expect("there");
    assert_eq!(both.name, "mail.example.org");
    let ips: Vec<String> = both.records.iter().map(ToString::to_string).collect();
    assert_eq!(ips, ["192.0.2.1", "2001:db8::1"]);
    let one = ask(
        &server,
        |r| async move { r.addresses("four.example.org").await },
    );
    assert_eq!(one.expect("there").records.len(), 1);
    let none = ask(&server, |r| async move { r.addresses("example.org").await });
    assert!(none.expect_err("none").is_not_found());
}

#[test]
fn secure_is_what_a_trusted_server_was_asked_and_says() {
    let server = server();
    server.authentic(true);
    let answer = ask(&server, |r| async move { r.mx("example.org").await });
    assert!(answer.expect("there").secure);
    server.authentic(false);
    let answer = ask(&server, |r| async move { r.mx("example.org").await });
    assert!(!answer.expect("there").secure);
    let away = [
        "192.0.2.53:53".parse().expect("an address"),
        server.address(),
    ];
    let trusts = |trusted| {
        let resolver = Resolver::new(&away, trusted).expect("made");
        resolver.trusts_servers()
    };
    assert!(trusts(true) && !trusts(false));
}

#[test]
fn what_is_not_there_is_told_from_what_is_not_known() {
    let server = server();
    server.fault("fails.example.org", Fault::Fails);
    server.fault("refuses.example.org", Fault::Refuses);
    server.fault("silent.example.org", Fault::Silent);
    server.fault("other.example.org", Fault::OtherName);
    server.fault("garbage.example.org", Fault::Garbage);
    server.fault("long.example.org", Fault::TruncatedAlways);
    server.zone("example.org.", "other A 192.0.2.7");
    let found = |name: &'static str| ask(&server, |r| async move { r.a(name).await });
    let error = |name| found(name).expect_err("none").to_string();
    let not_found = |name: &str, no_such_name| DnsError::NotFound {
        name: name.to_owned(),
        kind: "A",
        no_such_name,
    };
    assert_eq!(
        found("nowhere.example.org"),
        Err(not_found("nowhere.example.org", true))
    );
    assert_eq!(found("example.org"), Err(not_found("example.org", false)));
    assert_eq!(
        found("other.example.org"),
        Err(not_found("other.example.org", false))
    );
    assert!(error("fails.example.org").contains("SERVFAIL"));
    assert!(error("refuses.example.org").contains("refuses"));
    assert!(error("silent.example.org").contains("timeout"));
    assert!(found("garbage.example.org").is_err_and(|e| !e.is_not_found()));
    assert!(found("long.example.org").is_err_and(|e| !e.is_not_found()));
    assert_eq!(found("a b..c"), Err(DnsError::BadName("a b..c".to_owned())));
    // Tried again, not for ever.
    let asked = server.asked();
    let fails = asked.iter().filter(|line| line.contains("fails.")).count();
    assert_eq!(fails, 2, "{asked:?}");
}

#[test]
fn a_server_that_is_not_there() {
    let address = DnsServer::start().address();
    let resolver = Resolver::with_timeout(&[address], false, SHORT).expect("made");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let answer = runtime.block_on(resolver.mx("example.org"));
    let unreachable = |e| {
        matches!(
            e,
            DnsError::Temporary {
                unreachable: true,
                ..
            }
        )
    };
    assert!(answer.is_err_and(unreachable));
}

#[test]
fn long_answers_come_by_tcp_and_have_an_end() {
    let server = server();
    server.fault("mail.example.org", Fault::Truncated);
    let answer = ask(&server, |r| async move { r.a("mail.example.org").await });
    assert_eq!(answer.expect("there").records.len(), 1);
    assert!(
        server
            .asked()
            .contains(&"tcp A mail.example.org.".to_owned())
    );

    let long = "x".repeat(250);
    let texts: Vec<String> = (0..100)
        .map(|n| format!("big TXT \"{n} {long}\""))
        .collect();
    server.zone("example.org.", &texts.join("\n"));
    let answer = ask(&server, |r| async move { r.txt("big.example.org").await });
    assert_eq!(answer.expect("there").records.len(), 100);

    let many: Vec<String> = (0..2000)
        .map(|n| format!("many A 198.51.{}.{}", n / 256, n % 256))
        .collect();
    server.zone("example.org.", &many.join("\n"));
    let answer = ask(&server, |r| async move { r.a("many.example.org").await });
    assert!(
        matches!(answer, Err(DnsError::Unusable { .. })),
        "{answer:?}"
    );
}

#[test]
fn aliases_are_followed_and_circles_are_not() {
    let server = server();
    let answer = ask(&server, |r| async move { r.a("www.example.org").await });
    assert_eq!(answer.expect("there").name, "mail.example.org");
    let answer = ask(&server, |r| async move { r.a("circle.example.org").await });
    assert!(
        matches!(answer, Err(DnsError::Unusable { .. })),
        "{answer:?}"
    );
    let answer = ask(&server, |r| async move { r.a("far.example.org").await });
    assert!(answer.expect_err("none").is_not_found());
}

#[test]
fn reverse_names() {
    let ip = |text: &str| text.parse::<IpAddr>().expect("an address");
    assert_eq!(reverse_name(ip("192.0.2.1")), "1.2.0.192.in-addr.arpa");
    assert!(reverse_name(ip("2001:db8::1")).ends_with("8.b.d.0.1.0.0.2.ip6.arpa"));
}
