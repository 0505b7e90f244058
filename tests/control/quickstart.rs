//! A server for a domain from nothing: made, found in the way of another, taken back after a failure; with
//! certificates and networks of all kinds. As root only: elsewhere there is nobody to give files to.

use std::fs::{self, Permissions};
use std::io::Write;
use std::net::{TcpListener, UdpSocket};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use mox::x509;
use serde_json::Value;

use super::dns::DnsServer;
use super::support::instance::Instance;
use super::support::process::{self, Output};

/// A unix user that every system has.
pub(super) const USER: &str = "mail";

/// Whether it can be tested; if not, says so past the test harness, which shows nothing of what passes.
pub(super) fn as_root(test: &str) -> bool {
    let root = fs::metadata("/proc/self").is_ok_and(|meta| meta.uid() == 0);
    if !root {
        let said = format!("NOT TESTED, as this is not root: {test}\n");
        std::io::stderr().write_all(said.as_bytes()).unwrap();
    }
    root
}

/// Makes a server in the sandbox's folder `made`.
pub(super) fn command(instance: &Instance, dns: &str, extra: &[&str]) -> Command {
    let mut command = instance.mox(["quickstart", "--hostname", "mail.example.org"]);
    command.args(["--ip", &instance.ip().to_string(), "--resolver", dns]);
    // Not what this machine happens to have.
    command.args(["--certbot", "certbot", "--dir", "made", "--json"]);
    command.args(extra).args(["alice@example.org", USER]);
    command
}

/// With a DNS server that knows nothing, and without a look at the network.
fn quickstart(instance: &Instance, extra: &[&str], faults: &str) -> Output {
    let dns = DnsServer::start();
    let mut command = command(instance, &dns.address().to_string(), extra);
    command.arg("--skip-dial");
    if !faults.is_empty() {
        command.env("MOX_FAULT", faults);
    }
    process::run(&mut command, b"").unwrap()
}

/// What it said that it made.
#[track_caller]
pub(super) fn said(output: Output) -> Value {
    serde_json::from_str(&output.ok()).unwrap()
}

/// A sandbox that the user can get into.
pub(super) fn empty() -> Instance {
    let mut instance = Instance::new(env!("CARGO_BIN_EXE_mox"));
    mode(instance.root(), 0o755);
    instance.set_config("made/config/mox.toml");
    instance
}

#[track_caller]
fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[test]
fn it_makes_a_server_and_writes_over_nothing() {
    if !as_root("quickstart") {
        return;
    }
    let instance = empty();
    let made = said(quickstart(&instance, &[], ""));
    assert_eq!(made["account"], "alice");
    assert_eq!(made["password"].as_str().unwrap().len(), 20);
    assert_ne!(made["password"], made["admin_password"]);
    assert!(made["records"].as_array().unwrap().len() > 10, "{made}");
    super::mox(&instance, &["config", "test"]).ok();
    let read = |name: &str| fs::read(instance.root().join("made").join(name)).unwrap();
    let before = (read("config/mox.toml"), read("config/host.key.pem"));
    let again = quickstart(&instance, &[], "");
    assert_eq!(again.status.code(), Some(4), "{}", again.err());
    assert!(again.err().contains("exists already"), "{}", again.err());
    assert_eq!(
        (read("config/mox.toml"), read("config/host.key.pem")),
        before
    );
}

/// Files are the user's alone, the unit and the folder above are root's.
#[test]
fn files_have_the_right_owners() {
    if !as_root("owners of what quickstart makes") {
        return;
    }
    let instance = empty();
    // An admin's umask must not keep the user out.
    let mut made = Command::new("sh");
    made.args(["-c", "umask 077; exec \"$@\"", "sh"]);
    let dns = DnsServer::start();
    let address = dns.address().to_string();
    let inner = command(&instance, &address, &["--skip-dial"]);
    made.arg(inner.get_program()).args(inner.get_args());
    made.current_dir(instance.root());
    process::run(&mut made, b"").unwrap().ok();
    let user = fs::metadata(instance.root().join("made/data"))
        .unwrap()
        .uid();
    assert_ne!(user, 0);
    let mut waiting = vec![instance.root().join("made")];
    let mut seen = 0;
    while let Some(path) = waiting.pop() {
        let meta = fs::symlink_metadata(&path).unwrap();
        let inner = path.strip_prefix(instance.root()).unwrap();
        let root = ["made", "made/mox.service"].map(Path::new).contains(&inner);
        assert_eq!(meta.uid(), if root { 0 } else { user }, "{inner:?}");
        if !root {
            assert_eq!(meta.mode() & 0o077, 0, "{inner:?}");
        }
        if meta.is_dir() {
            let entries = fs::read_dir(&path).unwrap();
            waiting.extend(entries.map(|entry| entry.unwrap().path()));
        }
        seen += 1;
    }
    assert!(seen > 10, "{seen}");
}

