//! The transcript engine against a fake `mox` and a fake server: what fits passes, every kind of
//! difference fails, and `UPDATE=1` writes what came without losing patterns that still fit.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::thread;

use super::support::instance::{Instance, Service};
use super::support::pattern::{self, Names};
use super::support::transcript;

/// A `mox` that prints its arguments, complains and exits as they say.
const FAKE: &str = "#!/bin/sh
case $1 in
say) shift; echo \"$*\" ;;
fail) echo \"error: no $2\" >&2; exit 3 ;;
lines) printf 'one\\n\\n# two\\n[three]\\n' ;;
where) pwd; echo \"$IP\" ;;
in) cat ;;
esac
";

/// Runs a transcript against the fakes.
fn run(text: &str, update: bool) -> Result<String, String> {
    let folder = tempfile::tempdir().unwrap();
    let fake = folder.path().join("mox");
    std::fs::write(&fake, FAKE).unwrap();
    std::fs::set_permissions(&fake, std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut instance = Instance::new(&fake);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    instance.set_fake(Service::Imap, listener.local_addr().unwrap());
    thread::spawn(move || answer(&listener));
    transcript::run(text, &mut instance, update)
}

/// A server that answers `TAG ECHO text` with the text, and hangs up at `TAG BYE`.
fn answer(listener: &TcpListener) {
    let (mut stream, _) = listener.accept().unwrap();
    let reader = BufReader::new(stream.try_clone().unwrap());
    stream
        .write_all(b"* OK [UNSEEN 3] fake 17 ready\r\n")
        .unwrap();
    for line in reader.lines() {
        let line = line.unwrap();
        let mut words = line.splitn(3, ' ');
        let (tag, verb) = (words.next().unwrap(), words.next().unwrap_or_default());
        let rest = words.next().unwrap_or_default();
        let answer = match verb {
            "ECHO" => format!("* {rest}\r\n* more\r\n{tag} OK done\r\n"),
            "LITERAL" => "+ go on\r\n".to_owned(),
            "BYE" => return,
            _ => format!("* got {} bytes\r\n", line.len()),
        };
        stream.write_all(answer.as_bytes()).unwrap();
    }
}

#[track_caller]
fn passes(text: &str) {
    run(text, false).unwrap();
}

#[track_caller]
fn fails(text: &str, why: &str) {
    let problem = run(text, false).expect_err("this transcript must fail");
    assert!(problem.contains(why), "{problem}");
}

#[test]
fn commands_that_do_as_expected_pass() {
    passes("# a comment\n$ mox say hello world\nhello world\n");
    passes("$ mox say hello world\nhello [..]\n");
    passes("$ mox fail x\n! error: no x\n? 3\n");
    passes("$ mox lines\none\n|\n| # two\n\\[three]\n");
    passes("$ mox lines\n...\n\\[three]\n");
    passes("$ mox where\n[ROOT]\n[IP]\n");
    passes("-- a/b --\n# text of ${IP}\n\n$ mox in < a/b\n| # text of [IP]\n");
    passes("$ mox say 5 5\n[n] [n]\n$ mox say $n\n5\n");
    passes("$ mox say x > f\n-- f after --\nx\n");
}

#[test]
fn commands_that_do_otherwise_fail() {
    fails("$ mox say hello\nhullo\n", "came:\n    hello");
    fails("$ mox say hello\n", "stdout");
    fails("$ mox say\n|\nmore\n", "stdout");
    fails("$ mox say hello\nhello\n? 1\n", "exit status 0, expected 1");
    fails("$ mox fail x\n! error: no x\n", "exit status 3, expected 0");
    fails("$ mox fail x\n? 3\n", "stderr");
    fails("$ mox say 5 6\n[n] [n]\n", "stdout");
    fails("$ mox say x > f\n-- f after --\ny\n", "f, expected");
    fails("# nothing\n", "no step");
    fails("-- f --\nx\n", "no step");
    fails("hello\n", "line 1: neither");
    fails("c: starttls\n", "not connected");
}

#[test]
fn dialogs_that_go_as_expected_pass() {
    let start = "c: connect imap\nc< * OK [UNSEEN 3] fake [n] ready\n";
    passes(&format!(
        "{start}c> 1 ECHO a b\nc< * a b\nc< * more\nc< 1 OK [..]\n"
    ));
    passes(&format!("{start}c> 1 ECHO a b\nc< ...\nc< 1 OK done\n"));
    passes(&format!("{start}c> 1 ECHO ${{n}}\nc< * 17\nc< ...\n"));
    passes(&format!(
        "{start}c>raw 1 ECHO a\\x42\\r\\n\nc< * aB\nc< ...\nc< 1 OK done\n"
    ));
    passes(&format!(
        "{start}c>repeat 500 ab\nc>raw \\r\\n\nc< * got 1000 bytes\n"
    ));
    passes(&format!(
        "-- f --\nabc\n\n{start}c>literal 1 LITERAL < f\nc< ...\nc< * got 3 bytes\nc< * got 0 bytes\n"
    ));
    passes(&format!("{start}c> 1 BYE\nc closed\n"));
    passes(&format!("{start}c> 1 ECHO a\nc> 2 BYE\nc gone\n"));
}

#[test]
fn dialogs_that_go_otherwise_fail() {
    let start = "c: connect imap\nc< * OK [..]\n";
    fails("c: connect imap\nc< * BAD\n", "got: * OK");
    fails(&format!("{start}c> 1 ECHO a\nc< * b\n"), "expected: * b");
    fails(
        &format!("{start}c> 1 ECHO a\nc< * a\nc< ...\nc< * never\n"),
        "the answer ended",
    );
    fails(
        &format!("{start}c> 1 ECHO a\nc< * a\n"),
        "lines that nobody expected",
    );
    fails(
        &format!("{start}c> 1 ECHO a\nc closed\n"),
        "expected the end",
    );
    fails(&format!("{start}c> 1 BYE\nc< 1 OK\n"), "closed");
    fails(&format!("{start}c> 1 ECHO ${{x}}\n"), "nothing is bound");
}

#[test]
fn update_writes_what_came_and_keeps_what_fits() {
    let new = run("$ mox lines\none\nfour\n", true).unwrap();
    assert_eq!(new, "$ mox lines\none\n|\n| # two\n\\[three]\n");
    let new = run("# why\n$ mox fail x\n$ mox where\n? 2\n", true).unwrap();
    assert_eq!(
        new,
        "# why\n$ mox fail x\n! error: no x\n? 3\n$ mox where\n[ROOT]\n[IP]\n"
    );
    let new = run(
        "c: connect imap\nc< ?\n\nc> 1 ECHO x\nc< * [..]\nc< ?\n",
        true,
    )
    .unwrap();
    let dialog = "c: connect imap\nc< * OK [UNSEEN 3] fake 17 ready\n\nc> 1 ECHO x\nc< * [..]\nc< * more\nc< 1 OK done\n";
    assert_eq!(new, dialog);
    assert_eq!(run(&new, true).unwrap(), dialog);
}

#[test]
fn patterns() {
    let fits = |p: &str, l: &str| pattern::fits(p, l, &mut Names::new());
    assert!(fits("a[..]c", "abc") && fits("a[..]c", "ac") && !fits("a[..]c", "acd"));
    assert!(fits("[x]-[x]", "7-7") && !fits("[x]-[x]", "7-8") && !fits("[x]", ""));
    assert!(fits("* OK [UIDNEXT 4] ok", "* OK [UIDNEXT 4] ok"));
    assert!(fits("\\[server]", "[server]") && !fits("\\[server]", "x"));
    assert!(fits("(\\Seen)", "(\\Seen)") && fits("[..]é[..]", "aéb"));
    let line = "[server] é [..] [A] x[";
    assert!(fits(&pattern::of_line(line, &Names::new()), line));
}
