//! Crashes at every fault point that the server passes, one after the other, with all that was not
//! synced lost, as in a power loss; and once more while the server recovers.
//!
//! `src/fsio/fault.rs` says what a specification in `MOX_FAULT` means. Which points there are is
//! learnt by a run that traces them, so that a new one is tested without a word here.

use std::collections::BTreeMap;
use std::fs;

use super::postman::{Ledger, Round};
use super::support::instance::{Instance, Service};
use super::support::process;
use super::support::reader::{PASSWORD, Reader, USER};

/// Connections of a round of deliveries, and messages on each.
const LOAD: (usize, usize) = (4, 5);

/// A server's files that nothing runs on yet.
fn initialised() -> Instance {
    let mut instance = Instance::new(env!("CARGO_BIN_EXE_mox"));
    instance.init().unwrap();
    instance
}

/// Starts the server with these faults; an error when it is killed by one of them before it serves.
fn serve(instance: &mut Instance, faults: &str) -> Result<(), String> {
    instance.serve_with(&["serve"], &[("MOX_FAULT", faults)])
}

/// One round: messages come in, and a client reads, flags, copies and deletes.
fn work(instance: &Instance, ledger: &Ledger) -> Round {
    let round = ledger.deliver(instance, LOAD.0, LOAD.1, &|_| ());
    if round == Round::Done && !housekeeping(instance) {
        return Round::Lost;
    }
    round
}

/// Changes beside deliveries, in mailboxes of their own; false when the server goes away meanwhile.
fn housekeeping(instance: &Instance) -> bool {
    let Ok(mut client) =
        super::support::client::Client::connect(instance.address(Service::Imaps), true, None)
    else {
        return false;
    };
    let mut commands = vec![
        format!("1 LOGIN {USER} {PASSWORD}"),
        "2 CREATE work".to_owned(),
        "3 APPEND work {20+}\r\nSubject: x\r\n\r\ntext\r\n".to_owned(),
        "4 SELECT work".to_owned(),
        "5 STORE 1:* +FLAGS (\\Seen \\Deleted)".to_owned(),
        "6 COPY 1 Archive".to_owned(),
        "7 EXPUNGE".to_owned(),
        "8 CLOSE".to_owned(),
        "9 DELETE work".to_owned(),
    ];
    if client.line().is_err() {
        return false;
    }
    for command in commands.drain(..) {
        if client.send(format!("{command}\r\n").as_bytes()).is_err() {
            return false;
        }
        loop {
            let Ok(line) = client.line() else {
                return false;
            };
            if line.starts_with(&command.as_bytes()[..2]) {
                break;
            }
        }
    }
    true
}

/// How often each point is passed while `work` is done after a start that follows a crash, and in
/// an orderly end.
fn passes(instance: &mut Instance, ledger: &Ledger) -> BTreeMap<String, usize> {
    serve(instance, "hold").unwrap();
    assert_eq!(work(instance, ledger), Round::Done);
    instance.kill();
    serve(instance, "hold,trace:trace").unwrap();
    assert_eq!(work(instance, ledger), Round::Done);
    instance.stop().unwrap();
    let mut count = BTreeMap::new();
    for point in fs::read_to_string(instance.root().join("trace"))
        .unwrap()
        .lines()
    {
        *count.entry(point.to_owned()).or_default() += 1;
    }
    assert!(
        count.len() >= 5,
        "hardly a fault point is passed: {count:?}"
    );
    count
}

/// Starts the server without faults and compares.
#[track_caller]
fn reckon(instance: &mut Instance, ledger: &Ledger, what: &str) {
    instance.kill();
    instance.serve().unwrap_or_else(|e| panic!("{what}: {e}"));
    let problems = ledger.problems(&mut Reader::inbox(instance));
    assert!(problems.is_empty(), "{what}: {problems:#?}");
    instance.kill();
}

#[test]
fn power_loss_at_every_point_loses_nothing_that_was_acknowledged() {
    let mut instance = initialised();
    let ledger = Ledger::default();
    let points = passes(&mut instance, &ledger);
    let mut recoveries = points.keys().cycle();
    let mut killed = 0;
    for (point, count) in &points {
        for at in [1, count / 2, count - 1] {
            if at == 0 || (at > 1 && at == count / 2 && count / 2 == count - 1) {
                continue;
            }
            for torn in ["", ",tear:7"] {
                let faults = format!("hold{torn},abort@{point}:{at}");
                // Killed at the start already, or while it works, or (the order of things differs
                // from run to run) not at all.
                let round = match serve(&mut instance, &faults) {
                    Ok(()) => work(&instance, &ledger),
                    Err(_) => Round::Lost,
                };
                killed += usize::from(round == Round::Lost);
                instance.kill();
                // Then again somewhere in the recovery.
                let again = recoveries.next().unwrap();
                if serve(&mut instance, &format!("hold,abort@{again}")).is_ok() {
                    housekeeping(&instance);
                }
                reckon(&mut instance, &ledger, &format!("{faults}, then {again}"));
            }
        }
    }
    assert!(
        killed > points.len(),
        "only {killed} crashes at {} points",
        points.len()
    );
    assert!(ledger.acknowledged() > 100);
}

