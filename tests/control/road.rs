//! The whole road of a newcomer: a server is made, started, sent mail to, read from, and its DNS records are
//! set and checked. Once started by root, once as the systemd unit starts it.

use std::fs;
use std::process::Command;

use serde_json::Value;

use super::dns::DnsServer;
use super::quickstart::{self, USER, as_root, said};
use super::support::instance::Instance;
use super::support::process;

struct Road {
    instance: Instance,
    dns: DnsServer,
    password: String,
    unit: String,
}

/// Up to the files, with the ports that mail has.
fn begin() -> Road {
    let dns = DnsServer::start();
    let instance = quickstart::empty();
    let address = dns.address().to_string();
    let mut made = quickstart::command(&instance, &address, &["--skip-dial"]);
    let made = said(process::run(&mut made, b"").unwrap());
    let service = made["service_file"].as_str().unwrap();
    Road {
        password: made["password"].as_str().unwrap().to_owned(),
        unit: fs::read_to_string(service).unwrap(),
        instance,
        dns,
    }
}

impl Road {
    /// The value of a line of the unit.
    #[track_caller]
    fn of_unit(&self, key: &str) -> String {
        let line = self.unit.lines().find_map(|line| line.strip_prefix(key));
        let line = line.unwrap_or_else(|| panic!("no {key} in {}", self.unit));
        line.trim_start_matches('=').replace('"', "")
    }

    /// What systemd would run, with the user and the capabilities that the unit says.
    fn start_as_unit(&mut self) {
        let user = self.of_unit("User");
        let capability = self.of_unit("AmbientCapabilities");
        assert_eq!(capability, self.of_unit("CapabilityBoundingSet"));
        let only = format!(
            "-all,+{}",
            capability.trim_start_matches("CAP_").to_lowercase()
        );
        let mut command = self.instance.program("setpriv");
        command.args(["--reuid", &user, "--regid", &user, "--init-groups"]);
        command
            .arg("--no-new-privs")
            .arg(format!("--bounding-set={only}"));
        command
            .arg(format!("--inh-caps={only}"))
            .arg(format!("--ambient-caps={only}"));
        command.args(self.of_unit("ExecStart").split(' '));
        self.instance.serve_by(command).unwrap();
    }

    #[track_caller]
    fn run(&self, command: &mut Command) -> String {
        process::run(command, b"").unwrap().ok()
    }

    fn swaks(&self, port: &str, extra: &[&str]) {
        let ip = self.instance.ip().to_string();
        let mut swaks = self.instance.program("swaks");
        swaks.args(["--server", &ip, "--port", port, "--helo", "client.example"]);
        self.run(swaks.args(["--to", "alice@example.org"]).args(extra));
    }

    fn curl(&self, password: &str, path: &str) -> process::Output {
        let mut curl = self.instance.program("curl");
        curl.args(["--silent", "--insecure", "--user"]);
        curl.arg(format!("alice@example.org:{password}"));
        curl.arg(format!("imaps://{}/{path}", self.instance.ip()));
        process::run(&mut curl, b"").unwrap()
    }

    /// The process is the user, and may bind low ports and nothing else.
    #[track_caller]
    fn is_bare(&self) {
        let user = self.run(Command::new("id").args(["-u", USER]));
        let status = format!("/proc/{}/status", self.instance.pid().unwrap());
        let status = fs::read_to_string(status).unwrap();
        let of = |key: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(key));
            line.unwrap()
                .split_whitespace()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        assert_eq!(of("Uid:"), vec![user.trim(); 4]);
        for kind in ["CapEff:", "CapPrm:"] {
            assert_eq!(of(kind), ["0000000000000400"], "{status}");
        }
    }

    fn walk(mut self) {
        self.is_bare();
        self.swaks(
            "25",
            &[
                "--from",
                "friend@elsewhere.example",
                "--header",
                "Subject: from outside",
            ],
        );
        let login = [
            "--auth",
            "PLAIN",
            "--auth-user",
            "alice@example.org",
            "--auth-password",
            &self.password,
        ];
        let own = [
            "--tls-on-connect",
            "--from",
            "alice@example.org",
            "--header",
            "Subject: from alice",
        ];
        self.swaks("465", &[&login[..], &own[..]].concat());
        assert_eq!(self.curl("wrong", "INBOX").status.code(), Some(67));
        for (index, subject) in [(1, "from outside"), (2, "from alice")] {
            let message = self
                .curl(&self.password, &format!("INBOX;MAILINDEX={index}"))
                .ok();
            assert!(
                message.contains(&format!("Subject: {subject}")),
                "{message}"
            );
        }

        // Nothing is there yet.
        let checked = super::mox(&self.instance, &["config", "dnscheck", "example.org"]);
        assert_eq!(checked.status.code(), Some(1), "{}", checked.out());
        let text = super::mox(&self.instance, &["config", "dnsrecords", "example.org"]).ok();
        // What is a comment belongs into other zones.
        let records = text.lines().map(|line| match line.strip_prefix("; ") {
            Some(comment) if comment.contains(" IN ") => comment,
            _ => line,
        });
        let records: Vec<&str> = records.collect();
        self.dns.zone("example.org.", &records.join("\n"));
        let checked = super::mox(
            &self.instance,
            &["config", "dnscheck", "example.org", "--json"],
        );
        let checks: Vec<Value> = serde_json::from_str(&checked.ok()).unwrap();
        let wrong: Vec<&Value> = checks.iter().filter(|one| one["status"] != "ok").collect();
        assert!(wrong.is_empty() && checks.len() > 12, "{checks:#?}");

        // What the server itself writes: keys, a folder, mox.toml.
        let add = ["config", "domain", "add", "example.net", "bob", "bob"];
        super::mox(&self.instance, &add).ok();
        super::mox(&self.instance, &["config", "test"]).ok();
        let status = super::status(&self.instance);
        assert_eq!(status["generation"], 2, "{status}");
        self.instance.stop().unwrap();
    }
}

#[test]
fn started_by_root() {
    if !as_root("the road from quickstart to mail and DNS") {
        return;
    }
    let mut road = begin();
    road.instance.serve().unwrap();
    road.walk();
}

#[test]
fn started_as_the_unit_does() {
    if !as_root("the road from quickstart to mail and DNS, started as by the unit") {
        return;
    }
    let mut road = begin();
    road.start_as_unit();
    road.walk();
}
