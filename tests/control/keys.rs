//! A file with many new domains: their keys are made while other changes go on.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use serde_json::Value;

use super::{mox, serving};

/// So many that their keys take far longer than a change without any.
const DOMAINS: usize = 40;

#[test]
fn other_changes_do_not_wait_for_the_keys_of_many_domains() {
    let instance = serving();
    let tables = (0..DOMAINS).map(|n| format!("[domains.\"d{n}.example\"]\n"));
    fs::write(
        instance.root().join("mail.toml"),
        tables.collect::<String>(),
    )
    .unwrap();
    let done = AtomicBool::new(false);
    let number = |json: &str| {
        let json: Value = serde_json::from_str(json).unwrap();
        json["generation"].as_u64().unwrap()
    };
    let (applied, last) = thread::scope(|scope| {
        let applying = scope.spawn(|| {
            let output = mox(&instance, &["config", "apply", "mail.toml", "--json"]);
            done.store(true, Ordering::Relaxed);
            number(&output.ok())
        });
        let mut last = Vec::new();
        while !done.load(Ordering::Relaxed) {
            let name = last.len().to_string();
            let set = [
                "config",
                "account",
                "set",
                "mox",
                "full_name",
                &name,
                "--json",
            ];
            last.push(number(&mox(&instance, &set).ok()));
        }
        (applying.join().unwrap(), last)
    });
    let before = last
        .iter()
        .filter(|generation| **generation < applied)
        .count();
    assert!(before >= 2, "{before} of {} changes went first", last.len());
    let keys = fs::read_dir(instance.config().unwrap().with_file_name("dkim")).unwrap();
    assert_eq!(keys.count(), 2 * DOMAINS);
    let show = mox(&instance, &["config", "account", "show", "mox"]).ok();
    assert!(show.contains(&(last.len() - 1).to_string()), "{show}");
    mox(&instance, &["config", "domain", "show", "d39.example"]).ok();
}
