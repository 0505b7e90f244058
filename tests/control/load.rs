//! Sessions of all protocols go on while the server is reloaded two hundred times: by commands, by hand, by
//! signals, with listeners that come and go and certificates that change. None of them may notice.

use std::fs;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use base64::Engine as _;

use super::listeners::free_port;
use super::support::client::Client;
use super::support::instance::{Instance, Service};
use super::support::process;
use super::{generation, mox, serving, status};

const RELOADS: usize = 200;

const LOGIN: &str = "LOGIN mox@localhost moxmoxmox";

/// Ends the other threads' loops, also when the test fails.
struct Stop<'s>(&'s AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Greeted, and with TLS if it is to be and was not from the start.
fn smtp(instance: &Instance, service: Service, starttls: bool) -> Client {
    let mut client = instance.connect(service);
    client.expect_reply("220");
    client.smtp("EHLO client.example", "250");
    if starttls {
        client.smtp("STARTTLS", "220");
        client.start_tls(None).unwrap();
        client.smtp("EHLO client.example", "250");
    }
    if service != Service::Smtp {
        let plain = base64::engine::general_purpose::STANDARD.encode("\0mox@localhost\0moxmoxmox");
        client.smtp(&format!("AUTH PLAIN {plain}"), "235");
    }
    client
}

fn message(client: &mut Client, service: Service) {
    let from = match service {
        Service::Smtp => "a@client.example",
        _ => "mox@localhost",
    };
    client.smtp(&format!("MAIL FROM:<{from}>"), "250");
    client.smtp("RCPT TO:<mox@localhost>", "250");
    client.smtp("DATA", "354");
    client.say(&format!("From: <{from}>\r\nSubject: load\r\n\r\ntext"));
    client.smtp(".", "250");
}

fn imap(instance: &Instance, service: Service, starttls: bool) -> Client {
    let mut client = instance.connect(service);
    client.hear();
    if starttls {
        client.imap("s STARTTLS");
        client.start_tls(None).unwrap();
    }
    client.imap(&format!("l {LOGIN}"));
    client.imap("e SELECT INBOX");
    client
}

/// What one thread does, again and again.
type Session<'i> = Box<dyn FnMut() + Send + 'i>;

/// Each with a name for its count; some with a connection for each time, some with one for all.
fn sessions(instance: &Instance) -> Vec<(&'static str, Session<'_>)> {
    let mut all: Vec<(&'static str, Session<'_>)> = Vec::new();
    for (name, service, starttls) in [
        ("smtp", Service::Smtp, false),
        ("smtp, STARTTLS", Service::Smtp, true),
        ("submission", Service::Submission, false),
        ("submission, STARTTLS", Service::Submission, true),
        ("submissions", Service::Submissions, false),
    ] {
        let session = move || {
            let mut client = smtp(instance, service, starttls);
            message(&mut client, service);
            client.smtp("QUIT", "221");
        };
        all.push((name, Box::new(session)));
    }
    let mut client = smtp(instance, Service::Smtp, true);
    let session = move || message(&mut client, Service::Smtp);
    all.push(("smtp, one connection", Box::new(session)));
    for (name, service, starttls) in [
        ("imap", Service::Imap, false),
        ("imap, STARTTLS", Service::Imap, true),
        ("imaps", Service::Imaps, false),
    ] {
        let session = move || {
            let mut client = imap(instance, service, starttls);
            client.imap("1 UID FETCH * FLAGS");
            client.imap("2 LOGOUT");
        };
        all.push((name, Box::new(session)));
    }
    let mut client = imap(instance, Service::Imaps, false);
    let session = move || {
        client.imap("1 STATUS INBOX (MESSAGES UNSEEN)");
        client.imap("2 NOOP");
    };
    all.push(("imaps, one connection", Box::new(session)));
    let mut client = imap(instance, Service::Imap, true);
    let session = move || {
        client.say("i IDLE");
        // The others deliver all the time.
        while !client.hear().ends_with(" EXISTS") {}
        client.say("DONE");
        client.until_tag("i");
    };
    all.push(("imap, IDLE", Box::new(session)));
    all
}

/// The reloads, ten kinds in turn.
struct Reloads<'i> {
    instance: &'i Instance,
    original: String,
    ports: [u16; 2],
}

