//! Starting, stopping, and who else is there.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::thread;

use super::support::instance::{Instance, Service};
use super::support::process;
use super::{ENOUGH, initialised, mox, serving, status};

#[test]
fn it_starts_tells_of_itself_and_stops() {
    let mut instance = serving();
    let told = status(&instance);
    assert_eq!(told["pid"].as_u64(), instance.pid().map(u64::from));
    assert_eq!(told["last_reload_error"], "");
    let data = instance.root().join("server/data");
    let socket = fs::metadata(data.join("ctl")).unwrap();
    assert_eq!(socket.mode() & 0o777, 0o600);
    instance.stop().unwrap();
    assert!(!data.join("ctl").exists());
    assert_eq!(mox(&instance, &["status"]).code(), 5);
    assert_eq!(mox(&instance, &["stop"]).code(), 5);
}

#[test]
fn signals_end_it_cleanly_and_sessions_are_told() {
    for signal in ["TERM", "INT"] {
        let mut instance = serving();
        let mut smtp = instance.connect(Service::Smtp);
        smtp.expect_reply("220");
        let mut imap = instance.connect(Service::Imaps);
        imap.hear();
        let pid = instance.pid().unwrap().to_string();
        process::run(instance.program("kill").args(["-s", signal, &pid]), b"")
            .unwrap()
            .ok();
        smtp.expect_reply("421");
        assert!(imap.hear().starts_with("* BYE"));
        assert!(instance.wait().unwrap().success(), "SIG{signal}");
    }
}

#[test]
fn a_second_daemon_says_that_one_is_running() {
    let instance = serving();
    let output = mox(&instance, &["serve"]);
    assert_eq!(output.code(), 1);
    let pid = instance.pid().unwrap();
    let expected = format!("error: the daemon is running already, process {pid}\n");
    assert_eq!(output.err(), expected);
    assert_eq!(
        status(&instance)["pid"].as_u64(),
        instance.pid().map(u64::from)
    );
}

#[test]
fn a_daemon_that_was_killed_leaves_nothing_in_the_way() {
    let mut instance = serving();
    instance.kill();
    assert!(instance.root().join("server/data/ctl").exists());
    assert_eq!(mox(&instance, &["status"]).code(), 5);
    mox(
        &instance,
        &["config", "domain", "add", "one.example", "mox"],
    )
    .ok();
    instance.serve().unwrap();
    let list = mox(&instance, &["config", "domain", "list"]).ok();
    assert!(list.contains("one.example"), "{list}");
}

#[test]
fn a_port_that_is_taken_is_named_and_nothing_is_left_running() {
    let mut instance = initialised();
    let held = std::net::TcpListener::bind(instance.address(Service::Imap)).unwrap();
    let output = mox(&instance, &["serve"]);
    assert_eq!(output.code(), 1);
    let address = instance.address(Service::Imap).to_string();
    assert!(output.err().contains(&address), "{}", output.err());
    drop(held);
    instance.serve().unwrap();
}

#[test]
fn commands_without_a_daemon_wait_for_each_other_and_for_a_daemon() {
    let mut instance = initialised();
    let names: Vec<String> = (0..8).map(|n| format!("n{n}@localhost")).collect();
    let add = |instance: &Instance, name: &str| {
        mox(instance, &["config", "address", "add", name, "mox"]).ok();
    };
    thread::scope(|scope| {
        for name in &names[..4] {
            scope.spawn(|| add(&instance, name));
        }
    });
    // Now with a daemon that starts among them.
    instance.start(&["serve"], &[]).unwrap();
    let shared = &instance;
    thread::scope(|scope| {
        for name in &names[4..] {
            scope.spawn(|| add(shared, name));
        }
    });
    instance.wait_for("READY=1", ENOUGH).unwrap();
    let list = mox(&instance, &["config", "address", "list"]).ok();
    for name in &names {
        assert!(list.contains(name.as_str()), "{name} is lost: {list}");
    }
    let history = mox(&instance, &["config", "history"]).ok();
    let made = |name: &str| history.lines().filter(|l| l.contains(name)).count();
    for name in &names {
        assert_eq!(made(name), 1, "{name} in {history}");
    }
}

#[test]
fn status_waits_for_a_daemon_that_starts() {
    let mut instance = initialised();
    instance.start(&["serve"], &[]).unwrap();
    mox(&instance, &["status", "--wait", "60s"]).ok();
    assert_eq!(mox(&instance, &["status", "--wait", "soon"]).code(), 2);
}

#[test]
fn as_root_it_becomes_the_servers_user_and_binds_low_ports_later() {
    if !rustix::process::geteuid().is_root() {
        return; // Only root can become another user.
    }
    let mut instance = initialised();
    let server = instance.root().join("server");
    super::edit(
        &instance,
        "hostname = \"localhost\"",
        "hostname = \"localhost\"\nuser = \"nobody\"",
    );
    let shell = format!(
        "chmod 755 . server && chown -R nobody:$(id -gn nobody) {}/config",
        server.display()
    );
    process::run(instance.program("sh").args(["-c", &shell]), b"")
        .unwrap()
        .ok();
    // A command without a daemon leaves nothing that the daemon could not use.
    mox(
        &instance,
        &["config", "domain", "add", "one.example", "mox"],
    )
    .ok();
    // That user may not write to the sandbox's notification socket.
    instance.start(&["serve"], &[]).unwrap();
    mox(&instance, &["status", "--wait", "60s"]).ok();
    let pid = instance.pid().unwrap();
    let facts = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let fact = |name: &str| {
        let line = facts.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace()
            .skip(1)
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let uid = fs::metadata(server.join("config/mox.toml")).unwrap().uid();
    assert_ne!(uid, 0);
    assert_eq!(fact("Uid:"), vec![uid.to_string(); 4]);
    // CAP_NET_BIND_SERVICE is number 10 (capabilities(7)).
    assert_eq!(fact("CapEff:"), ["0000000000000400"]);
    let all = process::run(
        instance.program("find").args(["server", "-user", "root"]),
        b"",
    );
    assert_eq!(all.unwrap().ok(), "server\n");
    let old = format!("port = {}", instance.port(Service::Smtp));
    super::edit(&instance, &old, "port = 25");
    mox(&instance, &["config", "reload"]).ok();
    let low = std::net::SocketAddr::new(instance.ip(), 25);
    std::net::TcpStream::connect(low).unwrap();
}
