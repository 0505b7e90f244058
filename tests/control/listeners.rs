//! Listeners in a reload: bound, rebound, removed, while the connections that came in by them live on.

use std::fs;
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};

use super::support::client::Client;
use super::support::instance::{Instance, Service};
use super::support::process;
use super::{ENOUGH, edit, mox, serving, status};

/// What a listener has open and must keep: a session of each kind, one in the middle of a message.
struct Open {
    plain: Client,
    imap: Client,
    tls: Client,
    sending: Client,
}

impl Open {
    fn new(instance: &Instance) -> Open {
        let mut plain = instance.connect(Service::Smtp);
        plain.expect_reply("220");
        plain.smtp("EHLO client.example", "250");
        let mut imap = instance.connect(Service::Imap);
        imap.hear();
        imap.imap("1 LOGIN mox@localhost moxmoxmox");
        imap.imap("2 SELECT INBOX");
        let mut tls = instance.connect(Service::Imaps);
        tls.hear();
        tls.imap("1 LOGIN mox@localhost moxmoxmox");
        let mut sending = instance.connect(Service::Smtp);
        sending.expect_reply("220");
        sending.smtp("EHLO client.example", "250");
        sending.smtp("STARTTLS", "220");
        sending.start_tls(None).unwrap();
        sending.smtp("EHLO client.example", "250");
        sending.smtp("MAIL FROM:<a@client.example>", "250");
        sending.smtp("RCPT TO:<mox@localhost>", "250");
        sending.smtp("DATA", "354");
        sending.say("Subject: half of it");
        Open {
            plain,
            imap,
            tls,
            sending,
        }
    }

    /// All of them go on to their own end.
    fn go_on(mut self) {
        self.plain.smtp("NOOP", "250");
        // A handshake that begins only now: by the settings that the connection came with.
        self.plain.smtp("STARTTLS", "220");
        self.plain.start_tls(None).unwrap();
        self.plain.smtp("EHLO client.example", "250");
        self.plain.smtp("QUIT", "221");
        self.sending.say("");
        self.sending.say("the other half");
        self.sending.smtp(".", "250");
        self.sending.smtp("QUIT", "221");
        let news = self.imap.imap("3 NOOP");
        assert!(
            news.iter().any(|line| line.ends_with(" EXISTS")),
            "{news:?}"
        );
        self.tls.imap("2 STATUS INBOX (MESSAGES)");
        self.tls.imap("3 LOGOUT");
    }
}

fn addresses(instance: &Instance) -> Vec<String> {
    let status = status(instance);
    let listeners = status["listeners"].as_array().unwrap().clone();
    let addresses = listeners
        .iter()
        .map(|l| l["address"].as_str().unwrap().to_owned());
    addresses.collect()
}

#[test]
fn a_listener_that_is_removed_lets_its_connections_finish() {
    let instance = serving();
    let open = Open::new(&instance);
    let port = free_port(&instance);
    let (ip, smtp) = (instance.ip(), instance.address(Service::Smtp));
    // Only a new one is left, of another name.
    let text = std::fs::read_to_string(instance.config().unwrap()).unwrap();
    let old = &text[text.find("[listeners.local]").unwrap()..text.find("[domains").unwrap()];
    edit(
        &instance,
        old,
        &format!("[listeners.next]\nips = [\"{ip}\"]\nsmtp = {{ port = {port} }}\n"),
    );
    mox(&instance, &["config", "reload"]).ok();
    let next = SocketAddr::new(ip, port);
    assert_eq!(addresses(&instance), [next.to_string()]);
    for service in [
        Service::Smtp,
        Service::Imap,
        Service::Imaps,
        Service::Submissions,
    ] {
        assert!(
            TcpStream::connect(instance.address(service)).is_err(),
            "{service:?}"
        );
    }
    open.go_on();
    let mut new = Client::connect(next, false, None).unwrap();
    new.expect_reply("220");
    let told = new.smtp("EHLO client.example", "250").join("\n");
    assert!(!told.contains("STARTTLS"), "{told}");
    // And back: its ports are free again at once.
    edit(
        &instance,
        &format!("[listeners.next]\nips = [\"{ip}\"]\nsmtp = {{ port = {port} }}\n"),
        old,
    );
    mox(&instance, &["config", "reload"]).ok();
    assert!(addresses(&instance).contains(&smtp.to_string()));
    new.smtp("NOOP", "250");
}

