//! Mailboxes: made, listed, renamed, deleted; SELECT and STATUS.

use super::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn mailboxes_come_and_go() {
    let world = World::new().await;
    let mut client = world.logged_in("alice").await;
    assert_eq!(
        client.ok("LIST \"\" \"\"").await,
        ["* LIST (\\Noselect) \"/\" \"\""]
    );
    assert_eq!(
        client.ok("LIST \"\" *").await,
        [
            "* LIST (\\HasNoChildren) \"/\" Inbox",
            "* LIST (\\HasNoChildren \\Archive) \"/\" Archive",
            "* LIST (\\HasNoChildren \\Drafts) \"/\" Drafts",
            "* LIST (\\HasNoChildren \\Junk) \"/\" Junk",
            "* LIST (\\HasNoChildren \\Sent) \"/\" Sent",
            "* LIST (\\HasNoChildren \\Trash) \"/\" Trash",
        ]
    );
    client.ok("CREATE work/2026/june/").await;
    client.says("CREATE work/2026", "NO [ALREADYEXISTS] ").await;
    client.says("CREATE \"a//b\"", "NO [CANNOT] ").await;
    client.says("CREATE \"a&b\"", "NO [CANNOT] ").await;
    client.ok("CREATE \"&AOk-t&AOk-\"").await;
    assert_eq!(
        client.ok("LIST \"\" &AOk-%").await,
        ["* LIST (\\HasNoChildren) \"/\" \"&AOk-t&AOk-\""]
    );
    assert_eq!(
        client.ok("LIST work/ %").await,
        ["* LIST (\\HasChildren) \"/\" work/2026"]
    );
    client.says("DELETE work", "NO [HASCHILDREN] ").await;
    client.ok("RENAME work job").await;
    client.says("RENAME work job", "NO [NONEXISTENT] ").await;
    client.says("RENAME job Sent", "NO [ALREADYEXISTS] ").await;
    client.ok("DELETE job/2026/june").await;
    client
        .says("DELETE job/2026/june", "NO [NONEXISTENT] ")
        .await;
    client.says("DELETE iNbOx", "NO [CANNOT] ").await;
    client.ok("ENABLE IMAP4rev2").await;
    assert_eq!(
        client.ok("LIST \"\" \"\u{e9}*\"").await,
        ["* LIST (\\HasNoChildren) \"/\" \"\u{e9}t\u{e9}\""]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn subscriptions_outlive_mailboxes() {
    let world = World::new().await;
    let mut client = world.logged_in("alice").await;
    for line in client.ok("LSUB \"\" *").await {
        let name = line.rsplit(' ').next().unwrap_or_default().to_owned();
        client.ok(&format!("UNSUBSCRIBE {name}")).await;
    }
    assert!(client.ok("LSUB \"\" *").await.is_empty());
    client.ok("CREATE a/b").await;
    client.ok("UNSUBSCRIBE a/b").await;
    client.ok("UNSUBSCRIBE a").await;
    client.ok("SUBSCRIBE a/b").await;
    client.ok("SUBSCRIBE gone/far").await;
    client.ok("SUBSCRIBE Sent").await;
    assert_eq!(
        client.ok("LSUB \"\" *").await,
        [
            "* LSUB () \"/\" Sent",
            "* LSUB () \"/\" a/b",
            "* LSUB (\\Noselect) \"/\" gone/far"
        ]
    );
    assert_eq!(
        client.ok("LSUB \"\" %").await,
        [
            "* LSUB () \"/\" Sent",
            "* LSUB (\\Noselect) \"/\" a",
            "* LSUB (\\Noselect) \"/\" gone",
        ]
    );
    assert_eq!(
        client.ok("LIST (SUBSCRIBED) \"\" *").await,
        [
            "* LIST (\\Subscribed \\HasNoChildren \\Sent) \"/\" Sent",
            "* LIST (\\Subscribed \\HasNoChildren) \"/\" a/b",
            "* LIST (\\NonExistent \\Subscribed \\HasNoChildren) \"/\" gone/far"
        ]
    );
    assert_eq!(
        client.ok("LIST (SUBSCRIBED RECURSIVEMATCH) \"\" %").await,
        [
            "* LIST (\\Subscribed \\HasNoChildren \\Sent) \"/\" Sent",
            "* LIST (\\HasChildren) \"/\" a (\"CHILDINFO\" (\"SUBSCRIBED\"))",
            "* LIST (\\NonExistent \\HasNoChildren) \"/\" gone (\"CHILDINFO\" (\"SUBSCRIBED\"))"
        ]
    );
    assert_eq!(
        client
            .ok("LIST (SPECIAL-USE) \"\" (S* T*) RETURN (SUBSCRIBED STATUS (MESSAGES UIDNEXT))")
            .await,
        [
            "* LIST (\\Subscribed \\HasNoChildren \\Sent) \"/\" Sent",
            "* STATUS Sent (MESSAGES 0 UIDNEXT 1)",
            "* LIST (\\HasNoChildren \\Trash) \"/\" Trash",
            "* STATUS Trash (MESSAGES 0 UIDNEXT 1)",
        ]
    );
    client.says("LIST (RECURSIVEMATCH) \"\" %", "BAD ").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn special_uses_are_given_at_creation() {
    let world = World::new().await;
    let mut client = world.logged_in("alice").await;
    client.ok("CREATE Old (USE (\\Archive))").await;
    client
        .says("CREATE All (USE (\\All))", "NO [USEATTR] ")
        .await;
    let lines = client.ok("LIST \"\" Old").await;
    assert!(lines[0].contains("\\Archive"), "{lines:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn select_tells_each_kind_of_client_its_own() {
    let world = World::new().await;
    let mut client = world.logged_in("alice").await;
    client.append("Inbox", "(\\Seen) ", "a: b\r\n\r\n").await;
    client.append("Inbox", "($Work) ", "a: b\r\n\r\n").await;
    let lines = client.ok("EXAMINE Inbox").await;
    assert!(
        lines.contains(&"* OK [PERMANENTFLAGS ()] nothing is kept".to_owned()),
        "{lines:?}"
    );
    assert!(lines.contains(&"* 2 RECENT".to_owned()), "{lines:?}");
    client.says("STORE 1 FLAGS ()", "NO [READ-ONLY] ").await;
    client.says("EXPUNGE", "NO [READ-ONLY] ").await;
    let lines = client.run("SELECT inbox").await;
    let has = |start: &str| lines.iter().any(|line| line.starts_with(start));
    for start in [
        "* OK [CLOSED]",
        "* FLAGS (\\Seen \\Answered \\Flagged \\Deleted \\Draft $Work)",
        "* OK [PERMANENTFLAGS (\\Seen \\Answered \\Flagged \\Deleted \\Draft $Work \\*)]",
        "* 2 EXISTS",
        "* 2 RECENT",
        "* OK [UNSEEN 2]",
        "* OK [UIDVALIDITY ",
        "* OK [UIDNEXT 3]",
        "* OK [HIGHESTMODSEQ ",
        "OK [READ-WRITE]",
    ] {
        assert!(has(start), "no {start:?} in {lines:?}");
    }
    assert!(!has("* LIST"), "{lines:?}");
    assert_eq!(client.ok("SEARCH RECENT").await, ["* SEARCH 1 2"]);
    client.ok("CLOSE").await;
    client.says("CLOSE", "BAD ").await;
    let lines = client.ok("SELECT Inbox").await;
    assert!(lines.contains(&"* 0 RECENT".to_owned()), "{lines:?}");
    client.says("SELECT nowhere", "NO [NONEXISTENT] ").await;
    client.says("UNSELECT", "BAD ").await;

    client.ok("ENABLE IMAP4rev2").await;
    let lines = client.ok("SELECT Inbox").await;
    let has = |start: &str| lines.iter().any(|line| line.starts_with(start));
    assert!(
        has("* LIST (\\HasNoChildren") && !has("* 0 RECENT") && !has("* OK [UNSEEN"),
        "{lines:?}"
    );
    client.ok("UNSELECT").await;
    client.ok("DELETE Sent").await;
    client.says("SELECT Sent", "NO [NONEXISTENT] ").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn status_tells_all_it_is_asked() {
    let world = World::new().await;
    let mut client = world.logged_in("alice").await;
    client.append("Inbox", "(\\Seen) ", "a: b\r\n\r\n").await;
    client
        .append("Inbox", "(\\Deleted) ", "a: b\r\n\r\nmore")
        .await;
    let lines = client
        .ok("STATUS inbox (MESSAGES RECENT UIDNEXT UNSEEN DELETED SIZE)")
        .await;
    assert_eq!(
        lines,
        ["* STATUS Inbox (MESSAGES 2 RECENT 2 UIDNEXT 3 UNSEEN 1 DELETED 1 SIZE 20)"]
    );
    let lines = client.ok("STATUS Inbox (HIGHESTMODSEQ APPENDLIMIT)").await;
    assert!(
        lines[0].contains("HIGHESTMODSEQ ") && lines[0].contains("APPENDLIMIT 10"),
        "{lines:?}"
    );
    client
        .says("STATUS nowhere (MESSAGES)", "NO [NONEXISTENT] ")
        .await;
}
