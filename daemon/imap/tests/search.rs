//! SEARCH.

use super::world::World;

async fn searched() -> super::world::Client<tokio::net::TcpStream> {
    let world = World::new().await;
    let mut client = world.selected("alice", "Inbox").await;
    client
        .append(
            "Inbox",
            "(\\Seen) \" 1-Jun-2026 10:00:00 +0000\" ",
            "From: alice@example.org\r\nSubject: Gr\u{fc}\u{df}e from the sea\r\n\
             Date: Mon, 1 Jun 2026 10:00:00 +0000\r\n\r\nthe water is WARM\r\n",
        )
        .await;
    client
        .append(
            "Inbox",
            "(work) \" 2-Jun-2026 10:00:00 +0000\" ",
            "From: bob@example.org\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n\
             Date: Tue, 2 Jun 2026 10:00:00 +0000\r\nX-Mark: yes\r\n\
             Content-Type: text/plain; charset=iso-8859-1\r\n\
             Content-Transfer-Encoding: base64\r\n\r\nc25vdyD8YmVyYWxs\r\n",
        )
        .await;
    // The store keeps the account open as long as the session has it.
    std::mem::forget(world);
    client
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_find_what_they_say() {
    let mut client = searched().await;
    for (keys, found) in [
        ("ALL", " 1 2"),
        ("UNSEEN", " 2"),
        ("SEEN", " 1"),
        ("KEYWORD WORK", " 2"),
        ("UNKEYWORD work", " 1"),
        ("NEW", " 2"),
        ("OLD", ""),
        ("FROM alice", " 1"),
        ("SUBJECT sea", " 1"),
        ("BODY warm", " 1"),
        ("BODY sea", ""),
        ("TEXT sea", " 1"),
        ("NOT TEXT sea OR SEEN HEADER X-Mark yes", " 2"),
        ("HEADER X-Mark \"\"", " 2"),
        ("SENTSINCE 2-Jun-2026 BEFORE 3-Jun-2026", " 2"),
        ("SENTBEFORE 2-Jun-2026", " 1"),
        ("ON 1-Jun-2026", " 1"),
        ("LARGER 100000", ""),
        ("SMALLER 100000 UID 2:*", " 2"),
        ("2,7:9", " 2"),
        ("OR (FROM bob UNSEEN) (SUBJECT nothing)", " 2"),
    ] {
        assert_eq!(
            client.ok(&format!("SEARCH {keys}")).await,
            [format!("* SEARCH{found}")],
            "{keys}"
        );
    }
    for (text, found) in [
        ("SUBJECT {7+}\r\ngr\u{fc}\u{df}e", " 1 2"),
        ("BODY {6+}\r\n\u{dc}BERA", " 2"),
    ] {
        assert_eq!(
            client.ok(&format!("SEARCH CHARSET UTF-8 {text}")).await,
            [format!("* SEARCH{found}")],
            "{text}"
        );
    }
    client
        .says("SEARCH CHARSET KLINGON ALL", "NO [BADCHARSET ")
        .await;
    client.says("SEARCH", "BAD ").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_have_the_form_that_was_asked_for() {
    let mut client = searched().await;
    for (command, answer) in [
        (
            "SEARCH RETURN (MIN MAX COUNT ALL) ALL",
            " MIN 1 MAX 2 ALL 1:2 COUNT 2",
        ),
        ("UID SEARCH RETURN () FLAGGED", " UID"),
        ("SEARCH RETURN (COUNT) FLAGGED", " COUNT 0"),
        ("UID SEARCH RETURN (SAVE COUNT) SEEN", " UID COUNT 1"),
        ("UID SEARCH RETURN (ALL) $", " UID ALL 1"),
    ] {
        let lines = client.ok(command).await;
        assert_eq!(lines.len(), 1);
        let (_, shown) = lines[0].split_once(')').expect("a tag");
        assert_eq!(shown, answer, "{command}");
    }
    assert!(client.ok("SEARCH RETURN (SAVE) 2").await.is_empty());
    assert_eq!(client.ok("FETCH $ (UID)").await, ["* 2 FETCH (UID 2)"]);
    client.ok("STORE $ +FLAGS.SILENT (\\Deleted)").await;
    assert_eq!(client.ok("EXPUNGE").await, ["* 2 EXPUNGE"]);
    assert!(client.ok("FETCH $ (UID)").await.is_empty());
    client
        .says("SEARCH RETURN (SAVE) CHARSET X ALL", "NO ")
        .await;
    client.ok("ENABLE IMAP4rev2").await;
    let lines = client.ok("SEARCH ALL").await;
    assert!(
        lines[0].starts_with("* ESEARCH (TAG \"t") && lines[0].ends_with(") ALL 1"),
        "{lines:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_that_is_refused_saves_nothing() {
    let mut client = searched().await;
    client.ok("SEARCH RETURN (SAVE) ALL").await;
    client
        .says("SEARCH RETURN (SAVE) CHARSET X-NONE ALL", "NO [BADCHARSET ")
        .await;
    assert!(client.ok("FETCH $ (UID)").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn address_fields_are_found_as_they_stand() {
    let world = World::new().await;
    let mut client = world.selected("alice", "Inbox").await;
    client
        .append(
            "Inbox",
            "",
            "From: \"Doe, John\" <john@example.org>\r\nTo: a@example.org, b@example.org (Bee)\r\n\
             Cc: Friends: c@example.org;\r\n\r\nx\r\n",
        )
        .await;
    for (keys, found) in [
        ("FROM \"doe, john\"", " 1"),
        ("FROM \"\\\"Doe\"", " 1"),
        ("HEADER From \"Doe, John\\\" <john\"", " 1"),
        ("TO \"a@example.org, b@example.org\"", " 1"),
        ("TO \"(bee)\"", " 1"),
        ("TO \"<a@\"", ""),
        ("CC friends:", " 1"),
        ("CC \"c@example.org;\"", " 1"),
        ("FROM \"john, doe\"", ""),
    ] {
        let lines = client.ok(&format!("SEARCH {keys}")).await;
        assert_eq!(lines, [format!("* SEARCH{found}")], "{keys}");
    }
}