#[test]
fn who_cannot_make_it_is_told() {
    let instance = empty();
    let arguments = ["quickstart", "--skip-dial", "a@example.org", "no-such-user"];
    let mut command = instance.mox(arguments);
    if as_root("quickstart for a user that is not there") {
        let said = process::run(&mut command, b"").unwrap();
        assert_eq!(said.status.code(), Some(1));
        assert!(said.err().contains("useradd"), "{}", said.err());
        command = instance.program("setpriv");
        command.args(["--reuid", USER, "--regid", USER, "--clear-groups"]);
        command.arg(env!("CARGO_BIN_EXE_mox")).args(arguments);
    }
    let said = process::run(&mut command, b"").unwrap();
    assert_eq!(said.status.code(), Some(1));
    assert!(said.err().contains("run as root"), "{}", said.err());
}

#[test]
fn a_place_that_the_user_cannot_enter_is_refused() {
    if !as_root("quickstart in a closed folder") {
        return;
    }
    let instance = empty();
    let closed = instance.root().join("made");
    fs::create_dir(&closed).unwrap();
    mode(&closed, 0o700);
    let said = quickstart(&instance, &[], "");
    let expected = format!("user {USER} cannot enter {}", closed.display());
    assert!(said.err().contains(&expected), "{}", said.err());
    assert_eq!(fs::read_dir(&closed).unwrap().count(), 0);
}

/// A certificate with its key, for everybody to read.
fn pair(folder: &Path, number: &str) -> (PathBuf, PathBuf) {
    fs::create_dir_all(folder).unwrap();
    let made = x509::self_signed(&["mail.example.org"], &[]).unwrap();
    let cert = folder.join(format!("fullchain{number}.pem"));
    let key = folder.join(format!("privkey{number}.pem"));
    fs::write(&cert, made.cert_pem).unwrap();
    fs::write(&key, made.key_pem).unwrap();
    for (path, bits) in [(folder, 0o755), (&cert, 0o644), (&key, 0o644)] {
        mode(path, bits);
    }
    (cert, key)
}

#[test]
fn a_certificate_that_is_given_is_used_if_the_user_can_read_it() {
    if !as_root("quickstart --cert --key") {
        return;
    }
    let instance = empty();
    let folder = instance.root().join("own");
    let (cert, key) = pair(&folder, "");
    let (_, other) = pair(&folder, "2");
    let run = |cert: &Path, key: &Path| {
        let (cert, key) = (cert.to_str().unwrap(), key.to_str().unwrap());
        quickstart(&instance, &["--cert", cert, "--key", key], "")
    };
    let refused = |key: &Path, why: &str| {
        let said = run(&cert, key);
        assert_eq!(said.status.code(), Some(1), "{}", said.err());
        assert!(said.err().contains(why), "{}", said.err());
        assert!(!instance.root().join("made").exists());
    };
    refused(&other, "privkey2.pem");
    mode(&key, 0o600);
    refused(&key, &format!("cannot get at {}", key.display()));
    mode(&key, 0o644);
    mode(&folder, 0o700);
    refused(&key, &format!("cannot get at {}\"", folder.display()));
    mode(&folder, 0o755);
    let made = said(run(&cert, &key));
    assert_eq!(made["self_signed"], false);
    let text = fs::read_to_string(instance.config().unwrap()).unwrap();
    assert!(
        text.contains(&format!("key = \"{}\"", key.display())),
        "{text}"
    );
    assert!(!instance.root().join("made/config/host.key.pem").exists());
    super::mox(&instance, &["config", "test"]).ok();
}

/// As certbot lays it out: links from `live`, and both folders closed.
#[test]
fn a_certificate_of_certbot_is_used_if_the_user_can_read_it() {
    if !as_root("quickstart with a certificate of certbot") {
        return;
    }
    let with_modes = |modes: [u32; 2]| {
        let instance = empty();
        let certbot = instance.root().join("certbot");
        let (archive, live) = (certbot.join("archive"), certbot.join("live"));
        pair(&archive.join("mail.example.org"), "1");
        let host = live.join("mail.example.org");
        fs::create_dir_all(&host).unwrap();
        for name in ["fullchain", "privkey"] {
            let target = format!("../../archive/mail.example.org/{name}1.pem");
            symlink(target, host.join(format!("{name}.pem"))).unwrap();
        }
        for path in [&certbot, &host] {
            mode(path, 0o755);
        }
        mode(&archive, modes[0]);
        mode(&live, modes[1]);
        let made = said(quickstart(&instance, &[], ""));
        super::mox(&instance, &["config", "test"]).ok();
        (made, instance)
    };
    let warned = |made: &Value, place: &str| {
        assert_eq!(made["self_signed"], true);
        let warnings = made["warnings"].to_string();
        assert!(
            warnings.contains(&format!("certbot/{place}\"")),
            "{warnings}"
        );
    };
    warned(&with_modes([0o700, 0o755]).0, "archive");
    warned(&with_modes([0o755, 0o700]).0, "live");
    let (made, instance) = with_modes([0o755, 0o755]);
    assert_eq!(made["self_signed"], false);
    let text = fs::read_to_string(instance.config().unwrap()).unwrap();
    // The link, which leads to the newest one.
    let link = "certbot/live/mail.example.org/privkey.pem\"";
    assert!(text.contains(link), "{text}");
}

