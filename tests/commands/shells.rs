//! Completion in the real shells: commands, and the names that are configured.

use std::fs;

use super::support::instance::Instance;
use super::support::process;

fn world() -> Instance {
    let mut instance = Instance::new(env!("CARGO_BIN_EXE_mox"));
    instance.init().unwrap();
    for line in [
        "config domain add example.org alice alice",
        "config domain add example.net alice",
        "config account add bob bob@example.org",
    ] {
        process::run(&mut instance.mox(line.split(' ')), b"")
            .unwrap()
            .ok();
    }
    instance
}

/// What bash offers for a line that ends at the cursor, sorted.
fn bash(instance: &Instance, line: &str) -> Vec<String> {
    // Words as bash itself divides them: completion is asked of it in a script of its own.
    let script = r#"
        eval "$(mox completions bash)"
        COMP_LINE=$1; COMP_POINT=${#1}; COMP_TYPE=9
        read -ra COMP_WORDS <<< "$1"
        [[ $1 == *" " ]] && COMP_WORDS+=("")
        COMP_CWORD=$(( ${#COMP_WORDS[@]} - 1 ))
        function=$(complete -p mox | sed 's/.*-F \([^ ]*\).*/\1/')
        "$function" mox "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}" 2>&1
        printf '%s\n' "${COMPREPLY[@]}"
    "#;
    let mut command = instance.program("bash");
    command.args(["--norc", "-c", script, "bash", line]);
    sorted(&process::run(&mut command, b"").unwrap().ok())
}

fn fish(instance: &Instance, line: &str) -> Vec<String> {
    let script = format!("mox completions fish | source; complete -C '{line}'");
    let mut command = instance.program("fish");
    command.args(["--no-config", "-c", &script]);
    sorted(&process::run(&mut command, b"").unwrap().ok())
}

fn zsh(instance: &Instance, line: &str) -> Vec<String> {
    // `_describe` stands for the menu that zsh would show.
    let script = r#"
        compdef() { :; }
        _describe() { print -rl -- ${(P)${@[-1]}}; }
        eval "$(mox completions zsh)"
        words=(${(s: :)1}); [[ $1 == *" " ]] && words+=("")
        CURRENT=${#words}
        _clap_dynamic_completer_mox
    "#;
    let mut command = instance.program("zsh");
    command.args(["-f", "-c", script, "zsh", line]);
    sorted(&process::run(&mut command, b"").unwrap().ok())
}

/// The names without what is said about them.
fn sorted(text: &str) -> Vec<String> {
    let name = |line: &str| {
        line.split(['\t', ':'])
            .next()
            .unwrap_or("")
            .trim()
            .to_owned()
    };
    let mut names: Vec<String> = text
        .lines()
        .map(name)
        .filter(|name| !name.is_empty())
        .collect();
    names.sort();
    names
}

#[test]
fn shells_offer_commands_and_names() {
    let mut instance = world();
    for online in [false, true] {
        if online {
            instance.serve().unwrap();
        }
        for (name, ask) in [
            ("bash", bash as fn(&Instance, &str) -> Vec<String>),
            ("fish", fish),
            ("zsh", zsh),
        ] {
            for (line, offered) in [
                ("mox config dom", vec!["domain"]),
                ("mox config domain disable --he", vec!["--help"]),
                (
                    "mox config domain show ex",
                    vec!["example.net", "example.org"],
                ),
                ("mox config account rm a", vec!["alice"]),
                ("mox config domain disable nothing", vec![]),
                ("mox explain rcpt b", vec!["bob@example.org"]),
                ("mox config rollback 4", vec!["4"]),
                ("mox config diff 2 3", vec!["3"]),
            ] {
                assert_eq!(
                    ask(&instance, line),
                    offered,
                    "{name}, online {online}: {line}"
                );
            }
        }
    }
}

#[test]
fn without_a_configuration_nothing_is_offered_or_said() {
    let instance = world();
    for text in ["[server\nx = = 1\n", ""] {
        fs::write(instance.config().unwrap(), text).unwrap();
        for ask in [bash as fn(&Instance, &str) -> Vec<String>, fish, zsh] {
            assert_eq!(
                ask(&instance, "mox config domain show e"),
                Vec::<String>::new()
            );
        }
    }
    fs::remove_file(instance.config().unwrap()).unwrap();
    for ask in [bash as fn(&Instance, &str) -> Vec<String>, fish, zsh] {
        assert_eq!(
            ask(&instance, "mox config account rm a"),
            Vec::<String>::new()
        );
    }
}

/// Base64url has the hyphen: every 64th fingerprint looks like an option.
#[test]
fn fingerprints_may_begin_with_a_hyphen() {
    const FINGERPRINT: &str = "-XDORryFFf-hdT8emdfmZ6FHcXOhHwRN8e9dqrE8aEc";
    let certificate = include_bytes!("../samples/certificates/hyphen.pem");
    let mut instance = world();
    let add = ["config", "tlspubkey", "add", "bob@example.org"];
    process::run(&mut instance.mox(add), certificate)
        .unwrap()
        .ok();
    for online in [false, true] {
        if online {
            instance.serve().unwrap();
        }
        for (name, ask) in [
            ("bash", bash as fn(&Instance, &str) -> Vec<String>),
            ("fish", fish),
            ("zsh", zsh),
        ] {
            for verb in ["get", "rm", "update"] {
                for start in ["-XDORryFFf-h", "-X"] {
                    let line = format!("mox config tlspubkey {verb} {start}");
                    assert_eq!(
                        ask(&instance, &line),
                        [FINGERPRINT],
                        "{name}, online {online}: {line}"
                    );
                }
            }
        }
    }
}

/// bash divides words at an @ unless it is told not to; only a bash that reads keys shows that.
#[test]
fn addresses_are_completed_behind_the_at() {
    let instance = world();
    let mut command = instance.program("script");
    command.args(["-qec", "bash --norc -i", "/dev/null"]);
    command.env("TERM", "dumb");
    let typed = "eval \"$(mox completions bash)\"\nmox explain rcpt bob@exa\t\nexit\n";
    let output = process::run(&mut command, typed.as_bytes()).unwrap();
    let text = output.out();
    assert!(
        text.contains("bob@example.org belongs to account bob"),
        "{text}"
    );
}
