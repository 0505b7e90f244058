//! What `spec/cli.md` promises of every command of a kind: lists, things that are not there, things
//! that are there already.

use std::fs;

use serde_json::Value;

use super::support::instance::Instance;
use super::support::process::{self, Output};
use super::{help, leaves};

const FINGERPRINT: &str = "v7RkPp0nV5ZJqq1cLDSj4cQWkmJO5rZb9nYpbxxpWcQ";

fn world() -> Instance {
    let mut instance = Instance::new(env!("CARGO_BIN_EXE_mox"));
    instance.init().unwrap();
    for line in [
        "config domain add example.org alice alice",
        "config domain add example.net alice",
        "config domain disable example.net",
        "config account add bob bob@example.org",
        "config account disable bob gone",
        "config address add @example.org bob",
        "config alias add team@example.org alice@example.org bob@example.org",
        "config alias add all@example.org alice@example.org",
        "config dkim add example.org 2027b --type ed25519",
        "config tlspubkey gen laptop",
        "config tlspubkey gen phone",
    ] {
        run(&instance, line).ok();
    }
    for (key, address) in [
        ("laptop", "alice@example.org"),
        ("phone", "bob@example.org"),
    ] {
        let certificate = instance.root().join(format!("{key}.certificate.pem"));
        let line = format!("config tlspubkey add {address} {key}");
        run_with(&instance, &line, &fs::read(certificate).unwrap()).ok();
    }
    instance
}

fn run(instance: &Instance, line: &str) -> Output {
    process::run(&mut instance.mox(line.split(' ')), b"").unwrap()
}

#[test]
fn lists_are_a_record_a_line() {
    let mut instance = world();
    instance.serve().unwrap();
    let lists = [
        ("config domain list", 2),
        ("config account list", 3),
        ("config account addresses alice", 1),
        ("config address list", 3),
        ("config alias list example.org", 1),
        ("config dkim list example.org", 5),
        ("config tlspubkey list", 8),
        ("config history", 5),
        ("loglevels", 3),
        ("sessions list", 8),
    ];
    for leaf in leaves() {
        let is_list = leaf.ends_with(" list") || leaf.ends_with(" history");
        let known = lists.iter().any(|(line, _)| line.starts_with(&leaf));
        assert!(!is_list || known, "{leaf} has no case");
    }
    for (line, fields) in lists {
        let text = run(&instance, line).ok();
        let json: Value = serde_json::from_str(&run(&instance, &format!("{line} --json")).ok())
            .unwrap_or_else(|e| panic!("{line}: {e}"));
        let records = json.as_array().unwrap_or_else(|| panic!("{line}: {json}"));
        assert_eq!(text.lines().count(), records.len(), "{line}: {text}");
        for record in text.lines() {
            assert_eq!(record.split('\t').count(), fields, "{line}: {record}");
            assert!(!record.contains('\u{1b}'), "{line}: {record}");
        }
        // A header would be in the first line; that is a record like the others.
        if let (Some(first), Some(Value::Object(record))) = (text.lines().next(), records.first()) {
            let cell = first.split('\t').next().unwrap();
            let is_value = |value: &Value| match value {
                Value::String(text) => text == cell,
                Value::Number(number) => cell.parse().ok() == number.as_u64(),
                _ => false,
            };
            assert!(record.values().any(is_value), "{line}: {first} {record:?}");
        }
    }
}

