//! Examples are run: those in the help of every command, which the manual pages have too, and those in
//! the prose of the pages. Each command has a copy of one world, with a server and without.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::support::instance::Instance;
use super::support::process;
use super::{help, leaves};

/// What there is before any example: lines of a shell.
const WORLD: &str = r#"
mox config domain add example.org alice alice
mox config domain add example.net alice
mox config account add bob bob@example.org
mox config account add carol carol@example.org
mox config address add sales@example.org alice
mox config alias add team@example.org alice@example.org bob@example.org
mox config dkim add --type ed25519 example.org 2027a
mox config dkim add --type ed25519 example.org 2027b
mox config account set alice full_name Alice
mox config account set bob full_name Bob
mox config account set carol full_name Carol
mox config account set carol quota 1GB
mox setaccountpassword alice <<< 'correct horse battery'
mox config tlspubkey gen old
mox config tlspubkey add alice@example.org old < old.certificate.pem
mkdir -p etc/bash_completion.d etc/systemd/system usr/local/share/zsh/site-functions
mkdir -p .config/fish/completions .config/mox
cat > mail.toml <<'END'
[accounts.mox]
domain = "localhost"
destinations = { "mox@localhost" = {}, "@localhost" = {} }
[accounts.alice]
domain = "example.org"
destinations = { "alice@example.org" = {}, "sales@example.org" = {} }
[accounts.bob]
domain = "example.org"
destinations = { "bob@example.org" = {} }
END
cp -r server/config etc/mox
cp etc/mox/mox.toml etc/mox/mox.toml.new
"#;

/// What must be otherwise for the examples of a command.
const BEFORE: &[(&str, &str)] = &[
    (
        "config domain add",
        "mox config account rm carol; mox config alias rm team@example.org; \
         mox config account rm bob; mox config account rm --wait alice; mox config domain rm example.org; mox config domain rm example.net",
    ),
    (
        "config account add",
        "mox config alias rm team@example.org; mox config account rm --wait alice",
    ),
    (
        "config address add",
        "mox config address rm sales@example.org",
    ),
    ("config alias add", "mox config alias rm team@example.org"),
    (
        "config account rm",
        "mox config alias rmaddr team@example.org bob@example.org",
    ),
    (
        "config dkim add",
        "mox config dkim rm example.org 2027a; mox config dkim rm example.org 2027b; rm server/config/dkim/2027*",
    ),
    (
        "config tlspubkey add",
        "mox config tlspubkey gen laptop; mox config tlspubkey gen phone",
    ),
];

/// Commands whose examples are not run, and why.
const NOT_RUN: &[(&str, &str)] = &[
    ("serve", "is the server, which all of these tests start"),
    ("localserve", "is the server"),
    ("config dnscheck", "asks the network"),
    (
        "quickstart",
        "makes the server of a whole machine; tests/control/quickstart.rs runs it",
    ),
    (
        "sendmail",
        "hands in to the server that a file of the machine names; the clients' tests run it",
    ),
];

/// Commands that need a server.
const LIVE: [&str; 5] = [
    "status",
    "stop",
    "loglevels",
    "sessions list",
    "sessions kick",
];

/// Stands in examples for the fingerprint of a key that is there.
const FINGERPRINT: &str = "v7RkPp0nV5ZJqq1cLDSj4cQWkmJO5rZb9nYpbxxpWcQ";

/// The lines below `Examples:` in the help of a command.
fn examples(leaf: &str) -> Vec<String> {
    let path: Vec<&str> = leaf.split(' ').collect();
    let help = help(&path);
    let (_, after) = help.split_once("\nExamples:\n").unwrap_or_default();
    let lines = after.lines().map_while(|line| line.strip_prefix("  "));
    lines.map(str::to_owned).collect()
}

#[test]
fn every_command_has_an_example() {
    // The options of sendmail are not ours; its page has the examples.
    let all: Vec<String> = leaves()
        .into_iter()
        .filter(|leaf| leaf != "sendmail")
        .collect();
    let missing: Vec<&String> = all
        .iter()
        .filter(|leaf| examples(leaf).is_empty())
        .collect();
    assert!(missing.is_empty(), "without an example: {missing:?}");
    for (leaf, _) in BEFORE.iter().chain(NOT_RUN) {
        assert!(leaves().iter().any(|known| known == leaf), "{leaf}");
    }
    for leaf in all {
        let mut lines = examples(&leaf).into_iter();
        assert!(lines.any(|line| names(&line, &leaf)), "{leaf}");
    }
}

