//! Online and offline the same: the same commands in two sandboxes that begin alike, one with a server and
//! one without. What they print (as JSON, which every command must), how they exit and mox.toml, byte for
//! byte, must agree after each.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::leaves;
use super::support::instance::Instance;
use super::support::process;

/// Commands in the order in which they are run, with what they read on stdin.
pub(crate) const STEPS: &[(&str, &str)] = &[
    ("version", ""),
    ("config test", ""),
    ("config show", ""),
    ("config describe", ""),
    ("config schema", ""),
    ("config domain add example.org alice alice", ""),
    ("config domain add example.org alice", ""),
    ("config domain add --if-not-exists example.org alice", ""),
    ("config domain add --disabled bücher.example alice info", ""),
    ("config domain add --dry-run example.net alice", ""),
    ("config domain list", ""),
    ("config domain show example.org", ""),
    ("config domain show exmaple.org", ""),
    ("config domain disable example.org", ""),
    ("config domain disable example.org", ""),
    ("config domain enable example.org", ""),
    (
        "config domain set example.org localpart_case_sensitive true",
        "",
    ),
    ("config account add bob bob@example.org", ""),
    ("config account add --if-not-exists bob bob@example.org", ""),
    ("config account add bob bob2@example.org", ""),
    ("config account list", ""),
    ("config account show bob", ""),
    ("config account addresses alice", ""),
    ("config account set bob quota 1GB", ""),
    ("config account set bob full_name Bob", ""),
    ("config account set bob qouta 1GB", ""),
    ("config account disable bob gone", ""),
    ("config account disable bob bücher", ""),
    ("config account enable bob", ""),
    ("config address add sales@example.org bob", ""),
    ("config address add @example.org bob", ""),
    ("config address list", ""),
    ("config address account any@example.org", ""),
    ("config address rm @example.org", ""),
    ("config alias add team@example.org alice@example.org", ""),
    ("config alias addaddr team@example.org bob@example.org", ""),
    (
        "config alias update team@example.org --post-public true",
        "",
    ),
    ("config alias list example.org", ""),
    ("config alias print team@example.org", ""),
    ("config alias rmaddr team@example.org alice@example.org", ""),
    ("explain rcpt team@example.org", ""),
    ("explain sender sales@example.org", ""),
    ("explain login bob@example.org", ""),
    ("config alias rm team@example.org", ""),
    ("config dkim add example.org k1 --type ed25519", ""),
    ("config dkim sign example.org k1", ""),
    ("config dkim list example.org", ""),
    ("config dkim add localhost k2 --type ed25519", ""),
    ("config dkim rm localhost k2", ""),
    ("config dnsrecords example.org", ""),
    ("setaccountpassword bob", "correct horse battery"),
    ("setaccountpassword nobody", "correct horse battery"),
    ("setadminpassword", "correct horse battery"),
    ("config tlspubkey add bob@example.org laptop", "certificate"),
    ("config tlspubkey list", ""),
    ("config tlspubkey get FINGERPRINT", ""),
    ("config tlspubkey update --name desktop FINGERPRINT", ""),
    ("config tlspubkey rm FINGERPRINT", ""),
    ("config apply --dry-run -", APPLIED),
    ("config apply -", APPLIED),
    ("config apply -", APPLIED),
    ("config apply -", "[domains.applied]\nqouta = 1\n"),
    ("config apply --prune -", "[accounts.alice]\n"),
    (
        "config apply --prune --yes -",
        "[accounts.carol.destinations.\"c@applied.example\"]\n",
    ),
    ("config reload", ""),
    ("config diff 2 3", ""),
    ("config history", ""),
    ("config address rm sales@example.org", ""),
    ("config account rm bob", ""),
    ("config account rm bob", ""),
    ("config account rm --if-exists bob", ""),
    ("config domain rm example.org", ""),
    ("config address rm alice@example.org", ""),
    ("config domain rm example.org", ""),
    ("config domain rm --if-exists example.org", ""),
    ("config rollback 2 --yes", ""),
    ("config domain list", ""),
];

