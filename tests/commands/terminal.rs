//! On a terminal: tables, colours, questions, passwords without echo. `script` makes the terminal.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::support::instance::Instance;
use super::support::process;

/// Runs a command line with a terminal for all three streams, typing this.
fn typed(instance: &Instance, line: &str, input: &str) -> (i32, String) {
    typed_with(instance, line, input, &[])
}

fn typed_with(
    instance: &Instance,
    line: &str,
    input: &str,
    environment: &[(&str, &str)],
) -> (i32, String) {
    let mut command: Command = instance.program(Path::new("script"));
    command
        .args(["-qec", line, "/dev/null"])
        .env("TERM", "xterm-256color")
        .env_remove("NO_COLOR")
        .envs(environment.iter().copied());
    let output = process::run(&mut command, input.as_bytes()).unwrap();
    (output.code(), output.out().replace("\r\n", "\n"))
}

fn world() -> Instance {
    let mut instance = Instance::new(env!("CARGO_BIN_EXE_mox"));
    instance.init().unwrap();
    let added = ["config", "account", "add", "alice", "alice@localhost"];
    process::run(&mut instance.mox(added), b"").unwrap().ok();
    instance
}

fn accounts(instance: &Instance) -> String {
    let list = ["config", "account", "list"];
    process::run(&mut instance.mox(list), b"").unwrap().ok()
}

#[test]
fn lists_are_tables_and_colours_can_be_turned_off() {
    let instance = world();
    let (code, text) = typed(&instance, "mox config account list", "");
    assert_eq!(code, 0, "{text}");
    assert!(
        text.contains("ACCOUNT") && text.contains("alice@localhost"),
        "{text}"
    );
    let unknown = "mox config account show alcie";
    let red = "\u{1b}[1m\u{1b}[31merror:";
    assert!(typed(&instance, unknown, "").1.contains(red));
    let (_, plain) = typed_with(&instance, unknown, "", &[("NO_COLOR", "1")]);
    assert!(
        !plain.contains('\u{1b}') && plain.contains("error: "),
        "{plain:?}"
    );
    let (_, plain) = typed(&instance, &format!("{unknown} --color never"), "");
    assert!(!plain.contains('\u{1b}'), "{plain:?}");
    // Elsewhere there are none, unless somebody wants them.
    let piped = process::run(&mut instance.mox(unknown.split(' ').skip(1)), b"").unwrap();
    assert!(!piped.err().contains('\u{1b}'));
    let always = unknown.split(' ').skip(1).chain(["--color", "always"]);
    assert!(
        process::run(&mut instance.mox(always), b"")
            .unwrap()
            .err()
            .contains(red)
    );
}

#[test]
fn only_who_says_yes_destroys() {
    let instance = world();
    let rm = "mox config account rm alice";
    for answer in ["n\n", "\n", "\u{4}", "maybe\n"] {
        let (code, text) = typed(&instance, rm, answer);
        assert!(
            code == 1 && text.contains("[y/N]"),
            "{answer:?}: {code} {text}"
        );
        assert!(text.contains("nothing was changed"), "{text}");
    }
    let (code, text) = typed(&instance, rm, "\u{3}");
    assert!(code != 0, "{text}");
    assert!(accounts(&instance).contains("alice"));
    let (code, text) = typed(&instance, rm, "y\n");
    assert!(
        code == 0 && text.contains("account removed: alice"),
        "{text}"
    );
    assert!(!accounts(&instance).contains("alice"));
}

#[test]
fn what_would_be_pruned_is_shown_before_it_is_asked() {
    let instance = world();
    let file = instance.root().join("mail.toml");
    let mox = "[accounts.mox]\ndomain = \"localhost\"\n\
               destinations = { \"mox@localhost\" = {}, \"@localhost\" = {} }\n";
    fs::write(file, mox).unwrap();
    let apply = "mox config apply --prune mail.toml";
    let goes = "account alice (with all of its mail)";
    let (code, text) = typed(&instance, apply, "n\n");
    assert!(code == 1 && text.contains("nothing was changed"), "{text}");
    let (shown, asked) = (text.find(goes), text.find("remove 2 of these? [y/N]"));
    assert!(shown.is_some() && shown < asked, "{text}");
    assert!(accounts(&instance).contains("alice"));
    let (code, text) = typed(&instance, apply, "y\n");
    assert!(code == 0 && text.contains("2 removed"), "{text}");
    assert_eq!(text.matches(goes).count(), 1, "{text}");
    assert!(!accounts(&instance).contains("alice"));
    // Nothing goes: nobody is asked.
    let (code, text) = typed(&instance, apply, "");
    assert!(code == 0 && !text.contains("[y/N]"), "{text}");
}

#[test]
fn going_back_is_asked_about() {
    let instance = world();
    let set = |name: &str| {
        let words = ["config", "account", "set", "alice", "full_name", name];
        process::run(&mut instance.mox(words), b"").unwrap().ok()
    };
    let full_name = || {
        let show = ["config", "account", "show", "alice"];
        process::run(&mut instance.mox(show), b"").unwrap().ok()
    };
    set("Before");
    let history = ["config", "history"];
    let history = process::run(&mut instance.mox(history), b"").unwrap().ok();
    let newest = history.split('\t').next().unwrap();
    set("After");
    let rollback = format!("mox config rollback {newest}");
    let (code, text) = typed(&instance, &rollback, "\n");
    assert!(
        code == 1 && text.contains("[y/N]") && text.contains("nothing was changed"),
        "{text}"
    );
    assert!(full_name().contains("After"));
    let (code, text) = typed(&instance, &rollback, "y\n");
    assert!(code == 0 && text.contains("rolled back"), "{text}");
    assert!(full_name().contains("Before"));
}

/// Types a password twice, each time once it is asked for.
fn password(instance: &Instance, first: &str, again: &str) -> (i32, String) {
    let script = format!(
        "set timeout 60\n\
         spawn mox setaccountpassword alice\n\
         expect \"New password for account alice: \"\n\
         send \"{first}\\r\"\n\
         expect \"Again: \"\n\
         send \"{again}\\r\"\n\
         expect eof\n\
         exit [lindex [wait] 3]\n"
    );
    let mut command = instance.program("expect");
    command.args(["-c", &script]);
    let output = process::run(&mut command, b"").unwrap();
    (output.code(), output.out())
}

#[test]
fn passwords_are_not_echoed() {
    let instance = world();
    let (good, other) = ("correct horse battery", "another one altogether");
    let (code, text) = password(&instance, good, good);
    assert!(
        code == 0 && text.contains("password set: alice"),
        "{code} {text}"
    );
    assert!(!text.contains("horse"), "{text}");
    let (code, text) = password(&instance, good, other);
    assert!(code == 2 && text.contains("differ"), "{code} {text}");
    assert!(
        !text.contains("horse") && !text.contains("altogether"),
        "{text}"
    );
}

#[test]
fn who_stops_reading_makes_no_noise() {
    let instance = world();
    let mut command = instance.program("sh");
    command.args(["-c", "mox config describe | head -1"]);
    let output = process::run(&mut command, b"").unwrap();
    assert_eq!((output.code(), output.err().as_str()), (0, ""));
    assert!(output.out().starts_with("# mox.toml"));
}
