//! A file applied with `--prune` and a rollback, the daemon killed at every fault point that it passes, and
//! again in the recovery: the old configuration is there or the new one, and the command said which.

use std::fs;

use super::support::instance::Instance;
use super::support::process::{self, Output};

fn mox(instance: &Instance, arguments: &[&str]) -> Output {
    process::run(&mut instance.mox(arguments.iter().copied()), b"").unwrap()
}

fn serve(instance: &mut Instance, faults: &str) -> bool {
    let served = instance.serve_with(&["serve"], &[("MOX_FAULT", faults)]);
    served.is_ok()
}

/// Makes a change again and again, each time killed at another point. `begin` makes the state before the
/// n-th change and gives its command; `check` is told whether that said that it was done.
fn kill_everywhere(
    begin: impl Fn(&Instance, usize) -> Vec<String>,
    check: impl Fn(&Instance, usize, bool),
) {
    let mut instance = Instance::new(env!("CARGO_BIN_EXE_mox"));
    instance.init().unwrap();
    let run = |instance: &Instance, command: &[String]| {
        let words: Vec<&str> = command.iter().map(String::as_str).collect();
        mox(instance, &words)
    };
    let command = begin(&instance, 0);
    assert!(serve(&mut instance, "hold,trace:trace"));
    run(&instance, &command).ok();
    instance.kill();
    check(&instance, 0, true);
    let trace = fs::read_to_string(instance.root().join("trace")).unwrap();
    let mut points: Vec<&str> = trace.lines().collect();
    points.sort_unstable();
    points.dedup();
    assert!(points.contains(&"admin.commit.renamed"), "{points:?}");
    let mut recoveries = points.iter().cycle();
    let mut killed = 0;
    for (n, point) in (1..).zip(&points) {
        let command = begin(&instance, n);
        if !serve(&mut instance, &format!("hold,abort@{point}")) {
            instance.kill();
        }
        let output = run(&instance, &command);
        // One that was killed does not stop.
        killed += usize::from(instance.stop().is_err());
        instance.kill();
        let again = recoveries.next().unwrap();
        serve(&mut instance, &format!("hold,abort@{again}"));
        instance.kill();
        mox(&instance, &["config", "test"]).ok();
        check(&instance, n, output.status.success());
    }
    assert!(killed > 3, "only {killed} crashes");
}

#[test]
fn a_file_applied_with_prune_is_there_or_not() {
    let accounts = |instance: &Instance| -> Vec<String> {
        let list = mox(instance, &["config", "account", "list"]).ok();
        let names = list.lines().filter_map(|line| line.split('\t').next());
        names.map(str::to_owned).collect()
    };
    let apply = ["config", "apply", "--prune", "--yes", "mail.toml"];
    kill_everywhere(
        |instance, n| {
            let mut text = String::new();
            for (name, address) in [("mox", "mox"), (&format!("new{n}"), &format!("new{n}"))] {
                text += &format!(
                    "[accounts.{name}]\ndomain = \"localhost\"\n\
                     destinations = {{ \"{address}@localhost\" = {{}} }}\n"
                );
            }
            fs::write(instance.root().join("mail.toml"), text).unwrap();
            apply.map(str::to_owned).to_vec()
        },
        |instance, n, done| {
            let new = ["mox".to_owned(), format!("new{n}")];
            let is = accounts(instance);
            match n.checked_sub(1) {
                Some(before) if is != new => {
                    assert!(!done, "{is:?}");
                    assert_eq!(is, ["mox".to_owned(), format!("new{before}")]);
                }
                _ => assert_eq!(is, new),
            }
            mox(instance, &apply).ok();
            assert_eq!(accounts(instance), new);
        },
    );
}

#[test]
fn a_rollback_is_made_or_not() {
    let full_name = |instance: &Instance| {
        let text = fs::read_to_string(instance.config().unwrap()).unwrap();
        let name = text
            .lines()
            .find_map(|line| line.strip_prefix("full_name = "));
        name.unwrap().to_owned()
    };
    let set = |instance: &Instance, name: &str| {
        mox(
            instance,
            &["config", "account", "set", "mox", "full_name", name],
        )
        .ok()
    };
    kill_everywhere(
        |instance, n| {
            set(instance, &format!("old {n}"));
            let history = mox(instance, &["config", "history"]).ok();
            let newest = history.split('\t').next().unwrap().to_owned();
            set(instance, &format!("new {n}"));
            ["config", "rollback", "--yes", &newest]
                .map(str::to_owned)
                .to_vec()
        },
        |instance, n, done| {
            let (old, new) = (format!("\"old {n}\""), format!("\"new {n}\""));
            let is = full_name(instance);
            assert!(is == old || (is == new && !done), "{is} {n} {done}");
        },
    );
}
