//! The control plane: how soon a change is served, with few and with many domains and accounts, and
//! how soon a server serves.

use std::time::{Duration, Instant};

use crate::meter::{line, median, memory};
use crate::server::{fresh_with, initialised};
use crate::support::instance::{Instance, Service};
use crate::support::process;

const TIMES: usize = 11;

/// mox.toml with so many more domains, each with an account.
fn with_many(config: String, count: usize) -> String {
    let mut config = config;
    for i in 0..count {
        config.push_str(&format!(
            "\n[domains.\"d{i}.example\"]\n\n[accounts.u{i}]\ndomain = \"d{i}.example\"\n\
             [accounts.u{i}.destinations]\n\"u{i}@d{i}.example\" = {{}}\n"
        ));
    }
    config
}

fn run(instance: &Instance, arguments: &[&str]) -> String {
    let mut command = instance.mox(arguments.iter().copied());
    process::run(&mut command, b"").unwrap().ok()
}

/// Runs a command from its start to its end so often; the middle time.
fn timed(instance: &Instance, commands: [&[&str]; 2]) -> Duration {
    let times: Vec<Duration> = (0..TIMES)
        .map(|i| {
            let start = Instant::now();
            run(instance, commands[i % 2]);
            start.elapsed()
        })
        .collect();
    median(&times)
}

fn milliseconds(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1e3)
}

/// From the start of the process to the greeting of port 25.
pub(crate) fn start() {
    let mut instance = initialised();
    let mut times = Vec::new();
    for _ in 0..TIMES {
        let start = Instant::now();
        instance.serve().unwrap();
        instance.connect(Service::Smtp).expect_reply("220");
        times.push(start.elapsed());
        instance.kill();
    }
    line(
        "start to greeting",
        &milliseconds(median(&times)),
        "",
        "40 ms",
    );
}

fn change_with(count: usize, name: &str, aim: &str) {
    // The first start makes the folders of all accounts.
    let start = Instant::now();
    let mut instance = fresh_with(|config| with_many(config, count));
    let first = start.elapsed();
    let domain = "d7.example";
    let commands = [
        &["config", "domain", "disable", domain][..],
        &["config", "domain", "enable", domain][..],
    ];
    let what = format!("domain disable or enable, {name} domains and accounts");
    line(&what, &milliseconds(timed(&instance, commands)), "", aim);
    if count < 10_000 {
        return;
    }
    let list = ["config", "account", "list"];
    assert!(run(&instance, &list).lines().count() > count);
    let time = timed(&instance, [&list, &list]);
    line(
        "account list, 10,000 accounts",
        &milliseconds(time),
        "",
        "40 ms",
    );
    let what = "first start with 10,000 accounts, folders made";
    line(what, &milliseconds(first), "", "–");
    instance.stop().unwrap();
    let start = Instant::now();
    instance.serve().unwrap();
    instance.connect(Service::Smtp).expect_reply("220");
    let mib = memory(&instance) as f64 / 1024.0;
    let figure = format!("{} · {mib:.0} MiB", milliseconds(start.elapsed()));
    let what = "start to greeting with 10,000 accounts; memory";
    line(what, &figure, "", "150 ms, 80 MiB");
}

pub(crate) fn change() {
    change_with(10, "10", "10 ms");
}

pub(crate) fn change_1000() {
    change_with(1000, "1,000", "15 ms");
}

pub(crate) fn change_10000() {
    change_with(10_000, "10,000", "60 ms");
}