/// Whether a line is about the command; others say what else has to be done.
fn names(line: &str, leaf: &str) -> bool {
    line.contains(&format!("mox {leaf}")) || line.contains("mox --")
}

/// Where the examples begin, and the fingerprint of its key.
fn world() -> (Instance, String) {
    let mut world = Instance::new(env!("CARGO_BIN_EXE_mox"));
    world.init().unwrap();
    shell(&world, &format!("set -e{WORLD}")).unwrap();
    let list = ["config", "tlspubkey", "list"];
    let list = process::run(&mut world.mox(list), b"").unwrap().ok();
    let fingerprint = list.split('\t').next().unwrap().to_owned();
    (world, fingerprint)
}

/// Another one that is the same.
fn copy(world: &Instance) -> Instance {
    let mut copy = Instance::new(env!("CARGO_BIN_EXE_mox"));
    let copied = Command::new("cp")
        .args(["-a", "server", "etc", "usr", ".config", "mail.toml"])
        .arg(copy.root())
        .current_dir(world.root())
        .status()
        .unwrap();
    assert!(copied.success());
    copy.set_config("server/config/mox.toml");
    let file = copy.config().unwrap();
    let text = fs::read_to_string(file).unwrap();
    let (old, new) = (world.ip().to_string(), copy.ip().to_string());
    fs::write(file, text.replace(&old, &new)).unwrap();
    copy
}

/// Runs lines as somebody would who types them; a password is there for who reads one.
fn shell(instance: &Instance, lines: &str) -> Result<(), String> {
    let mut command = instance.program("bash");
    command.args(["--norc", "-o", "pipefail", "-c", lines]);
    let output = process::run(&mut command, b"correct horse battery\n")?;
    match output.code() {
        0 => Ok(()),
        code => Err(format!("exit {code}: {}{}", output.out(), output.err())),
    }
}

/// Runs the examples of a command one after the other.
fn try_out(leaf: &str, world: &Instance, fingerprint: &str, online: bool) -> Vec<String> {
    let mut instance = copy(world);
    if online {
        instance.serve().unwrap();
    }
    let before = BEFORE.iter().filter(|(other, _)| *other == leaf);
    for (_, lines) in before {
        let _ = shell(&instance, lines);
    }
    let run = |line: String| {
        let real = line
            .replace(FINGERPRINT, fingerprint)
            .replace(" /etc/", " etc/")
            .replace(" /usr/", " usr/");
        let failed = shell(&instance, &real).err()?;
        Some(format!("{line}\n    online {online}: {failed}"))
    };
    let lines = examples(leaf).into_iter();
    let lines = lines.filter(|line| names(line, leaf));
    lines.filter_map(run).collect()
}

fn all_work(online: bool) {
    let (world, fingerprint) = world();
    let mut failed = Vec::new();
    for leaf in leaves() {
        let leaf = leaf.as_str();
        if NOT_RUN.iter().any(|(other, _)| *other == leaf) || !online && LIVE.contains(&leaf) {
            continue;
        }
        failed.extend(try_out(leaf, &world, &fingerprint, online));
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
fn examples_work_with_a_server() {
    all_work(true);
}

#[test]
fn examples_work_without_a_server() {
    all_work(false);
}

/// The literal displays of a manual page, as a terminal would show them.
fn displays(page: &str) -> Vec<String> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../man")
        .join(page);
    let text = fs::read_to_string(page).unwrap();
    let (_, examples) = text.split_once(".Sh EXAMPLES\n").unwrap();
    let displays = examples.split(".Bd -literal -offset indent\n").skip(1);
    displays
        .map(|display| {
            display
                .split(".Ed\n")
                .next()
                .unwrap()
                .replace("\\(dq", "\"")
        })
        .collect()
}

#[test]
fn examples_in_the_prose_of_pages_work() {
    let mut instance = Instance::localserve(env!("CARGO_BIN_EXE_mox"));
    let displays_of_mox = displays("mox.1");
    assert!(displays_of_mox.len() > 2);
    let lines = displays_of_mox.iter().flat_map(|display| display.lines());
    for line in lines.filter(|line| *line != "mox localserve") {
        shell(&instance, line).unwrap_or_else(|e| panic!("{line}: {e}"));
    }
    instance.stop().unwrap();
    for file in displays("mox.toml.5") {
        fs::write(instance.root().join("example.toml"), file).unwrap();
        shell(&instance, "mox config test example.toml").unwrap();
    }
}