/// The check above must notice syncs that are left out: here those of the files that bodies are in.
#[test]
fn a_sync_left_out_is_noticed() {
    let mut instance = initialised();
    let ledger = Ledger::default();
    serve(&mut instance, "hold,nosync@segment").unwrap();
    assert_eq!(
        ledger.deliver(&instance, LOAD.0, LOAD.1, &|_| ()),
        Round::Done
    );
    assert_eq!(
        ledger.problems(&mut Reader::inbox(&instance)),
        Vec::<String>::new()
    );
    instance.kill();
    instance.serve().unwrap();
    let problems = ledger.problems(&mut Reader::inbox(&instance));
    assert!(
        !problems.is_empty(),
        "nothing was lost, so the other test proves nothing"
    );
}

#[test]
fn a_failing_or_full_disk_refuses_and_loses_nothing() {
    let mut instance = initialised();
    let ledger = Ledger::default();
    let points = passes(&mut instance, &ledger);
    for (point, count) in &points {
        if !point.starts_with("fsio.") {
            continue;
        }
        for fault in ["error", "full"] {
            for onwards in ["", "+"] {
                let faults = format!("hold,{fault}@{point}:{}{onwards}", count / 2 + 1);
                let refused = match serve(&mut instance, &faults) {
                    Ok(()) => work(&instance, &ledger),
                    Err(_) => Round::Lost,
                };
                let _ = refused;
                reckon(&mut instance, &ledger, &faults);
            }
        }
    }
}

#[test]
fn a_crash_at_every_point_of_a_change_leaves_the_old_or_the_new_configuration() {
    let mut instance = initialised();
    let domain = |n: usize| format!("d{n}.example");
    let add = |n: usize| {
        [
            "config".to_owned(),
            "domain".to_owned(),
            "add".to_owned(),
            domain(n),
            "mox".to_owned(),
        ]
    };
    let run = |instance: &Instance, arguments: &[String], faults: &str| {
        let mut command = instance.mox(arguments.iter().map(String::as_str));
        if !faults.is_empty() {
            command.env("MOX_FAULT", faults);
        }
        process::run(&mut command, b"").unwrap()
    };
    let trace = |instance: &Instance| {
        let text = fs::read_to_string(instance.root().join("trace")).unwrap();
        let mut points: Vec<String> = text.lines().map(str::to_owned).collect();
        points.sort();
        points.dedup();
        points
    };
    let list = |instance: &Instance| {
        let words = ["config", "domain", "list"].map(str::to_owned);
        run(instance, &words, "").ok()
    };
    // Without a daemon: the command itself is killed.
    run(&instance, &add(0), "hold,trace:trace").ok();
    let points = trace(&instance);
    assert!(points.len() >= 5, "{points:?}");
    let mut n = 0;
    for point in &points {
        n += 1;
        let output = run(&instance, &add(n), &format!("hold,abort@{point}"));
        settle(
            &instance,
            point,
            &domain(n),
            output.status.success(),
            &list(&instance),
        );
    }
    // With one: the daemon is killed, and the command finds out what became of the change.
    serve(&mut instance, "hold,trace:trace").unwrap();
    n += 1;
    run(&instance, &add(n), "").ok();
    instance.kill();
    for point in &trace(&instance) {
        n += 1;
        if serve(&mut instance, &format!("hold,abort@{point}")).is_err() {
            instance.kill();
        }
        let output = run(&instance, &add(n), "");
        instance.kill();
        instance.serve().unwrap();
        settle(
            &instance,
            point,
            &domain(n),
            output.status.success(),
            &list(&instance),
        );
        instance.kill();
    }
}

/// After a crash: the configuration is valid, has the domain if the command said so, and the change
/// can be made again.
#[track_caller]
fn settle(instance: &Instance, point: &str, domain: &str, done: bool, list: &str) {
    let listed = list
        .lines()
        .any(|line| line.split('\t').next() == Some(domain));
    assert!(
        listed || !done,
        "{point}: {domain} was added and is not there"
    );
    for arguments in [
        &["config", "test"][..],
        &["config", "domain", "add", "--if-not-exists", domain, "mox"],
        &["config", "domain", "show", domain],
        &["config", "history"],
    ] {
        let output = process::run(&mut instance.mox(arguments.iter().copied()), b"").unwrap();
        assert!(
            output.status.success(),
            "{point}: mox {arguments:?}: {}\n{}{}",
            output.status,
            output.out(),
            output.err()
        );
    }
}
