//! The JSON Schema, with Python's validator: it takes what is valid and refuses what a schema can see.

use std::fs;
use std::process::Command;

use super::mox;

/// `file.toml good|bad` lines on stdin; a line for each that the schema takes otherwise.
const CHECK: &str = r#"
import json, sys, tomllib
from jsonschema import Draft7Validator
schema = json.load(open("schema.json"))
Draft7Validator.check_schema(schema)
validator = Draft7Validator(schema)
for line in open("samples"):
    name, wanted = line.split()
    found = [f"{'.'.join(map(str, e.absolute_path))}: {e.message[:200]}" for e in validator.iter_errors(tomllib.load(open(name, "rb")))]
    if (wanted == "good") == bool(found):
        print(name, wanted, found)
"#;

const GOOD: &str = r#"
[server]
hostname = "mail.example.org"
log_level = "debug"
resolver = ["127.0.0.1:5353", "[::1]:53", "::1"]
[limits]
message_size = "10 MB"
smtp_idle = "1h 30m"
login_idle = 5
[listeners.public]
ips = ["0.0.0.0", "::"]
tls = { certificates = [{ cert = "c", key = "k" }], min_version = "1.3" }
submission = {}
https = { admin = "/admin/" }
[domains."bücher.example"]
localpart_catchall_separators = ["+", "--"]
aliases."te am" = { addresses = ["alice@bücher.example"] }
[accounts.alice]
domain = "bücher.example"
quota = 0
destinations = { "alice@bücher.example" = {}, "@bücher.example" = { mailbox = "A/B" } }
[[routes]]
to = [".", ".example.net", "example.com"]
transport = "loopback"
account = "alice"
"#;

/// What replaces what in the good file.
const BAD: [(&str, &str); 14] = [
    ("hostname", "hostnmae"),
    ("[server]\n", "[servers]\n"),
    ("\"debug\"", "\"loud\""),
    ("\"10 MB\"", "\"10 XB\""),
    ("\"10 MB\"", "5"),
    ("\"1h 30m\"", "\"1 hour\""),
    ("login_idle = 5", "login_idle = 0"),
    ("submission = {}", "submission = { port = 0 }"),
    ("submission = {}", "submission = 587"),
    ("\"/admin/\"", "\"admin\""),
    ("addresses = [\"alice@bücher.example\"]", "addresses = []"),
    ("quota = 0", "quota = -1"),
    ("min_version = \"1.3\"", "min_version = 1.3"),
    ("transport", "trasport"),
];

#[test]
fn the_schema_takes_what_is_valid_and_refuses_what_it_can_see() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    let stdout = |arguments: &[&str]| String::from_utf8(mox(arguments).stdout).unwrap();
    write("schema.json", &stdout(&["config", "schema"]));
    let reference = stdout(&["config", "describe"]);
    let on = |line: &str| match line.strip_prefix('#') {
        Some(rest) if !rest.is_empty() && !rest.starts_with(' ') => rest.to_owned(),
        _ => line.to_owned(),
    };
    let on: String = reference.lines().map(|line| on(line) + "\n").collect();
    let mut samples = Vec::new();
    let mut sample = |text: &str, wanted: &str| {
        let name = format!("{}.toml", samples.len());
        write(&name, text);
        samples.push(format!("{name} {wanted}\n"));
    };
    for good in [&reference, &on, GOOD] {
        sample(good, "good");
    }
    for (from, to) in BAD {
        assert!(GOOD.contains(from), "{from}");
        sample(&GOOD.replacen(from, to, 1), "bad");
    }
    write("samples", &samples.concat());
    let output = Command::new("python3")
        .args(["-c", CHECK])
        .current_dir(folder.path())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(text, "");
}