#[test]
fn another_web_server_keeps_its_ports() {
    if !as_root("quickstart --existing-webserver") {
        return;
    }
    let http = |extra: &[&str]| {
        let instance = empty();
        said(quickstart(&instance, extra, ""));
        let shown = super::mox(&instance, &["config", "show", "--json"]).ok();
        let config: Value = serde_json::from_str(&shown).unwrap();
        let listeners = config["listeners"].as_object().unwrap().clone();
        let used = listeners.values().filter(|one| one["http"].is_object());
        used.map(|one| one["http"]["port"].as_u64().unwrap())
            .collect::<Vec<_>>()
    };
    assert_eq!(http(&[]), [80]);
    assert_eq!(http(&["--existing-webserver"]), [1080]);
}

/// Runs it with these DNS servers and a look at the network; its warnings.
fn warnings(dns: &str) -> String {
    let instance = empty();
    let made = process::run(&mut command(&instance, dns, &[]), b"");
    said(made.unwrap())["warnings"].to_string()
}

#[test]
fn a_look_at_another_mail_server() {
    if !as_root("quickstart and port 25 of other servers") {
        return;
    }
    let dns = DnsServer::start();
    let elsewhere = empty().ip();
    dns.set("gmail.com", "MX", &["10 mx.elsewhere.example."]);
    let of = || warnings(&dns.address().to_string());
    let unknown = "mx.elsewhere.example has no A record";
    assert!(of().contains(unknown), "{}", of());
    dns.set("mx.elsewhere.example", "A", &[&elsewhere.to_string()]);
    let refused =
        format!("port 25 of other mail servers cannot be reached ({elsewhere}: Connection refused");
    assert!(of().contains(&refused), "{}", of());
    for (greeting, reached) in [("220 hello\r\n", true), ("", false), ("554 no\r\n", false)] {
        let listener = TcpListener::bind((elsewhere, 25)).unwrap();
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.write_all(greeting.as_bytes()).unwrap();
        });
        let warnings = of();
        server.join().unwrap();
        assert_eq!(
            !warnings.contains("port 25 of other"),
            reached,
            "{warnings}"
        );
    }
}

#[test]
fn dns_that_does_not_answer_holds_nobody_up() {
    if !as_root("quickstart without DNS") {
        return;
    }
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let started = Instant::now();
    let said = warnings(&silent.local_addr().unwrap().to_string());
    assert_eq!(said.matches("does not answer").count(), 1, "{said}");
    assert!(
        !said.contains("reverse name") && !said.contains("port 25 of"),
        "{said}"
    );
    // Five seconds for DNS; keys are made too, and the machine may be busy.
    let taken = started.elapsed();
    assert!(taken < Duration::from_secs(12), "{taken:?}");
    let address = silent.local_addr().unwrap();
    drop(silent);
    let said = warnings(&address.to_string());
    assert!(said.contains("refused"), "{said}");
}

/// Failed at every point, nothing is left; killed there, the next run makes it all.
#[cfg(feature = "faults")]
#[test]
fn a_failure_leaves_nothing_and_a_kill_is_made_good() {
    if !as_root("failures of quickstart") {
        return;
    }
    let traced = empty();
    let trace = traced.root().join("trace");
    quickstart(&traced, &[], &format!("trace:{}", trace.display())).ok();
    let mut points: Vec<String> = fs::read_to_string(&trace)
        .unwrap()
        .lines()
        .filter_map(|line| line.split_whitespace().next().map(str::to_owned))
        .collect();
    points.sort();
    points.dedup();
    assert!(
        points.iter().any(|point| point == "admin.quickstart.made"),
        "{points:?}"
    );
    let (mut failed, mut killed) = (0, 0);
    for point in &points {
        let instance = empty();
        if !quickstart(&instance, &[], &format!("error@{point}"))
            .status
            .success()
        {
            failed += 1;
            let left = instance.root().join("made");
            assert!(!left.exists(), "{point}: {left:?} is left");
        }
        let instance = empty();
        killed += u32::from(
            !quickstart(&instance, &[], &format!("abort@{point}"))
                .status
                .success(),
        );
        let again = quickstart(&instance, &[], "");
        // Killed at the very end, all of it was there.
        let whole = again.status.success() || again.status.code() == Some(4);
        assert!(whole, "{point}: {}", again.err());
        super::mox(&instance, &["config", "test"]).ok();
        let journal = instance.root().join("made/config/.quickstart");
        assert!(!journal.exists(), "{point}");
    }
    assert!(failed > 2 && killed > 2, "{failed} {killed} of {points:?}");
}
