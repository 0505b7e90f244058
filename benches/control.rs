//! The control plane at scale: how soon a change is served, a hand edit loaded, a list printed, a name
//! completed, and in how much memory, with 10, 1,000 and 10,000 domains and as many accounts.
//!
//! `cargo bench -p mox-cli --bench control [-- NUMBER…]` measures worlds of those sizes (100000 too). Times of commands
//! are those of the whole process, from its start to its end; beside them stands what a process that does
//! nothing takes, and what the disk takes to replace a file as large as mox.toml.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a measurement that cannot be made ends with a message"
)]

#[path = "../tests/support.rs"]
mod support;

#[path = "control/lookup.rs"]
mod lookup;
#[path = "mail/meter.rs"]
#[allow(dead_code, reason = "the other benchmark uses all of it")]
mod meter;
#[path = "control/world.rs"]
mod world;

use std::fs;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use meter::{grouped, line, memory};
use support::instance::{Instance, Service};
use support::process;
use world::World;

/// A command is run so often; the middle time and the slowest are shown.
const TIMES: usize = 11;

const ENOUGH: Duration = Duration::from_secs(300);

fn main() {
    // cargo bench passes --bench; all other options are not ours either.
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|a| a == "--list") {
        println!("control: bench");
        return;
    }
    meter::show_load();
    let asked: Vec<usize> = arguments.iter().filter_map(|a| a.parse().ok()).collect();
    for size in if asked.is_empty() {
        vec![10, 1000, 10_000]
    } else {
        asked
    } {
        println!("\n{} domains and accounts", grouped(size as f64));
        of_size(size);
        lookup::lookups(size);
    }
}

fn of_size(size: usize) {
    // The first start makes the folders of all accounts.
    let begun = Instant::now();
    let mut world = World::new(size);
    show("first start, folders made", &[begun.elapsed()], "", "–");
    world.instance.stop().unwrap();
    let begun = Instant::now();
    world.instance.serve().unwrap();
    world.instance.connect(Service::Smtp).expect_reply("220");
    show("start to greeting", &[begun.elapsed()], "", "150 ms");
    let mib = memory(&world.instance) as f64 / 1024.0;
    line(
        "memory after the start",
        &format!("{mib:.0} MiB"),
        "",
        "100 MiB",
    );
    let first = timed(1, |_| {
        world.command(&["config", "domain", "show", "d1.example"])
    });
    show("first command after the start", &first, "", "100 ms");

    let nothing = timed(TIMES, |_| {
        process::run(&mut world.instance.program("true"), b"")
            .unwrap()
            .ok();
    });
    show("baseline: the program true", &nothing, "", "–");
    let version = timed(TIMES, |_| world.command(&["version"]));
    show("baseline: mox version", &version, "", "–");
    let replaced = timed(TIMES, |_| world.replace_beside());
    let what = format!("baseline: replace a file of {} KiB", world.kib());
    show(&what, &replaced, "", "–");

    for (name, commands) in world::CHANGES {
        let times = timed(TIMES + 1, |n| world.command(commands[n % 2]));
        show(name, &times, "", "100 ms");
    }
    let times = timed(TIMES, |n| {
        world.command(&["config", "domain", "add", &format!("new{n}.example"), "u1"])
    });
    show("domain add, with its DKIM keys", &times, "", "100 ms");
    // An account of the same name must be gone first, so each time it is another one.
    let times = timed(TIMES, |n| {
        world.command(&[
            "config",
            "account",
            "add",
            &format!("new{n}"),
            &format!("new{n}@d7.example"),
        ]);
    });
    show("account add", &times, "", "100 ms");
    let times = timed(TIMES, |n| {
        world.command(&["config", "account", "rm", "--yes", &format!("new{n}")])
    });
    show("account rm", &times, "", "100 ms");
    let times = timed(TIMES, |_| world.password("u1"));
    show("setaccountpassword", &times, "", "100 ms");
    hand_edits(&mut world);
    for (name, command, aim) in world::QUESTIONS {
        let times = timed(TIMES, |_| world.command(command));
        show(name, &times, "", aim);
    }
    for (name, words) in world::COMPLETIONS {
        let times = timed(TIMES, |_| world.complete(words));
        show(name, &times, "", "30 ms");
    }
    for n in 0..50 {
        world.command(world::CHANGES[0].1[n % 2]);
    }
    let mib = memory(&world.instance) as f64 / 1024.0;
    line(
        "memory after 50 more changes",
        &format!("{mib:.0} MiB"),
        "",
        "100 MiB",
    );
    world.instance.stop().unwrap();
    let times = timed(TIMES + 1, |n| world.command(world::CHANGES[0].1[n % 2]));
    show(
        "domain disable or enable, without a server",
        &times,
        "",
        "–",
    );
}

/// From the file's replacement until it is served: seen, still for 100 ms, then loaded.
fn hand_edits(world: &mut World) {
    let (mut totals, mut loads) = (Vec::new(), Vec::new());
    for n in 0..TIMES {
        let text = format!(
            "{}# edited by hand, {n}\n",
            fs::read_to_string(world.file()).unwrap()
        );
        let text = text.replace(
            "\"u3@d3.example\" = {}",
            &format!("\"u3@d3.example\" = {{}}\n\"e{n}@d3.example\" = {{}}"),
        );
        while world.instance.next_message(Duration::ZERO).is_ok() {}
        world.replace(&text);
        let begun = Instant::now();
        world.instance.wait_for("RELOADING=1", ENOUGH).unwrap();
        let noticed = Instant::now();
        world.instance.wait_for("READY=1", ENOUGH).unwrap();
        totals.push(begun.elapsed());
        loads.push(noticed.elapsed());
    }
    show(
        "hand edit, from being noticed until served",
        &loads,
        "",
        "300 ms",
    );
    show("hand edit, in all", &totals, "", "–");
}

fn timed(times: usize, mut run: impl FnMut(usize)) -> Vec<Duration> {
    let one = |n| {
        let begun = Instant::now();
        run(n);
        begun.elapsed()
    };
    (0..times).map(one).collect()
}

fn show(what: &str, times: &[Duration], baseline: &str, aim: &str) {
    let mut sorted = times.to_vec();
    sorted.sort();
    let milliseconds = |time: Duration| time.as_secs_f64() * 1e3;
    let middle = milliseconds(sorted[sorted.len() / 2]);
    let figure = match sorted.as_slice() {
        [_] => format!("{middle:.1} ms"),
        [.., slowest] => format!("{middle:.1} ms, slowest {:.1} ms", milliseconds(*slowest)),
        [] => String::new(),
    };
    line(what, &figure, baseline, aim);
}

/// Writes, syncs and renames, as a change of mox.toml does.
fn replace(file: &Path, bytes: &[u8]) {
    let beside = file.with_extension("beside");
    let mut new = fs::File::create(&beside).unwrap();
    new.write_all(bytes).unwrap();
    new.sync_all().unwrap();
    fs::rename(&beside, file).unwrap();
    fs::File::open(file.parent().unwrap())
        .unwrap()
        .sync_all()
        .unwrap();
}

/// A fresh server's files, in the target folder, which should be on a real disk.
fn initialised() -> Instance {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let mut instance = Instance::new_in(env!("CARGO_BIN_EXE_mox"), folder);
    instance.init().unwrap();
    instance
}
