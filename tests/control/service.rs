//! The systemd unit: systemd takes it and calls it well protected, and what the server asks of the kernel is
//! within what the unit allows.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use super::support::instance::{Instance, Service};
use super::support::process;
use super::{initialised, mox};

/// What `systemd-analyze security` may say at most; 10 is a service without any protection.
const EXPOSURE: f64 = 2.0;

#[test]
fn systemd_takes_the_unit() {
    let instance = initialised();
    let unit = instance.root().join("mox.service");
    let text = mox(&instance, &["config", "printservice"]).ok();
    assert!(text.contains("server/config/mox.toml\" serve\n"), "{text}");
    // No user stands in a local server's file, and no unit file is without one in earnest.
    let text = text.replace(
        "CapabilityBoundingSet=",
        "User=mail\nAmbientCapabilities=CAP_NET_BIND_SERVICE\nCapabilityBoundingSet=",
    );
    std::fs::write(&unit, text).unwrap();
    let mut verify = Command::new("systemd-analyze");
    let said = process::run(verify.args(["verify", "--man=no"]).arg(&unit), b"").unwrap();
    // systemd before 253 falls back from notify-reload, as the unit says.
    let complaints: Vec<String> = said
        .err()
        .lines()
        .filter(|line| line.contains("mox.service") && !line.contains("notify-reload"))
        .map(str::to_owned)
        .collect();
    assert!(
        said.status.success() && complaints.is_empty(),
        "{complaints:?}"
    );

    let mut security = Command::new("systemd-analyze");
    security
        .args(["security", "--offline=true", "--no-pager"])
        .arg(&unit);
    let said = process::run(&mut security, b"").unwrap().ok();
    let overall = said
        .lines()
        .find(|line| line.contains("Overall exposure"))
        .unwrap();
    let exposure: f64 = overall
        .split_whitespace()
        .find_map(|word| word.parse().ok())
        .unwrap();
    assert!(exposure <= EXPOSURE, "{said}");
}

/// Every call of a set of systemd's, those of the sets in it included.
fn calls_of(set: &str) -> BTreeSet<String> {
    let mut command = Command::new("systemd-analyze");
    command.args(["--no-pager", "syscall-filter", set]);
    let said = process::run(&mut command, b"").unwrap().ok();
    let words = said.lines().skip(1).map(str::trim);
    let words = words.filter(|word| !word.is_empty() && !word.starts_with('#'));
    words
        .flat_map(|word| match word.starts_with('@') {
            true => calls_of(word),
            false => BTreeSet::from([word.to_owned()]),
        })
        .collect()
}

/// What the filters of the unit leave (systemd.exec(5)): the sets named first, and always the default ones,
/// without those behind a tilde.
fn allowed(unit: &str) -> BTreeSet<String> {
    let mut allowed = calls_of("@default");
    let filters = unit
        .lines()
        .filter_map(|line| line.strip_prefix("SystemCallFilter="));
    let mut count = 0;
    for set in filters.flat_map(str::split_whitespace) {
        count += 1;
        match set.strip_prefix('~') {
            Some(set) => {
                let less = calls_of(set);
                allowed.retain(|call| !less.contains(call));
            }
            None => allowed.extend(calls_of(set)),
        }
    }
    assert!(count > 1 && allowed.len() > 100, "{unit}");
    allowed
}

#[track_caller]
fn run(command: &mut Command) -> String {
    process::run(command, b"").unwrap().ok()
}

