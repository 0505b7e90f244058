//! Reloads: noticed, in full or not at all, and no connection that is concerned with nothing of it.

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};

use super::support::instance::Service;
use super::support::process;
use super::{ENOUGH, edit, generation, mox, serving, status};

#[test]
fn a_hand_edit_is_noticed_and_a_file_that_is_renamed_over() {
    let mut instance = serving();
    let before = generation(&instance);
    edit(
        &instance,
        "[domains.\"localhost\"]",
        "[domains.\"one.example\"]\n[domains.\"localhost\"]",
    );
    let next = format!("STATUS=serving generation {}", before + 1);
    instance.wait_for(&next, ENOUGH).unwrap();
    let file = instance.config().unwrap().to_owned();
    let text = fs::read_to_string(&file).unwrap();
    let beside = file.with_extension("new");
    fs::write(&beside, text.replace("one.example", "two.example")).unwrap();
    fs::rename(&beside, &file).unwrap();
    let next = format!("STATUS=serving generation {}", before + 2);
    instance.wait_for(&next, ENOUGH).unwrap();
    let list = mox(&instance, &["config", "domain", "list"]).ok();
    assert_eq!(list, "localhost\t\ntwo.example\t\n");
}

#[test]
fn sighup_and_systemd_are_told_of_a_reload() {
    let mut instance = serving();
    let pid = instance.pid().unwrap().to_string();
    process::run(instance.program("kill").args(["-s", "HUP", &pid]), b"")
        .unwrap()
        .ok();
    instance.wait_for("RELOADING=1", ENOUGH).unwrap();
    instance.wait_for("READY=1", ENOUGH).unwrap();
    // Equal bytes make no generation.
    assert_eq!(generation(&instance), 1);
}

#[test]
fn an_invalid_file_changes_nothing_and_is_told_of_until_it_is_mended() {
    let instance = serving();
    let file = instance.config().unwrap();
    let good = fs::read_to_string(file).unwrap();
    let before = generation(&instance);
    fs::write(file, "[server]\nhostnam = \"x\"\n").unwrap();
    let output = mox(&instance, &["config", "reload"]);
    assert_eq!(output.code(), 6);
    assert!(output.err().contains("did you mean"), "{}", output.err());
    assert!(output.err().contains("mox.toml:2:1:"), "{}", output.err());
    let output = mox(
        &instance,
        &["config", "domain", "add", "one.example", "mox"],
    );
    assert_eq!(output.code(), 6);
    assert_eq!(
        fs::read_to_string(file).unwrap(),
        "[server]\nhostnam = \"x\"\n"
    );
    let told = status(&instance);
    assert_eq!(told["generation"].as_u64(), Some(before));
    assert_ne!(told["last_reload_error"], "");
    mox(&instance, &["config", "history"]).ok();
    instance.connect(Service::Smtp).expect_reply("220");
    fs::write(file, good).unwrap();
    mox(&instance, &["config", "reload"]).ok();
    let told = status(&instance);
    assert_eq!(told["last_reload_error"], "");
    assert_eq!(told["generation"].as_u64(), Some(before));
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
    let free = free_port(&instance);
    let wide = format!("[listeners.wide]\nips = [\"0.0.0.0\"]\nsmtp = {{ port = {free} }}\n");
    edit(
        &instance,
        "[listeners.local]",
        &(wide + "\n[listeners.local]"),
    );
    mox(&instance, &["config", "reload"]).ok();
    // Only the socket that leaves is in the way.
    let narrow = format!("ips = [\"{}\"]", instance.ip());
    edit(&instance, "ips = [\"0.0.0.0\"]", &narrow);
    mox(&instance, &["config", "reload"]).ok();
    TcpStream::connect(SocketAddr::new(instance.ip(), free)).unwrap();
    assert!(TcpStream::connect(("127.0.0.1", free)).is_err());
}

#[test]
fn a_new_certificate_is_served_after_a_reload_of_the_same_file() {
    let instance = serving();
    let folder = instance.root().join("server/config");
    let fingerprint = || {
        let address = instance.address(Service::Imaps).to_string();
        let shell = format!(
            "openssl s_client -connect {address} </dev/null 2>/dev/null | openssl x509 -noout -fingerprint"
        );
        process::run(instance.program("sh").args(["-c", &shell]), b"")
            .unwrap()
            .ok()
    };
    let first = fingerprint();
    assert_eq!(fingerprint(), first);
    let shell = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 9 \
        -subj /CN=localhost -keyout localhost.key.pem -out localhost.crt.pem 2>/dev/null";
    process::run(
        instance
            .program("sh")
            .args(["-c", shell])
            .current_dir(folder),
        b"",
    )
    .unwrap()
    .ok();
    mox(&instance, &["config", "reload"]).ok();
    assert_ne!(fingerprint(), first);
    assert_eq!(generation(&instance), 1);
}

#[test]
fn what_needs_a_restart_is_said_and_the_rest_is_served() {
    let instance = serving();
    edit(
        &instance,
        "hostname = \"localhost\"",
        "hostname = \"mail.example\"\ndata_dir = \"../elsewhere\"",
    );
    // The data directory is where the daemon is found: ask it by the old name.
    let file = instance.config().unwrap().with_file_name("old.toml");
    fs::write(&file, "").unwrap();
    let reload = [
        "--config",
        file.to_str().unwrap(),
        "config",
        "reload",
        "--json",
    ];
    let output = mox(&instance, &reload).ok();
    assert!(output.contains("server.data_dir has changed"), "{output}");
    let greeting = instance.connect(Service::Smtp).expect_reply("220");
    assert!(greeting[0].contains("mail.example"), "{greeting:?}");
}

#[test]
fn too_many_connections_are_turned_away_in_the_protocols_words() {
    let instance = serving();
    edit(
        &instance,
        "limit_loopback = false",
        "limit_loopback = true\nconnections_per_address = 2",
    );
    mox(&instance, &["config", "reload"]).ok();
    let mut first = instance.connect(Service::Smtp);
    first.expect_reply("220");
    let mut second = instance.connect(Service::Imap);
    second.hear();
    instance.connect(Service::Smtp).expect_reply("421");
    assert!(instance.connect(Service::Imap).hear().starts_with("* BYE"));
    // An open one is not concerned, and gives its place back.
    first.smtp("QUIT", "221");
    second.imap("1 NOOP");
}

/// A port of the instance's address that nothing listens on.
fn free_port(instance: &super::support::instance::Instance) -> u16 {
    let any = SocketAddr::new(instance.ip(), 0);
    TcpListener::bind(any).unwrap().local_addr().unwrap().port()
}
