//! APPEND, STORE, COPY, MOVE, EXPUNGE.

use super::world::{World, account};

const MESSAGE: &str = "Subject: one\r\n\r\ntext\r\n";

#[tokio::test(flavor = "multi_thread")]
async fn appended_bytes_are_kept_as_they_came() {
    let world = World::new().await;
    let mut client = world.selected("alice", "Inbox").await;
    let odd = "Subject: \u{e9}\nno cr\r\n\r\nbare \r and \n, dots\r\n.\r\n..\r\n";
    let tag = client
        .start(&format!(
            "APPEND Inbox (\\Flagged $x) \" 1-Jan-2020 10:00:00 -0130\" {{{}}}",
            odd.len()
        ))
        .await;
    client.expect("+ ").await;
    client.send(format!("{odd}\r\n")).await;
    let lines = client.finish(&tag).await;
    assert!(
        lines.last().unwrap().starts_with("OK [APPENDUID "),
        "{lines:?}"
    );
    assert!(lines.contains(&"* 1 EXISTS".to_owned()), "{lines:?}");
    let lines = client
        .ok("FETCH 1 (FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[])")
        .await;
    assert_eq!(
        lines,
        [format!(
            "* 1 FETCH (FLAGS (\\Recent \\Flagged $x) INTERNALDATE \" 1-Jan-2020 10:00:00 -0130\" \
             RFC822.SIZE {n} BODY[] {{{n}}}\r\n{odd})",
            n = odd.len()
        )]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn large_messages_are_streamed_both_ways() {
    let world = World::new().await;
    let mut client = world.selected("alice", "Inbox").await;
    let line = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abc\r\n";
    let message = format!("Subject: big\r\n\r\n{}", line.repeat(50_000));
    client.append("Inbox", "", &message).await;
    let lines = client.ok("FETCH 1 BODY[]").await;
    assert_eq!(
        lines,
        [format!(
            "* 1 FETCH (FLAGS (\\Recent \\Seen) BODY[] {{{}}}\r\n{message})",
            message.len()
        )]
    );
    let lines = client
        .ok("FETCH 1 (BODY.PEEK[]<3000000.500000> BODY.PEEK[TEXT]<0.3>)")
        .await;
    let end = &message[3_000_000..];
    assert_eq!(
        lines,
        [format!(
            "* 1 FETCH (BODY[]<3000000> {{{}}}\r\n{end} BODY[TEXT]<0> {{3}}\r\n012)",
            end.len()
        )]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn appends_are_refused_before_they_are_sent() {
    let world = World::with(|config| {
        config.limits.message_size = 1_000;
        std::sync::Arc::make_mut(config.accounts.get_mut(&account("alice")).expect("alice"))
            .quota = 1_500;
    })
    .await;
    let mut client = world.logged_in("alice").await;
    client.says("APPEND nowhere {10}", "NO [TRYCREATE] ").await;
    client.says("APPEND Inbox {1001}", "NO [TOOBIG] ").await;
    client.says("APPEND Inbox {0}", "NO ").await;
    let large = "x".repeat(1_200);
    client
        .says(
            &format!("APPEND Inbox {{1200+}}\r\n{large}"),
            "NO [TOOBIG] ",
        )
        .await;
    let whole = "y".repeat(1_000);
    client.append("Inbox", "", &whole).await;
    client
        .says(
            &format!("APPEND Inbox {{1000+}}\r\n{whole}"),
            "NO [OVERQUOTA] ",
        )
        .await;
    client.ok("SELECT Inbox").await;
    client.says("COPY 1 Sent", "NO [OVERQUOTA] ").await;
    client.ok("MOVE 1 Sent").await;
    client.send("q APPEND Inbox {100000000+}\r\nabc").await;
    client.expect("* BYE [TOOBIG] ").await;
    client.ended().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn several_messages_in_one_append() {
    let world = World::new().await;
    let mut client = world.logged_in("alice").await;
    client
        .says(
            "APPEND Inbox (\\Seen) {9+}\r\na: b\r\n\r\n1 (\\Draft) {9+}\r\na: b\r\n\r\n2",
            "OK [APPENDUID ",
        )
        .await;
    // All or none.
    client
        .says("APPEND Inbox {9+}\r\na: b\r\n\r\n3 {0+}\r\n", "NO ")
        .await;
    client.ok("SELECT Inbox").await;
    assert_eq!(
        client.ok("FETCH 1:* (FLAGS BODY.PEEK[TEXT])").await,
        [
            "* 1 FETCH (FLAGS (\\Recent \\Seen) BODY[TEXT] {1}\r\n1)",
            "* 2 FETCH (FLAGS (\\Recent \\Draft) BODY[TEXT] {1}\r\n2)"
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn flags_are_stored_and_shown() {
    let world = World::new().await;
    let mut client = world.selected("alice", "Inbox").await;
    client.append("Inbox", "", MESSAGE).await;
    client.append("Inbox", "", MESSAGE).await;
    assert_eq!(
        client.ok("STORE 1:2 +FLAGS (\\Seen Work)").await,
        [
            "* FLAGS (\\Seen \\Answered \\Flagged \\Deleted \\Draft Work)",
            "* OK [PERMANENTFLAGS (\\Seen \\Answered \\Flagged \\Deleted \\Draft Work \\*)] flags kept",
            "* 1 FETCH (FLAGS (\\Recent \\Seen Work))",
            "* 2 FETCH (FLAGS (\\Recent \\Seen Work))",
        ]
    );
    assert!(client.ok("STORE 1 -FLAGS.SILENT (work)").await.is_empty());
    assert_eq!(
        client.ok("UID STORE 1,99 FLAGS (\\Draft)").await,
        ["* 1 FETCH (UID 1 FLAGS (\\Recent \\Draft))"]
    );
    // What did not change is shown all the same.
    assert_eq!(
        client.ok("STORE 1 +FLAGS \\Draft").await,
        ["* 1 FETCH (FLAGS (\\Recent \\Draft))"]
    );
    client.says("STORE 3 FLAGS ()", "BAD ").await;
    client.ok("UID STORE 99 FLAGS ()").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn unchangedsince_protects_what_another_changed() {
    let world = World::new().await;
    let mut client = world.selected("alice", "Inbox").await;
    client.append("Inbox", "", MESSAGE).await;
    client.append("Inbox", "", MESSAGE).await;
    let lines = client.ok("FETCH 1:2 (MODSEQ)").await;
    assert!(lines[0].starts_with("* OK [HIGHESTMODSEQ "), "{lines:?}");
    let modseq = modseq(&lines[2]);
    let lines = client
        .ok(&format!(
            "STORE 2 (UNCHANGEDSINCE {modseq}) +FLAGS.SILENT (\\Seen)"
        ))
        .await;
    assert_eq!(lines.len(), 1);
    assert!(
        lines[0].starts_with("* 2 FETCH (UID 2 MODSEQ ("),
        "{lines:?}"
    );
    let lines = client
        .run(&format!(
            "STORE 1:2 (UNCHANGEDSINCE {modseq}) +FLAGS.SILENT (\\Flagged)"
        ))
        .await;
    assert!(
        lines[0].starts_with("* 1 FETCH (UID 1 MODSEQ ("),
        "{lines:?}"
    );
    assert!(lines[1].starts_with("OK [MODIFIED 2] "), "{lines:?}");
    let lines = client
        .ok(&format!("FETCH 1:2 (FLAGS) (CHANGEDSINCE {modseq})"))
        .await;
    assert_eq!(lines.len(), 2, "{lines:?}");
    let newest = lines.iter().map(|line| self::modseq(line)).max().unwrap();
    let lines = client
        .ok(&format!("FETCH 1:2 (FLAGS) (CHANGEDSINCE {newest})"))
        .await;
    assert!(lines.is_empty(), "{lines:?}");
    let lines = client.ok(&format!("SEARCH MODSEQ {newest}")).await;
    assert_eq!(lines, [format!("* SEARCH 1 (MODSEQ {newest})")]);
}

fn modseq(line: &str) -> u64 {
    let (_, rest) = line.split_once("MODSEQ (").expect("a MODSEQ");
    rest.split(')').next().unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn copies_and_moves_say_which_became_which() {
    let world = World::new().await;
    let mut client = world.selected("alice", "Inbox").await;
    for _ in 0..3 {
        client.append("Inbox", "(\\Flagged) ", MESSAGE).await;
    }
    let copied = client.says("COPY 1:2 Sent", "OK [COPYUID ").await;
    assert!(copied.contains(" 1:2 1:2] "), "{copied}");
    let lines = client.run("UID MOVE 1,3 Sent").await;
    assert!(
        lines[0].starts_with("* OK [COPYUID ") && lines[0].contains(" 1,3 3:4] "),
        "{lines:?}"
    );
    assert_eq!(lines[1..3], ["* 1 EXPUNGE", "* 2 EXPUNGE"]);
    client.says("COPY 1 nowhere", "NO [TRYCREATE] ").await;
    client.says("MOVE 1 \"no//where\"", "NO [TRYCREATE] ").await;
    client.says("UID COPY 77 Sent", "OK ").await;
    client.says("COPY 2 Sent", "BAD ").await;
    // Onto itself: a new UID.
    let lines = client.run("MOVE 1 Inbox").await;
    assert!(lines.contains(&"* 1 EXPUNGE".to_owned()), "{lines:?}");
    assert!(lines.contains(&"* 1 EXISTS".to_owned()), "{lines:?}");
    let lines = client.ok("UID FETCH 1:* (FLAGS)").await;
    assert_eq!(lines, ["* 1 FETCH (UID 4 FLAGS (\\Recent \\Flagged))"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn expunged_messages_go_in_order() {
    let world = World::new().await;
    let mut client = world.selected("alice", "Inbox").await;
    for _ in 0..5 {
        client.append("Inbox", "", MESSAGE).await;
    }
    client.ok("STORE 1,3:4 +FLAGS.SILENT (\\Deleted)").await;
    assert_eq!(client.ok("UID EXPUNGE 4:9").await, ["* 4 EXPUNGE"]);
    assert_eq!(client.ok("EXPUNGE").await, ["* 1 EXPUNGE", "* 2 EXPUNGE"]);
    assert_eq!(
        client.ok("FETCH 1:* (UID)").await,
        ["* 1 FETCH (UID 2)", "* 2 FETCH (UID 5)"]
    );
    client.ok("STORE 1 +FLAGS.SILENT (\\Deleted)").await;
    assert!(client.ok("CLOSE").await.is_empty());
    assert_eq!(
        client.ok("STATUS Inbox (MESSAGES)").await,
        ["* STATUS Inbox (MESSAGES 1)"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_append_that_is_none_costs_only_itself() {
    let world = World::new().await;
    let mut client = world.logged_in("alice").await;
    for append in [
        "APPEND Inbox \"31-Feb-2026 00:00:00 +0000\" {9+}\r\na NOOP\r\nb",
        "APPEND Inbox (\\Unheard) {9+}\r\na NOOP\r\nb (\\Seen) {1+}\r\nx",
        "APPEND Inbox {1+}\r\nx (\\Unheard) {9+}\r\na NOOP\r\nb {1+}\r\nx",
        "APPEND Inbox (\\Unheard) UTF8 (~{1+}\r\nx)",
        "APPEND Inbox (\\Unheard) {1+}\r\nx {1}",
    ] {
        client.says(append, "BAD ").await;
        client.ok("NOOP").await;
    }
    assert_eq!(
        client.ok("STATUS Inbox (MESSAGES)").await,
        ["* STATUS Inbox (MESSAGES 0)"]
    );
    client
        .send("q APPEND Inbox (\\Unheard) {100000000+}\r\nabc")
        .await;
    client.expect("* BYE [TOOBIG] ").await;
    client.ended().await;
    let mut stranger = world.connect().await;
    stranger
        .send("q APPEND Inbox (\\Unheard) {100000+}\r\nabc")
        .await;
    stranger.expect("* BYE [TOOBIG] ").await;
    stranger.ended().await;
}
