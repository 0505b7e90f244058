//! Reloads: noticed, in full or not at all, and no connection that is concerned with nothing of it.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::support::instance::Service;
use super::{edit, generation, mox, serving, status};

#[test]
fn an_invalid_file_changes_nothing_and_is_told_of_until_it_is_mended() {
    let instance = serving();
    let file = instance.config().unwrap();
    let good = fs::read_to_string(file).unwrap();
    let before = generation(&instance);
    fs::write(file, "[server]\nhostnam = \"x\"\n").unwrap();
    let output = mox(&instance, &["config", "reload"]);
    assert_eq!(output.code(), 6);
    assert!(output.err().contains("did you mean"), "{}", output.err());
    assert!(output.err().contains("mox.toml:2:1:"), "{}", output.err());
    let output = mox(
        &instance,
        &["config", "domain", "add", "one.example", "mox"],
    );
    assert_eq!(output.code(), 6);
    assert_eq!(
        fs::read_to_string(file).unwrap(),
        "[server]\nhostnam = \"x\"\n"
    );
    let told = status(&instance);
    assert_eq!(told["generation"].as_u64(), Some(before));
    assert_ne!(told["last_reload_error"], "");
    mox(&instance, &["config", "history"]).ok();
    instance.connect(Service::Smtp).expect_reply("220");
    fs::write(file, good).unwrap();
    mox(&instance, &["config", "reload"]).ok();
    let told = status(&instance);
    assert_eq!(told["last_reload_error"], "");
    assert_eq!(told["generation"].as_u64(), Some(before));
}

#[test]
fn what_needs_a_restart_is_said_and_the_rest_is_served() {
    let instance = serving();
    edit(
        &instance,
        "hostname = \"localhost\"",
        "hostname = \"mail.example\"\ndata_dir = \"../elsewhere\"",
    );
    // The data directory is where the daemon is found: ask it by the old name.
    let file = instance.config().unwrap().with_file_name("old.toml");
    fs::write(&file, "").unwrap();
    let reload = [
        "--config",
        file.to_str().unwrap(),
        "config",
        "reload",
        "--json",
    ];
    let output = mox(&instance, &reload).ok();
    assert!(output.contains("server.data_dir has changed"), "{output}");
    let greeting = instance.connect(Service::Smtp).expect_reply("220");
    assert!(greeting[0].contains("mail.example"), "{greeting:?}");
}

#[test]
fn another_user_needs_a_restart_and_the_rest_is_served() {
    let instance = serving();
    edit(
        &instance,
        "hostname = \"localhost\"",
        "hostname = \"mail.example\"\nuser = \"nobody\"",
    );
    let output = mox(&instance, &["config", "reload", "--json"]).ok();
    assert!(output.contains("server.user has changed"), "{output}");
    assert!(!output.contains("data_dir has changed"), "{output}");
    let greeting = instance.connect(Service::Smtp).expect_reply("220");
    assert!(greeting[0].contains("mail.example"), "{greeting:?}");
}

#[test]
fn too_many_connections_are_turned_away_in_the_protocols_words() {
    let instance = serving();
    edit(
        &instance,
        "limit_loopback = false",
        "limit_loopback = true\nconnections_per_address = 2",
    );
    mox(&instance, &["config", "reload"]).ok();
    let mut first = instance.connect(Service::Smtp);
    first.expect_reply("220");
    let mut second = instance.connect(Service::Imap);
    second.hear();
    instance.connect(Service::Smtp).expect_reply("421");
    assert!(instance.connect(Service::Imap).hear().starts_with("* BYE"));
    // An open one is not concerned, and gives its place back.
    first.smtp("QUIT", "221");
    second.imap("1 NOOP");
}

/// Two facts that change together are never seen apart: not within a transaction, not within a reload.
#[test]
fn a_transaction_never_sees_half_of_two_generations() {
    let instance = serving();
    let file = instance.config().unwrap();
    let without = fs::read_to_string(file).unwrap();
    // Both addresses are there, or none: without them the catchall is gone too.
    let with = without.replace(
        "\"@localhost\" = {}",
        "\"p@localhost\" = {}\n\"q@localhost\" = {}",
    );
    let without = without.replace("\"@localhost\" = {}\n", "");
    assert!(with != without);
    let stop = AtomicBool::new(false);
    let (mut seen_with, mut seen_without) = (0, 0);
    thread::scope(|scope| {
        let flip = scope.spawn(|| {
            let mut reloads = 0;
            while !stop.load(Ordering::Relaxed) {
                for text in [&with, &without] {
                    fs::write(file, text).unwrap();
                    mox(&instance, &["config", "reload"]).ok();
                    reloads += 1;
                }
            }
            reloads
        });
        let mut smtp = instance.connect(Service::Smtp);
        smtp.expect_reply("220");
        smtp.smtp("EHLO client.example", "250");
        let mut transactions = 0;
        while transactions < 20_000 && (seen_with < 20 || seen_without < 20) {
            transactions += 1;
            smtp.smtp("MAIL FROM:<a@client.example>", "250");
            let mut codes = Vec::new();
            for address in ["p@localhost", "q@localhost", "p@localhost"] {
                smtp.say(&format!("RCPT TO:<{address}>"));
                codes.push(smtp.reply()[0][..3].to_owned());
            }
            match codes.iter().filter(|code| *code == "250").count() {
                3 => seen_with += 1,
                0 => seen_without += 1,
                _ => panic!("two generations in one transaction: {codes:?}"),
            }
            // A session that is refused too often is ended.
            smtp = instance.connect(Service::Smtp);
            smtp.expect_reply("220");
            smtp.smtp("EHLO client.example", "250");
        }
        stop.store(true, Ordering::Relaxed);
        assert!(flip.join().unwrap() >= 2);
    });
    assert!(
        seen_with >= 20 && seen_without >= 20,
        "{seen_with} {seen_without}"
    );
}