#[test]
fn a_listener_moves_to_another_address() {
    let instance = serving();
    let open = Open::new(&instance);
    let IpAddr::V4(here) = instance.ip() else {
        panic!("not IPv4")
    };
    // The neighbourhood of a test's address is its own.
    let there = IpAddr::from(std::net::Ipv4Addr::from(here.to_bits() ^ (1 << 23)));
    edit(
        &instance,
        &format!("ips = [\"{here}\"]"),
        &format!("ips = [\"{here}\", \"{there}\"]"),
    );
    mox(&instance, &["config", "reload"]).ok();
    let at_there = SocketAddr::new(there, instance.port(Service::Smtp));
    let mut both = Client::connect(at_there, false, None).unwrap();
    both.expect_reply("220");
    instance.connect(Service::Smtp).expect_reply("220");
    edit(
        &instance,
        &format!("\"{here}\", \"{there}\""),
        &format!("\"{there}\""),
    );
    mox(&instance, &["config", "reload"]).ok();
    assert!(TcpStream::connect(instance.address(Service::Smtp)).is_err());
    assert!(
        addresses(&instance)
            .iter()
            .all(|a| a.starts_with(&there.to_string()))
    );
    both.smtp("NOOP", "250");
    open.go_on();
}

#[test]
fn other_tls_settings_are_for_new_connections() {
    let instance = serving();
    let handshake = |version: &str| {
        let address = instance.address(Service::Imaps);
        let shell = format!("openssl s_client -{version} -connect {address} </dev/null");
        process::run(instance.program("sh").args(["-c", &shell]), b"")
            .unwrap()
            .code()
    };
    assert_eq!(handshake("tls1_2"), 0);
    let open = Open::new(&instance);
    edit(&instance, "tls = { ", "tls = { min_version = \"1.3\", ");
    mox(&instance, &["config", "reload"]).ok();
    assert_ne!(handshake("tls1_2"), 0);
    assert_eq!(handshake("tls1_3"), 0);
    // A login without TLS was allowed here, and is not from now on.
    edit(
        &instance,
        ", tls_required = false }\nsubmissions",
        " }\nsubmissions",
    );
    mox(&instance, &["config", "reload"]).ok();
    let mut new = instance.connect(Service::Submission);
    new.expect_reply("220");
    let told = new.smtp("EHLO client.example", "250").join("\n");
    assert!(!told.contains("AUTH"), "{told}");
    open.go_on();
}

#[test]
fn a_listener_has_a_name_and_greets_with_another_after_a_reload() {
    let instance = serving();
    let mut old = instance.connect(Service::Smtp);
    assert!(old.expect_reply("220")[0].starts_with("220 localhost "));
    edit(
        &instance,
        "[listeners.local]\n",
        "[listeners.local]\nhostname = \"mail.example\"\n",
    );
    mox(&instance, &["config", "reload"]).ok();
    let mut new = instance.connect(Service::Smtp);
    assert!(new.expect_reply("220")[0].starts_with("220 mail.example "));
    assert!(old.smtp("EHLO client.example", "250")[0].starts_with("250-localhost"));
}

#[test]
fn an_address_that_cannot_be_had_changes_nothing() {
    let instance = serving();
    let held = TcpListener::bind(SocketAddr::new(instance.ip(), 0)).unwrap();
    let taken = held.local_addr().unwrap();
    let listeners = status(&instance)["listeners"].clone();
    let port = |n: u16| format!("port = {n}");
    // Another port moves in the same edit: it must not, either.
    let free = free_port(&instance);
    edit(&instance, &port(instance.port(Service::Smtp)), &port(free));
    edit(
        &instance,
        &port(instance.port(Service::Imap)),
        &port(taken.port()),
    );
    let output = mox(&instance, &["config", "reload", "--json"]);
    assert_eq!(output.code(), 6);
    assert!(
        output.err().contains(&taken.to_string()),
        "{}",
        output.err()
    );
    assert_eq!(status(&instance)["listeners"], listeners);
    instance.connect(Service::Smtp).expect_reply("220");
    assert!(TcpStream::connect(SocketAddr::new(instance.ip(), free)).is_err());
    drop(held);
    mox(&instance, &["config", "reload"]).ok();
    TcpStream::connect(SocketAddr::new(instance.ip(), free)).unwrap();
    TcpStream::connect(taken).unwrap();
}

