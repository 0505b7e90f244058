//! What systemd is told (sd_notify(3)): every change begins with RELOADING and ends with READY, whatever
//! becomes of it, or `systemctl reload` would hang.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use super::support::instance::{Instance, Service};
use super::support::process;
use super::{ENOUGH, initialised, mox, serving};

/// The lines of one change: RELOADING, its time, READY, and the status that is given back.
#[track_caller]
fn reloaded(instance: &mut Instance) -> String {
    let mut next = || instance.next_message(ENOUGH).unwrap();
    assert_eq!(next(), "RELOADING=1");
    let time = next();
    let time = time
        .strip_prefix("MONOTONIC_USEC=")
        .unwrap_or_else(|| panic!("{time}"));
    // The monotonic clock is that of the machine (clock_gettime(2)): later than its start, not now.
    let time: u64 = time.parse().unwrap();
    let uptime = fs::read_to_string("/proc/uptime").unwrap();
    let uptime: f64 = uptime.split(' ').next().unwrap().parse().unwrap();
    assert!(
        time > 0 && time <= (uptime * 1e6) as u64 + 1_000_000,
        "{time}"
    );
    assert_eq!(next(), "READY=1");
    let status = next();
    let status = status
        .strip_prefix("STATUS=")
        .unwrap_or_else(|| panic!("{status}"));
    status.to_owned()
}

fn signal(instance: &Instance, name: &str) {
    let pid = instance.pid().unwrap().to_string();
    let mut kill = instance.program("kill");
    process::run(kill.args(["-s", name, &pid]), b"")
        .unwrap()
        .ok();
}

/// Ends it and sees it say so.
fn ended(instance: &mut Instance) {
    signal(instance, "TERM");
    assert_eq!(instance.next_message(ENOUGH).unwrap(), "STOPPING=1");
    assert!(instance.wait().unwrap().success());
}

#[test]
fn every_change_is_told_from_its_begin_to_its_end() {
    let mut instance = serving();
    // The end of the start.
    assert_eq!(
        instance.next_message(ENOUGH).unwrap(),
        "STATUS=serving generation 1"
    );
    signal(&instance, "HUP");
    assert_eq!(reloaded(&mut instance), "serving generation 1");
    mox(&instance, &["config", "reload"]).ok();
    assert_eq!(reloaded(&mut instance), "serving generation 1");
    // A change is told once, though the file is seen to change with it.
    for (generation, name) in [(2, "one.example"), (3, "two.example")] {
        mox(&instance, &["config", "domain", "add", name, "mox"]).ok();
        let expected = format!("serving generation {generation}");
        assert_eq!(reloaded(&mut instance), expected);
    }
    let refused = mox(&instance, &["config", "domain", "disable", "none.example"]);
    assert_eq!(refused.code(), 3);
    assert_eq!(reloaded(&mut instance), "serving generation 3");
    // A dry run changes nothing, a question neither.
    mox(
        &instance,
        &["config", "domain", "rm", "--dry-run", "one.example"],
    )
    .ok();
    mox(&instance, &["config", "domain", "list"]).ok();
    let set = process::run(
        &mut instance.mox(["setaccountpassword", "mox"]),
        b"moxmoxmox2\n",
    );
    set.unwrap().ok();
    assert_eq!(reloaded(&mut instance), "serving generation 3");
    // By hand, good and bad.
    let file = instance.config().unwrap().to_owned();
    let good = fs::read_to_string(&file).unwrap();
    fs::write(&file, format!("{good}# by hand\n")).unwrap();
    assert_eq!(reloaded(&mut instance), "serving generation 4");
    fs::write(&file, "nonsense").unwrap();
    let status = reloaded(&mut instance);
    assert!(
        status.starts_with("serving generation 4; ") && status.contains("mox.toml:1:"),
        "{status}"
    );
    assert_eq!(mox(&instance, &["config", "reload"]).code(), 6);
    assert_eq!(reloaded(&mut instance), status);
    signal(&instance, "HUP");
    assert_eq!(reloaded(&mut instance), status);
    fs::write(&file, &good).unwrap();
    assert_eq!(reloaded(&mut instance), "serving generation 5");
    ended(&mut instance);
}

#[test]
fn a_watchdog_is_fed_for_as_long_as_it_serves() {
    let mut instance = initialised();
    // Half of it is a tenth of a second.
    let fed = Duration::from_millis(200).as_micros().to_string();
    instance
        .serve_with(&["serve"], &[("WATCHDOG_USEC", &fed)])
        .unwrap();
    for _ in 0..5 {
        instance.wait_for("WATCHDOG=1", ENOUGH).unwrap();
    }
    // Without one, nobody is fed.
    let mut instance = serving();
    instance.next_message(ENOUGH).unwrap();
    ended(&mut instance);
}

#[test]
fn a_watchdog_is_not_fed_while_no_change_can_be_made() {
    let mut instance = initialised();
    let fed = Duration::from_millis(200).as_micros().to_string();
    instance
        .serve_with(&["serve"], &[("WATCHDOG_USEC", &fed)])
        .unwrap();
    // A file that never comes to its end: who reads it waits, as on a file server that is gone.
    let file = instance.config().unwrap().to_owned();
    let text = fs::read_to_string(&file).unwrap();
    let pipe = file.with_file_name("pipe");
    process::run(instance.program("mkfifo").arg(&pipe), b"")
        .unwrap()
        .ok();
    fs::hard_link(&pipe, file.with_file_name("beside")).unwrap();
    fs::rename(file.with_file_name("beside"), &file).unwrap();
    signal(&instance, "HUP");
    let deadline = Instant::now() + ENOUGH;
    while instance
        .wait_for("WATCHDOG=1", Duration::from_secs(1))
        .is_ok()
    {
        assert!(Instant::now() < deadline, "it is fed all the same");
    }
    // It still takes mail.
    instance.connect(Service::Smtp).expect_reply("220");
    // The file is back, and whoever waits is let go.
    fs::write(file.with_file_name("mended"), &text).unwrap();
    fs::rename(file.with_file_name("mended"), &file).unwrap();
    thread::spawn(move || fs::write(pipe, text));
    instance.wait_for("WATCHDOG=1", ENOUGH).unwrap();
    mox(&instance, &["config", "reload"]).ok();
}