/// A file for `config apply`.
const APPLIED: &str = "\
[domains.\"applied.example\".aliases.all]
addresses = [\"carol@applied.example\", \"bob@example.org\"]

[accounts.carol]
domain = \"applied.example\"
full_name = \"Carol\"
destinations.\"carol@applied.example\" = {}
destinations.\"@applied.example\" = { mailbox = \"Rest\" }

[accounts.bob]
quota = \"2GB\"
";

/// Commands that the test leaves out, and why.
const OTHERS: &[(&str, &str)] = &[
    ("serve", "is the server"),
    (
        "localserve",
        "is the server; --init-only made both sandboxes",
    ),
    ("sendmail", "asks a server by the network"),
    ("config describe-sendmail", "reads nothing"),
    ("quickstart", "makes a new server"),
    ("config printservice", "reads mox.toml only"),
    ("status", "needs the server"),
    ("stop", "needs the server"),
    ("loglevels", "needs the server"),
    ("sessions list", "needs the server"),
    ("sessions kick", "needs the server"),
    ("config dnscheck", "asks the network"),
    (
        "config tlspubkey gen",
        "makes other keys each time, in files only",
    ),
    ("completions", "prints a script"),
];

/// Keys of JSON that tell which of the two it was, when, or what was drawn by lot.
const OWN: [&str; 5] = ["daemon", "notes", "time", "created", "last_used"];

#[test]
fn every_command_does_the_same_with_a_server_and_without() {
    let mut online = Instance::new(env!("CARGO_BIN_EXE_mox"));
    online.init().unwrap();
    let mut offline = Instance::new(env!("CARGO_BIN_EXE_mox"));
    offline.set_config("server/config/mox.toml");
    let copied = Command::new("cp")
        .args(["-a", "server"])
        .arg(offline.root())
        .current_dir(online.root())
        .status()
        .unwrap();
    assert!(copied.success());
    let generate = ["config", "tlspubkey", "gen", "--json", "laptop"];
    let made: Value =
        serde_json::from_str(&process::run(&mut online.mox(generate), b"").unwrap().ok()).unwrap();
    let fingerprint = made["fingerprint"].as_str().unwrap();
    let certificate = online
        .root()
        .join(made["certificate_file"].as_str().unwrap());
    let certificate = fs::read(certificate).unwrap();
    online.serve().unwrap();

    let mut wrong = Vec::new();
    for (step, input) in STEPS {
        let line = step.replace("FINGERPRINT", fingerprint);
        let input: &[u8] = match *input {
            "certificate" => &certificate,
            text => text.as_bytes(),
        };
        let [with, without] = [&online, &offline].map(|instance| {
            let words = line.split(' ').chain(["--json"]);
            let output = process::run(&mut instance.mox(words), input).unwrap();
            let json = match output.code() {
                0 => &output.stdout,
                _ => &output.stderr,
            };
            let json: Value = serde_json::from_slice(json).unwrap_or_else(|e| {
                panic!("mox {line} --json: {e}: {}{}", output.out(), output.err())
            });
            (
                output.code(),
                comparable(json, instance.root()),
                file(instance),
            )
        });
        if with.0 != without.0 || with.1 != without.1 {
            wrong.push(format!(
                "mox {line}:\nonline  {} {}\noffline {} {}",
                with.0, with.1, without.0, without.1
            ));
        }
        assert_eq!(with.2, without.2, "mox.toml after mox {line}");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn file(instance: &Instance) -> String {
    fs::read_to_string(instance.config().unwrap()).unwrap()
}

/// Without what may differ.
fn comparable(value: Value, root: &Path) -> Value {
    match value {
        Value::Object(fields) => fields
            .into_iter()
            .filter(|(key, _)| !OWN.contains(&key.as_str()))
            .map(|(key, value)| (key, comparable(value, root)))
            .collect(),
        Value::Array(items) => items
            .into_iter()
            .map(|item| comparable(item, root))
            .collect(),
        // Keys are drawn by lot.
        Value::String(text) if text.starts_with("v=DKIM1") => {
            text.split("p=").next().unwrap_or_default().into()
        }
        Value::String(text) => text.replace(&root.display().to_string(), "ROOT").into(),
        other => other,
    }
}

#[test]
fn no_command_is_without_a_case() {
    let known = |leaf: &String| {
        OTHERS.iter().any(|(other, _)| other == leaf)
            || STEPS.iter().any(|(step, _)| {
                step.strip_prefix(leaf.as_str())
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
            })
    };
    let missing: Vec<String> = leaves().into_iter().filter(|leaf| !known(leaf)).collect();
    assert!(
        missing.is_empty(),
        "neither compared nor excused: {missing:?}"
    );
}
