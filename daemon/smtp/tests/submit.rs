//! Mail from accounts.

use super::super::Service::Submission;
use super::world::{World, content};

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_taken_without_a_login() {
    let world = World::new().await;
    let mut client = world.connect(Submission).await;
    for line in [
        "MAIL FROM:<alice@example.org>",
        "RCPT TO:<bob@example.org>",
        "DATA",
    ] {
        client.say(line, "530 5.7.0").await;
    }
    client.send("BDAT 5 LAST\r\nhelloNOOP\r\n").await;
    client.expect("530 5.7.0").await;
    client.expect("250").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_completed_and_delivered() {
    let world = World::new().await;
    let mut client = world.logged_in("alice@example.org").await;
    client
        .begin(
            "alice+x@example.org",
            &["bob@example.org", "far@loop.example"],
        )
        .await;
    client
        .send("From: Alice <alice@example.org>\r\nBcc: c@d\r\nTo: x\n\nbare\n.\r\n")
        .await;
    client.send("..\r\n\r\n.\r\n").await;
    client.expect("550 5.6.11").await;
    client
        .begin(
            "alice+x@example.org",
            &["bob@example.org", "far@loop.example"],
        )
        .await;
    client
        .send("From: Alice <alice@example.org>\r\nBcc: c@d\r\nTo: x\n\nbare\n..\r\n.\r\n")
        .await;
    client.expect("250").await;
    let stored = world.messages("bob", "Inbox").await;
    assert_eq!(stored.len(), 1, "local and looped back are one place");
    assert!(stored[0].contains(" with ESMTPA id "), "{}", stored[0]);
    let content = content(&stored[0]);
    let start = "From: Alice <alice@example.org>\r\nTo: x\r\nDate: ";
    assert!(content.starts_with(start), "{content}");
    assert!(content.contains("\r\nMessage-Id: <"));
    assert!(content.ends_with("@mail.example.org>\r\n\r\nbare\r\n.\r\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn senders_and_recipients_are_decided_on() {
    let world = World::new().await;
    let mut client = world.logged_in("alice@example.org").await;
    for (from, start) in [
        ("<>", "550 5.7.1"),
        ("<bob@example.org>", "550 5.7.1"),
        ("<team@example.org>", "550 5.7.1"),
        ("<alice@elsewhere.example>", "550 5.7.1"),
        ("<alice@[127.0.0.1]>", "550 5.7.1"),
        ("<alice@off.example>", "451 4.3.0"),
        ("<alice@example.org> AUTH=<>", "250 2.1.0"),
    ] {
        client.say(&format!("MAIL FROM:{from}"), start).await;
    }
    for (to, start) in [
        ("<nobody@example.org>", "550 5.1.1"),
        ("<x@off.example>", "450 4.2.1"),
        ("<x@elsewhere.example>", "550 5.7.1"),
        ("<x@[192.0.2.1]>", "550 5.7.1"),
        ("<x@loop.example>", "250 2.1.5"),
    ] {
        client.say(&format!("RCPT TO:{to}"), start).await;
    }
    client.say("RSET", "250").await;
    for (from, start) in [
        ("From: bob@example.org\r\n", "550 5.7.1"),
        ("From: alice@example.org, bob@example.org\r\n", "550 5.7.1"),
        (
            "From: alice@example.org\r\nFrom: bob@example.org\r\n",
            "550 5.7.1",
        ),
        ("From: alice\r\n", "550 5.7.1"),
        ("From: undisclosed:;\r\n", "550 5.7.1"),
        ("To: alice@example.org\r\n", "550 5.7.1"),
        ("", "550 5.7.1"),
        ("From: alice@off.example\r\n", "451 4.3.0"),
        (
            "From: \"A, B\" <Alice@example.org>, lists@example.org\r\n",
            "250 2.0.0",
        ),
    ] {
        client
            .begin("alice@example.org", &["bob@example.org"])
            .await;
        client.send(format!("{from}\r\nbody\r\n.\r\n")).await;
        client.expect(start).await;
    }
    assert_eq!(world.messages("bob", "Inbox").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn chunks_can_be_submitted() {
    let world = World::new().await;
    let mut client = world.logged_in("alice@example.org").await;
    client.say("MAIL FROM:<alice@example.org>", "250").await;
    client.say("RCPT TO:<bob@example.org>", "250").await;
    client
        .send("BDAT 10\r\nFrom: alicBDAT 21 LAST\r\ne@example.org\n\nx\ny\n.\n")
        .await;
    client.expect("250 2.0.0 10 octets").await;
    client.expect("250 2.0.0 message kept").await;
    let stored = world.messages("bob", "Inbox").await;
    assert!(
        stored[0].ends_with(">\r\n\r\nx\r\ny\r\n.\r\n"),
        "{}",
        stored[0]
    );
}