impl Reloads<'_> {
    fn make(&self, number: usize) {
        let config = |command: &[&str]| {
            let command = [&["config"], command].concat();
            mox(self.instance, &command).ok();
        };
        let domain = format!("d{}.example", number / 10);
        let address = format!("x@{domain}");
        match number % 10 {
            0 => config(&["domain", "add", &domain, "mox"]),
            1 => config(&["address", "add", &address, "mox"]),
            2 => config(&["domain", "disable", &domain]),
            3 => config(&["address", "rm", &address]),
            4 => config(&["domain", "rm", "--yes", &domain]),
            5 => self.write(&format!("# by hand, {number}\n")),
            6 => {
                self.write(&format!("# and by a signal, {number}\n"));
                self.signal();
            }
            // A listener comes, moves, and goes.
            7 => self.listener(self.ports[0]),
            8 => self.listener(self.ports[1]),
            _ => self.certificate(number),
        }
    }

    fn write(&self, end: &str) {
        let file = self.instance.config().unwrap();
        let beside = file.with_extension("new");
        fs::write(&beside, format!("{}{end}", self.original)).unwrap();
        fs::rename(&beside, file).unwrap();
    }

    /// The next command waits behind what it starts.
    fn signal(&self) {
        let pid = self.instance.pid().unwrap().to_string();
        let mut kill = self.instance.program("kill");
        process::run(kill.args(["-s", "HUP", &pid]), b"")
            .unwrap()
            .ok();
    }

    fn listener(&self, port: u16) {
        let ip = self.instance.ip();
        self.write(&format!(
            "[listeners.extra]\nips = [\"{ip}\"]\nsmtp = {{ port = {port} }}\n"
        ));
        mox(self.instance, &["config", "reload"]).ok();
        let mut client = Client::connect(SocketAddr::new(ip, port), false, None).unwrap();
        client.expect_reply("220");
        client.smtp("QUIT", "221");
    }

    /// Another pair, one file after the other: noticed by itself, and asked for in every second case.
    fn certificate(&self, number: usize) {
        let made = mox::x509::self_signed(&["localhost"], &[]).unwrap();
        for (name, text) in [
            ("localhost.key.pem", made.key_pem),
            ("localhost.crt.pem", made.cert_pem),
        ] {
            let file = self.instance.config().unwrap().with_file_name(name);
            let beside = file.with_extension("new");
            fs::write(&beside, text).unwrap();
            fs::rename(&beside, file).unwrap();
        }
        self.write("");
        if number % 20 < 10 {
            mox(self.instance, &["config", "reload"]).ok();
        }
    }
}

#[test]
fn no_session_notices_two_hundred_reloads() {
    let instance = serving();
    let reloads = Reloads {
        original: fs::read_to_string(instance.config().unwrap()).unwrap(),
        ports: [free_port(&instance), free_port(&instance)],
        instance: &instance,
    };
    let stop = AtomicBool::new(false);
    let mut counts = Vec::new();
    thread::scope(|scope| {
        let stopping = Stop(&stop);
        let threads: Vec<_> = sessions(&instance)
            .into_iter()
            .map(|(name, mut session)| {
                let stop = &stop;
                let thread = scope.spawn(move || {
                    let mut count = 0;
                    while !stop.load(Ordering::Relaxed) {
                        session();
                        count += 1;
                    }
                    count
                });
                (name, thread)
            })
            .collect();
        for number in 0..RELOADS {
            reloads.make(number);
        }
        drop(stopping);
        // The idling session may wait for a delivery that no other thread makes any more.
        let mut last = smtp(&instance, Service::Smtp, false);
        while threads.iter().any(|(_, thread)| !thread.is_finished()) {
            message(&mut last, Service::Smtp);
        }
        counts.extend(
            threads
                .into_iter()
                .map(|(name, thread)| (name, thread.join().unwrap())),
        );
    });
    for (name, count) in &counts {
        assert!(*count > 0, "{name}: {counts:?}");
    }
    eprintln!("{RELOADS} reloads beside {counts:?}");
    assert!(generation(&instance) > 100);
    assert_eq!(status(&instance)["last_reload_error"], "");
    let log = instance.log();
    assert!(!log.contains("panic"), "a panic in the log");
}
