//! Several sessions of one account.

use super::world::World;

const MESSAGE: &str = "Subject: one\r\n\r\ntext\r\n";

#[tokio::test(flavor = "multi_thread")]
async fn idle_tells_at_once() {
    let world = World::new().await;
    let mut writer = world.selected("alice", "Inbox").await;
    let mut idler = world.selected("alice", "Inbox").await;
    let tag = idler.start("IDLE").await;
    idler.expect("+ ").await;
    let lines = writer
        .run(&format!("APPEND Inbox {{{}+}}\r\n{MESSAGE}", MESSAGE.len()))
        .await;
    assert_eq!(lines[0], "* 1 EXISTS");
    idler.expect("* 1 EXISTS").await;
    // One of the two has it as recent.
    let recents = [lines[1].as_str(), &idler_recent(&mut idler).await].join(" ");
    assert!(recents.contains("* 1 RECENT"), "{recents}");
    writer.ok("STORE 1 FLAGS (\\Flagged new)").await;
    idler.expect("* FLAGS (").await;
    idler.expect("* OK [PERMANENTFLAGS ").await;
    idler.expect("* 1 FETCH (FLAGS (").await;
    writer.ok("STORE 1 FLAGS.SILENT (\\Deleted)").await;
    idler.expect("* 1 FETCH (FLAGS (").await;
    writer.ok("EXPUNGE").await;
    idler.expect("* 1 EXPUNGE").await;
    idler.send("DONE\r\n").await;
    idler.expect(&format!("{tag} OK ")).await;
    idler.ok("NOOP").await;
}

