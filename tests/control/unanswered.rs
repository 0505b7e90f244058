//! A daemon that dies before it answers: the command finds out whether its change was made, also where no
//! generation of mox.toml says so, and does not make it twice.

use super::support::instance::{Instance, Service};
use super::support::process::{self, Output};
use super::{initialised, mox};

const KEY: &[u8] = include_bytes!("../samples/certificates/ed25519.pem");

/// A server that is killed there, at the first change that is made.
fn doomed(point: &str) -> Instance {
    let mut instance = initialised();
    let faults = format!("abort@{point}");
    let faults = [("MOX_FAULT", faults.as_str())];
    instance.serve_with(&["serve"], &faults).unwrap();
    instance
}

fn add_key(instance: &Instance) -> Output {
    let mut add = instance.mox(["config", "tlspubkey", "add", "mox@localhost", "phone"]);
    process::run(&mut add, KEY).unwrap()
}

/// Before the change is written; after it; at the very end.
const POINTS: [&str; 3] = [
    "admin.commit.staged",
    "admin.commit.recorded",
    "admin.commit.renamed",
];

#[test]
fn a_key_is_added_once() {
    for point in POINTS {
        let mut instance = doomed(point);
        add_key(&instance).ok();
        assert!(!instance.wait().unwrap().success(), "{point}");
        let list = mox(&instance, &["config", "tlspubkey", "list", "mox"]).ok();
        assert_eq!(list.lines().count(), 1, "{point}: {list}");
        // Another request for the same is told that it is there.
        assert_eq!(add_key(&instance).code(), 4, "{point}");
    }
}

#[test]
fn a_key_is_removed_once() {
    for point in POINTS {
        let mut instance = initialised();
        add_key(&instance).ok();
        let list = mox(&instance, &["config", "tlspubkey", "list", "--json"]).ok();
        let list: serde_json::Value = serde_json::from_str(&list).unwrap();
        let fingerprint = list[0]["fingerprint"].as_str().unwrap();
        let faults = format!("abort@{point}");
        let faults = [("MOX_FAULT", faults.as_str())];
        instance.serve_with(&["serve"], &faults).unwrap();
        mox(&instance, &["config", "tlspubkey", "rm", fingerprint]).ok();
        assert!(!instance.wait().unwrap().success(), "{point}");
        let again = mox(&instance, &["config", "tlspubkey", "rm", fingerprint]);
        assert_eq!(again.code(), 3, "{point}");
    }
}

#[test]
fn a_password_is_set_once() {
    for point in POINTS {
        let mut instance = doomed(point);
        let mut set = instance.mox(["setaccountpassword", "mox"]);
        process::run(&mut set, b"correct horse\n").unwrap().ok();
        assert!(!instance.wait().unwrap().success(), "{point}");
        instance.serve().unwrap();
        let mut imap = instance.connect(Service::Imaps);
        imap.hear();
        imap.say("a LOGIN mox@localhost {13+}\r\ncorrect horse");
        assert!(imap.hear().starts_with("a OK"), "{point}");
    }
}