/// The same by the file watch alone: nobody asked for a reload.
#[test]
fn a_hand_edit_with_an_address_that_cannot_be_had_is_told_and_changes_nothing() {
    let mut instance = serving();
    let held = TcpListener::bind(SocketAddr::new(instance.ip(), 0)).unwrap();
    let taken = held.local_addr().unwrap().port();
    let file = instance.config().unwrap().to_owned();
    let good = std::fs::read_to_string(&file).unwrap();
    let before = status(&instance)["generation"].clone();
    let smtp = format!("port = {}", instance.port(Service::Smtp));
    edit(&instance, &smtp, &format!("port = {taken}"));
    let told = loop {
        let message = instance.next_message(ENOUGH).unwrap();
        if message.starts_with("STATUS=") && message.contains("; ") {
            break message;
        }
    };
    assert!(told.contains(&taken.to_string()), "{told}");
    let now = status(&instance);
    assert_eq!(now["generation"], before);
    assert_ne!(now["last_reload_error"], "");
    instance.connect(Service::Smtp).expect_reply("220");
    // Mended by hand, it is no trouble any more.
    std::fs::write(&file, good).unwrap();
    let whole = format!("STATUS=serving generation {before}");
    instance.wait_for(&whole, ENOUGH).unwrap();
    assert_eq!(status(&instance)["last_reload_error"], "");
}

#[test]
fn a_listener_moves_while_its_connections_live_on() {
    let instance = serving();
    let mut open = instance.connect(Service::Smtp);
    open.expect_reply("220");
    open.smtp("EHLO client.example", "250");
    let mut other = instance.connect(Service::Imaps);
    other.hear();
    let free = free_port(&instance);
    let port = |n: u16| format!("port = {n}");
    edit(&instance, &port(instance.port(Service::Smtp)), &port(free));
    mox(&instance, &["config", "reload"]).ok();
    TcpStream::connect(SocketAddr::new(instance.ip(), free)).unwrap();
    assert!(TcpStream::connect(instance.address(Service::Smtp)).is_err());
    open.smtp("NOOP", "250");
    other.imap("1 NOOP");
    open.smtp("QUIT", "221");
}

#[test]
fn an_address_becomes_wider_and_narrower() {
    let instance = serving();
    let good = fs::read_to_string(instance.config().unwrap()).unwrap();
    // A port that is free here may be somebody's at another address.
    let free = (0..20)
        .find_map(|_| {
            let free = free_port(&instance);
            let wide =
                format!("[listeners.wide]\nips = [\"0.0.0.0\"]\nsmtp = {{ port = {free} }}\n");
            let text = good.replace("[listeners.local]", &(wide + "\n[listeners.local]"));
            fs::write(instance.config().unwrap(), text).unwrap();
            (mox(&instance, &["config", "reload"]).code() == 0).then_some(free)
        })
        .expect("a port that is free at every address");
    // Only the socket that leaves is in the way.
    let narrow = format!("ips = [\"{}\"]", instance.ip());
    edit(&instance, "ips = [\"0.0.0.0\"]", &narrow);
    mox(&instance, &["config", "reload"]).ok();
    TcpStream::connect(SocketAddr::new(instance.ip(), free)).unwrap();
    assert!(TcpStream::connect(("127.0.0.1", free)).is_err());
}

/// A port of the instance's address that nothing listens on.
pub(super) fn free_port(instance: &Instance) -> u16 {
    let any = SocketAddr::new(instance.ip(), 0);
    TcpListener::bind(any).unwrap().local_addr().unwrap().port()
}