/// A day of the server: mail in and out, large and small, changes by command and by hand, reloads.
fn live(instance: &Instance) {
    let root = instance.root();
    let ip = instance.ip().to_string();
    let large = root.join("large");
    fs::write(&large, "A line of text.\r\n".repeat(40_000)).unwrap();
    let file = format!("@{}", large.display());
    let login = "--auth PLAIN --auth-user mox@localhost --auth-password moxmoxmox";
    for (service, more) in [
        (Service::Smtp, ""),
        (Service::Smtp, "--tls"),
        (Service::Submission, login),
        (Service::Submissions, login),
    ] {
        let mut swaks = instance.program("swaks");
        let port = instance.port(service).to_string();
        swaks.args(["--server", &ip, "--port", &port, "--helo", "client.example"]);
        swaks.args([
            "--from",
            "mox@localhost",
            "--to",
            "mox@localhost",
            "--body",
            &file,
        ]);
        if service.tls() {
            swaks.arg("--tls-on-connect");
        }
        run(swaks.args(more.split_whitespace()));
    }
    let base = format!("imaps://{ip}:{}", instance.port(Service::Imaps));
    let upload = large.display().to_string();
    for (path, more) in [
        ("INBOX;MAILINDEX=1", &[][..]),
        ("Archive", &["--upload-file", &upload]),
        ("INBOX", &["--request", "SEARCH TEXT line"]),
        ("INBOX", &["--request", "COPY 1:2 Archive"]),
        ("INBOX", &["--request", "STORE 1:* +FLAGS (\\Deleted)"]),
        ("INBOX", &["--request", "EXPUNGE"]),
        ("", &["--request", "CREATE other"]),
        ("", &["--request", "RENAME other another"]),
    ] {
        let mut curl = instance.program("curl");
        curl.args([
            "--silent",
            "--insecure",
            "--user",
            "mox@localhost:moxmoxmox",
        ]);
        run(curl.arg(format!("{base}/{path}")).args(more));
    }
    for command in [
        "config domain add example.org alice alice",
        "config account set alice quota 1GB",
        "config alias add all@example.org alice@example.org mox@localhost",
        "config dnsrecords example.org",
        "config domain disable example.org",
        "config history",
        "config rollback 2",
        "loglevels debug",
        "config reload",
        "sessions list",
        "explain rcpt alice@example.org",
        "config account rm --wait alice",
    ] {
        let arguments: Vec<&str> = command.split(' ').collect();
        mox(instance, &arguments).ok();
    }
    super::edit(instance, "[server]", "# By hand.\n[server]");
    mox(instance, &["config", "reload"]).ok();
}

/// The unit's own rules cannot be had without systemd; what they would forbid can be seen, though.
#[test]
fn the_server_asks_for_nothing_that_the_unit_forbids() {
    let mut instance = initialised();
    let unit = mox(&instance, &["config", "printservice"]).ok();
    let trace = instance.root().join("trace");
    let mut command = instance.program("strace");
    command.args(["-f", "-qq", "-s", "0", "-o"]).arg(&trace);
    command.args([env!("CARGO_BIN_EXE_mox"), "serve"]);
    instance.serve_by(command).unwrap();
    live(&instance);
    instance.stop().unwrap();

    let text = fs::read_to_string(&trace).unwrap();
    // `123 call(arguments…`; what was interrupted has begun on a line of this kind.
    let calls = text.lines().filter_map(|line| {
        let call = line.split_once(' ')?.1.trim_start();
        let (name, arguments) = call.split_once('(')?;
        let is_name = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        is_name.then_some((name, arguments))
    });
    let calls: Vec<(&str, &str)> = calls.collect();
    let seen: BTreeSet<String> = calls.iter().map(|(name, _)| (*name).to_owned()).collect();
    for expected in ["accept4", "fdatasync", "renameat2", "inotify_add_watch"] {
        let found = seen.iter().any(|call| call.starts_with(&expected[..6]));
        assert!(found, "no {expected} in {seen:?}");
    }
    let allowed = allowed(&unit);
    let forbidden: Vec<&String> = seen.difference(&allowed).collect();
    assert!(forbidden.is_empty(), "{forbidden:?}");

    let line = |key: &str| {
        unit.lines()
            .find_map(|line| line.strip_prefix(key))
            .unwrap()
    };
    assert_eq!(line("MemoryDenyWriteExecute="), "yes");
    let families: Vec<&str> = line("RestrictAddressFamilies=").split(' ').collect();
    let mut sockets = 0;
    for (name, arguments) in calls {
        let executable = arguments.contains("PROT_WRITE") && arguments.contains("PROT_EXEC");
        assert!(!executable, "{name}({arguments}");
        if name == "socket" {
            let family = arguments.split(',').next().unwrap();
            assert!(families.contains(&family), "{family}");
            sockets += 1;
        }
    }
    assert!(sockets > 3, "{sockets}");
}
