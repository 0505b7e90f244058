//! A server for a domain from nothing: made, found in the way of another, taken back after a failure, and
//! served with what the unit leaves to it. As root only: elsewhere there is nobody to give files to.

use std::fs;
use std::process::Command;

use super::dns::DnsServer;
use super::support::instance::Instance;
use super::support::process::{self, Output};

const USER: &str = "mail";

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|meta| std::os::unix::fs::MetadataExt::uid(&meta) == 0)
}

/// Runs it in the sandbox's folder `made`, with a DNS server that knows nothing.
fn quickstart(instance: &Instance, faults: &str) -> Output {
    let dns = DnsServer::start();
    let resolver = dns.address().to_string();
    let mut command = instance.mox(["quickstart", "--skip-dial", "--resolver", &resolver]);
    command.args([
        "--hostname",
        "mail.example.org",
        "--ip",
        &instance.ip().to_string(),
    ]);
    command.args(["--dir", "made", "--json", "alice@example.org", USER]);
    if !faults.is_empty() {
        command.env("MOX_FAULT", faults);
    }
    process::run(&mut command, b"").unwrap()
}

fn empty() -> Instance {
    use std::os::unix::fs::PermissionsExt;
    let mut instance = Instance::new(env!("CARGO_BIN_EXE_mox"));
    // The user has to get there.
    fs::set_permissions(instance.root(), fs::Permissions::from_mode(0o755)).unwrap();
    instance.set_config("made/config/mox.toml");
    instance
}

#[test]
fn it_makes_a_server_and_writes_over_nothing() {
    if !is_root() {
        return;
    }
    let instance = empty();
    let made: serde_json::Value = serde_json::from_str(&quickstart(&instance, "").ok()).unwrap();
    assert_eq!(made["account"], "alice");
    assert_eq!(made["password"].as_str().unwrap().len(), 20);
    assert_ne!(made["password"], made["admin_password"]);
    assert!(made["records"].as_array().unwrap().len() > 10, "{made}");
    super::mox(&instance, &["config", "test"]).ok();
    let read = |name: &str| fs::read(instance.root().join("made").join(name)).unwrap();
    let before = (read("config/mox.toml"), read("config/host.key.pem"));
    let again = quickstart(&instance, "");
    assert_eq!(again.status.code(), Some(4), "{}", again.err());
    assert!(again.err().contains("exists already"), "{}", again.err());
    assert_eq!(
        (read("config/mox.toml"), read("config/host.key.pem")),
        before
    );
}

#[test]
fn a_user_that_is_not_there_is_told() {
    if !is_root() {
        return;
    }
    let instance = empty();
    let mut command = instance.mox(["quickstart", "--skip-dial", "a@example.org", "no-such-user"]);
    let said = process::run(&mut command, b"").unwrap();
    assert_eq!(said.status.code(), Some(1));
    assert!(said.err().contains("useradd"), "{}", said.err());
}

#[test]
fn the_server_starts_with_what_the_unit_leaves_to_it() {
    if !is_root() {
        return;
    }
    let instance = empty();
    quickstart(&instance, "").ok();
    let config = instance.config().unwrap().to_owned();
    let mut command = Command::new("setpriv");
    command.args([
        "--reuid",
        USER,
        "--regid",
        USER,
        "--clear-groups",
        "--no-new-privs",
    ]);
    command.args(["--bounding-set=-all,+net_bind_service"]);
    command.args([
        "--inh-caps=-all,+net_bind_service",
        "--ambient-caps=+net_bind_service",
    ]);
    command
        .arg(env!("CARGO_BIN_EXE_mox"))
        .arg("--config")
        .arg(&config)
        .arg("serve");
    let mut server = command.spawn().unwrap();
    let status = process::run(
        &mut instance.mox(["status", "--wait", "30s", "--json"]),
        b"",
    );
    let status = status.unwrap().ok();
    let stopped = process::run(&mut instance.mox(["stop"]), b"").unwrap();
    stopped.ok();
    server.wait().unwrap();
    assert!(
        status.contains(&format!("{}:25\"", instance.ip())),
        "{status}"
    );
}

/// Failed at every point, nothing is left; killed there, the next run makes it all.
#[cfg(feature = "faults")]
#[test]
fn a_failure_leaves_nothing_and_a_kill_is_made_good() {
    if !is_root() {
        return;
    }
    let traced = empty();
    let trace = traced.root().join("trace");
    quickstart(&traced, &format!("trace:{}", trace.display())).ok();
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
        if !quickstart(&instance, &format!("error@{point}"))
            .status
            .success()
        {
            failed += 1;
            let left = instance.root().join("made");
            assert!(!left.exists(), "{point}: {left:?} is left");
        }
        let instance = empty();
        killed += u32::from(
            !quickstart(&instance, &format!("abort@{point}"))
                .status
                .success(),
        );
        let again = quickstart(&instance, "");
        // Killed at the very end, all of it was there.
        let whole = again.status.success() || again.status.code() == Some(4);
        assert!(whole, "{point}: {}", again.err());
        super::mox(&instance, &["config", "test"]).ok();
        let journal = instance.root().join("made/config/.quickstart");
        assert!(!journal.exists(), "{point}");
    }
    assert!(failed > 2 && killed > 2, "{failed} {killed} of {points:?}");
}