#[test]
fn names_that_are_not_there_exit_3_and_the_nearest_is_named() {
    let mut instance = world();
    let list = run(&instance, "config tlspubkey list").ok();
    let fingerprint = list.split('\t').next().unwrap();
    let other = match fingerprint.as_bytes()[5] {
        b'A' => "B",
        _ => "A",
    };
    let near = format!("{}{other}{}", &fingerprint[..5], &fingerprint[6..]);
    let cases = [
        ("config domain show exmaple.org", "example.org"),
        ("config domain rm exmaple.org", "example.org"),
        ("config domain disable exmaple.org", "example.org"),
        ("config domain enable exmaple.org", "example.org"),
        (
            "config domain set exmaple.org localpart_case_sensitive true",
            "example.org",
        ),
        ("config dnsrecords exmaple.org", "example.org"),
        ("config dnscheck exmaple.org", "example.org"),
        ("config account show alcie", "alice"),
        ("config account addresses alcie", "alice"),
        ("config account rm alcie", "alice"),
        ("config account disable alcie gone", "alice"),
        ("config account enable alcie", "alice"),
        ("config account set alcie quota 1GB", "alice"),
        ("config domain add example.com alcie", ""),
        ("config address add new@example.org alcie", "alice"),
        ("config address add new@exmaple.org alice", "example.org"),
        ("config address rm alcie@example.org", "alice@example.org"),
        (
            "config address account alcie@example.net",
            "alice@example.org",
        ),
        ("config alias list exmaple.org", "example.org"),
        ("config alias print taem@example.org", "team@example.org"),
        ("config alias rm taem@example.org", "team@example.org"),
        (
            "config alias update taem@example.org --post-public true",
            "team@example.org",
        ),
        (
            "config alias addaddr taem@example.org bob@example.org",
            "team@example.org",
        ),
        (
            "config alias rmaddr taem@example.org bob@example.org",
            "team@example.org",
        ),
        (
            "config alias rmaddr team@example.org bbo@example.org",
            "bob@example.org",
        ),
        ("config dkim list exmaple.org", "example.org"),
        ("config dkim rm exmaple.org 2027b", "example.org"),
        ("config dkim rm example.org 2072b", "2027b"),
        ("config dkim sign example.org 2072b", "2027b"),
        ("config dkim add exmaple.org new", "example.org"),
        ("config tlspubkey get NEAR", "NEAREST"),
        ("config tlspubkey rm NEAR", "NEAREST"),
        ("config tlspubkey update NEAR --name x", "NEAREST"),
        ("config rollback 4711", ""),
        ("config diff 4711", ""),
        ("setaccountpassword alcie", "alice"),
    ];
    let mut wrong = Vec::new();
    for online in [false, true] {
        if online {
            instance.serve().unwrap();
        }
        for (line, hint) in cases {
            // They are compared by spelling: one that is far has no neighbour.
            let line = line.replace("NEAR", &near);
            let hint = hint.replace("NEAREST", fingerprint);
            let output = run_with(&instance, &line, b"correct horse battery");
            let said = output.err();
            let hinted = hint.is_empty() || said.contains(&format!("did you mean {hint}?"));
            if output.code() != 3 || !hinted {
                wrong.push(format!("{line}: {} {said}", output.code()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn run_with(instance: &Instance, line: &str, input: &[u8]) -> Output {
    process::run(&mut instance.mox(line.split(' ')), input).unwrap()
}

#[test]
fn filters_that_match_nothing_give_an_empty_list() {
    let mut instance = world();
    instance.serve().unwrap();
    let line = "sessions list --account nobody";
    assert_eq!(run(&instance, line).ok(), "");
    let json = run(&instance, &format!("{line} --json")).ok();
    assert_eq!(json.trim_end(), "[]");
    // Kicking nobody is nothing that failed.
    run(&instance, "sessions kick --account nobody").ok();
}

#[test]
fn adding_and_removing_can_be_done_twice() {
    let instance = world();
    let twice = [
        "config domain add --if-not-exists example.com alice",
        "config account add --if-not-exists dora dora@example.org",
        "config address add --if-not-exists sales@example.org alice",
        "config alias add --if-not-exists new@example.org alice@example.org",
        "config alias addaddr --if-not-exists new@example.org bob@example.org",
        "config dkim add --if-not-exists example.net k1 --type ed25519",
        "config dkim rm --if-exists example.net k1",
        "config alias rmaddr --if-exists new@example.org bob@example.org",
        "config alias rm --if-exists new@example.org",
        "config address rm --if-exists sales@example.org",
        "config account rm --if-exists dora",
        "config domain rm --if-exists example.com",
        "config tlspubkey rm --if-exists FINGERPRINT",
    ];
    for leaf in leaves() {
        let path: Vec<&str> = leaf.split(' ').collect();
        let flag = match path.last() {
            Some(&("add" | "addaddr")) => "--if-not-exists",
            Some(&("rm" | "rmaddr")) => "--if-exists",
            _ => continue,
        };
        assert!(help(&path).contains(flag), "{leaf} has no {flag}");
        let known = twice.iter().any(|line| line.starts_with(&leaf));
        assert!(
            known || leaf == "config tlspubkey add",
            "{leaf} has no case"
        );
    }
    for line in twice {
        let line = line.replace("FINGERPRINT", FINGERPRINT);
        for _ in 0..2 {
            run(&instance, &line).ok();
        }
        let json: Value =
            serde_json::from_str(&run(&instance, &format!("{line} --json")).ok()).unwrap();
        assert_eq!(json["changed"], false, "{line}");
    }
}