/// The RECENT response, if the session was the first to notice.
async fn idler_recent(idler: &mut super::world::Client<tokio::net::TcpStream>) -> String {
    let nothing = std::time::Duration::from_millis(100);
    match tokio::time::timeout(nothing, idler.line()).await {
        Ok(line) => line.expect("a response"),
        Err(_) => String::new(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_stay_until_an_expunge_was_told() {
    let world = World::new().await;
    let mut a = world.selected("alice", "Inbox").await;
    for _ in 0..3 {
        a.append("Inbox", "", MESSAGE).await;
    }
    let mut b = world.selected("alice", "Inbox").await;
    a.ok("STORE 1 +FLAGS.SILENT (\\Deleted)").await;
    a.ok("EXPUNGE").await;
    assert_eq!(
        b.ok("FETCH 2:3 (UID)").await,
        ["* 2 FETCH (UID 2)", "* 3 FETCH (UID 3)"]
    );
    let lines = b.run("FETCH 1:2 (UID)").await;
    assert_eq!(lines[0], "* 2 FETCH (UID 2)");
    assert!(lines[1].starts_with("NO [EXPUNGEISSUED] "), "{lines:?}");
    b.says("STORE 1 FLAGS.SILENT (\\Seen)", "NO [EXPUNGEISSUED] ")
        .await;
    b.says("COPY 1 Sent", "NO [EXPUNGEISSUED] ").await;
    assert!(b.ok("NOOP").await.is_empty(), "COPY told already");
    assert_eq!(
        b.ok("FETCH 1:* (UID)").await,
        ["* 1 FETCH (UID 2)", "* 2 FETCH (UID 3)"]
    );
    // Within a UID command EXPUNGE may be told.
    a.ok("STORE 1 +FLAGS.SILENT (\\Deleted)").await;
    a.ok("EXPUNGE").await;
    assert_eq!(
        b.ok("UID FETCH 3 (FLAGS)").await,
        ["* 2 FETCH (UID 3 FLAGS ())", "* 1 EXPUNGE"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mailbox_deleted_elsewhere_ends_the_session() {
    let world = World::new().await;
    let mut a = world.selected("alice", "Sent").await;
    let mut b = world.selected("alice", "Sent").await;
    let mut c = world.logged_in("alice").await;
    b.start("IDLE").await;
    b.expect("+ ").await;
    let lines = a.ok("DELETE Sent").await;
    assert!(lines[0].starts_with("* OK [CLOSED] "), "{lines:?}");
    a.says("NOOP", "OK ").await;
    a.says("FETCH 1 FLAGS", "BAD ").await;
    b.expect("* BYE ").await;
    b.ended().await;
    c.says("SELECT Sent", "NO [NONEXISTENT] ").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn news_of_a_removed_account_are_not_its_successors() {
    let world = World::new().await;
    let name = super::world::account("alice");
    let mut before = world.selected("alice", "Inbox").await;
    let mut writer = world.logged_in("alice").await;
    for _ in 0..3 {
        writer.append("Inbox", "", MESSAGE).await;
    }
    assert_eq!(before.ok("NOOP").await[0], "* 3 EXISTS");
    world.context.store.remove_account(&name).expect("removed");
    world.context.store.create_account(&name).expect("made");
    let mut after = world.selected("alice", "Inbox").await;
    let mut writer = world.logged_in("alice").await;
    for messages in 1..=4 {
        writer.append("Inbox", "", MESSAGE).await;
        let lines = after.ok("NOOP").await;
        assert_eq!(lines[0], format!("* {messages} EXISTS"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn recent_is_one_sessions_only() {
    let world = World::new().await;
    let mut a = world.logged_in("alice").await;
    a.append("Inbox", "", MESSAGE).await;
    let lines = a.ok("SELECT Inbox").await;
    assert!(lines.contains(&"* 1 RECENT".to_owned()), "{lines:?}");
    let mut b = world.logged_in("alice").await;
    let lines = b.ok("SELECT Inbox").await;
    assert!(lines.contains(&"* 0 RECENT".to_owned()), "{lines:?}");
    b.append("Inbox", "", MESSAGE).await;
    assert_eq!(b.ok("SEARCH RECENT").await, ["* SEARCH 2"]);
    assert_eq!(a.ok("NOOP").await, ["* 2 EXISTS"]);
    assert_eq!(
        a.ok("FETCH 1:2 FLAGS").await,
        ["* 1 FETCH (FLAGS (\\Recent))", "* 2 FETCH (FLAGS ())"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_without_a_mailbox_waits() {
    let world = World::new().await;
    let mut client = world.logged_in("alice").await;
    let tag = client.start("IDLE").await;
    client.expect("+ ").await;
    let mut other = world.logged_in("alice").await;
    other.append("Inbox", "", MESSAGE).await;
    client.send("DONE\r\n").await;
    client.expect(&format!("{tag} OK ")).await;
    let tag = client.start("IDLE").await;
    client.expect("+ ").await;
    client.send("NOOP\r\n").await;
    client.expect(&format!("{tag} BAD ")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_is_about_the_own_change_only() {
    let world = World::new().await;
    let mut a = world.selected("alice", "Inbox").await;
    for _ in 0..2 {
        a.append("Inbox", "", MESSAGE).await;
    }
    let mut b = world.selected("alice", "Inbox").await;
    let mut c = world.selected("alice", "Inbox").await;
    c.ok("ENABLE CONDSTORE").await;
    a.ok("STORE 1 FLAGS (\\Flagged)").await;
    a.append("Inbox", "", MESSAGE).await;
    let lines = b.ok("STORE 1:* +FLAGS.SILENT (\\Answered)").await;
    assert!(
        lines.contains(&"* 1 FETCH (FLAGS (\\Flagged))".to_owned()),
        "{lines:?}"
    );
    // The message that B did not know of when it sent the command is not meant.
    assert_eq!(b.ok("SEARCH ANSWERED").await, ["* SEARCH 1 2"]);
    let lines = c.ok("STORE 1 +FLAGS.SILENT (\\Draft)").await;
    assert!(
        lines
            .iter()
            .any(|line| line.starts_with("* 1 FETCH (UID 1 FLAGS (\\Answered \\Flagged) MODSEQ (")),
        "{lines:?}"
    );
    let own = lines.last().expect("the own change");
    assert!(own.starts_with("* 1 FETCH (UID 1 MODSEQ ("), "{lines:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn keywords_made_during_a_long_fetch_are_announced() {
    let world = World::new().await;
    let mut a = world.selected("alice", "Inbox").await;
    // More than all buffers on the way hold, so that the last one is made after the change.
    let large = format!("Subject: large\r\n\r\n{}", "x".repeat(2 << 20));
    for _ in 0..16 {
        a.append("Inbox", "", &large).await;
    }
    let mut b = world.selected("alice", "Inbox").await;
    let tag = b.start("FETCH 1:* (FLAGS BODY.PEEK[])").await;
    b.line().await;
    a.ok("STORE 16 +FLAGS.SILENT (late)").await;
    let lines = b.finish(&tag).await;
    let at = |start: &str| lines.iter().position(|line| line.starts_with(start));
    let used = at("* 16 FETCH (FLAGS (late)").expect("the keyword");
    assert!(at("* FLAGS (").is_some_and(|told| told < used));
}
