//! Mail from outside.

use super::super::Service::Receive;
use super::world::{World, content};

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_kept_as_it_came() {
    let world = World::new().await;
    let mut client = world.connect(Receive).await;
    client
        .begin("sender@other.example", &["alice@example.org"])
        .await;
    client
        .send("Subject: x\r\n\r\n..dot\r\n\u{e9}\r\n.\r\n")
        .await;
    client.expect("250 2.0.0 message kept").await;
    client.say("QUIT", "221 2.0.0").await;
    client.ended().await;
    let stored = world.messages("alice", "Inbox").await;
    assert_eq!(stored.len(), 1);
    let start = "Return-Path: <sender@other.example>\r\n\
                 Received: from client.example ([127.0.0.1])\r\n\
                 \tby mail.example.org with ESMTP id ";
    assert!(stored[0].starts_with(start), "{}", stored[0]);
    assert!(stored[0].contains("\r\n\tfor <alice@example.org>;\r\n\t"));
    assert_eq!(content(&stored[0]), "Subject: x\r\n\r\n.dot\r\n\u{e9}\r\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn pipelined_commands_are_answered_in_order() {
    let world = World::new().await;
    let mut client = world.open(Receive).await;
    client.expect("220").await;
    let mut all = "EHLO c\r\n".to_owned();
    for round in 0..3 {
        all.push_str(
            "MAIL FROM:<>\r\nRCPT TO:<bob@example.org>\r\nRCPT TO:<nobody@example.org>\r\n",
        );
        all.push_str(&format!("DATA\r\nRound: {round}\r\n\r\nbody\r\n.\r\n"));
    }
    all.push_str("MAIL FROM:<a@b.example>\r\nRSET\r\nNOOP\r\nVRFY x\r\nEXPN x\r\nHELP\r\nQUIT\r\n");
    client.send(&all).await;
    client.expect("250 mail.example.org").await;
    for _ in 0..3 {
        client.expect("250 2.1.0").await;
        client.expect("250 2.1.5").await;
        client.expect("550 5.1.1").await;
        client.expect("354").await;
        client.expect("250 2.0.0").await;
    }
    for start in [
        "250 2.1.0",
        "250 2.0.0",
        "250 2.0.0",
        "252",
        "252",
        "214",
        "221",
    ] {
        client.expect(start).await;
    }
    client.ended().await;
    let stored = world.messages("bob", "Inbox").await;
    assert_eq!(stored.len(), 3);
    assert!(stored[2].starts_with("Return-Path: <>\r\n"));
    assert_eq!(content(&stored[2]), "Round: 2\r\n\r\nbody\r\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn recipients_are_decided_on() {
    let world = World::new().await;
    let mut client = world.connect(Receive).await;
    client.say("MAIL FROM:<a@b.example>", "250").await;
    for (to, start) in [
        ("<alice@example.org>", "250 2.1.5"),
        ("<ALICE+x@Example.ORG>", "250 2.1.5"),
        ("<@relay.example:\"alice\"@example.org>", "250 2.1.5"),
        ("<lists@example.org>", "250 2.1.5"),
        ("<Postmaster>", "250 2.1.5"),
        ("<postmaster@example.org>", "250 2.1.5"),
        ("<postmaster@mail.example.org>", "250 2.1.5"),
        ("<postmaster@[127.0.0.1]>", "250 2.1.5"),
        ("<team@example.org>", "250 2.1.5"),
        ("<alice@[127.0.0.1]>", "550 5.1.1"),
        ("<alice@[192.0.2.1]>", "550 5.7.1"),
        ("<nobody@example.org>", "550 5.1.1"),
        ("<alice@off.example>", "450 4.2.1"),
        ("<alice@elsewhere.example>", "550 5.7.1"),
        ("<alice%elsewhere.example@example.org>", "550 5.1.1"),
        ("<alice>", "501 5.1.3"),
        ("<>", "501 5.1.3"),
        ("<s\u{fc}\u{df}@b\u{fc}cher.example>", "553 5.6.7"),
        ("<alice@example.org> NOTIFY=NEVER", "555 5.5.4"),
    ] {
        client.say(&format!("RCPT TO:{to}"), start).await;
    }
    client.say("DATA", "354").await;
    client.send("\r\n.\r\n").await;
    client.expect("250").await;
    // Each place once.
    assert_eq!(world.messages("alice", "Inbox").await.len(), 1);
    assert_eq!(world.messages("alice", "Lists").await.len(), 1);
    assert_eq!(world.messages("alice", "Postmaster").await.len(), 1);
    let bobs = world.messages("bob", "Inbox").await;
    assert_eq!(bobs.len(), 1);
    assert!(
        !bobs[0].contains("\r\n\tfor "),
        "recipients are not shown to others"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn utf8_addresses_need_their_extension() {
    let world = World::new().await;
    let mut client = world.connect(Receive).await;
    client
        .say("MAIL FROM:<\u{e9}@b.example>", "553 5.6.7")
        .await;
    client
        .say("MAIL FROM:<\u{e9}@b.example> SMTPUTF8 BODY=8BITMIME", "250")
        .await;
    client
        .say("RCPT TO:<s\u{fc}\u{df}@b\u{fc}cher.example>", "250")
        .await;
    client.say("DATA", "354").await;
    client.send("Subject: \u{e9}\r\n\r\n.\r\n").await;
    client.expect("250").await;
    let stored = world.messages("alice", "Inbox").await;
    assert!(stored[0].contains(" with UTF8SMTP id "));
    assert!(stored[0].contains("for <s\u{fc}\u{df}@xn--bcher-kva.example>"));
}

#[tokio::test(flavor = "multi_thread")]
async fn smuggled_ends_are_no_ends() {
    let world = World::new().await;
    let mut client = world.connect(Receive).await;
    for end in [
        "\n.\n", "\n.\r\n", "\r\n.\n", "\r.\r", "\r\n.\r", "\r.\r\n", "\0", "\n", "\r",
    ] {
        client.begin("a@b.example", &["alice@example.org"]).await;
        let smuggled =
            "MAIL FROM:<admin@example.org>\r\nRCPT TO:<bob@example.org>\r\nDATA\r\nx\r\n";
        client
            .send(format!("a: b\r\n\r\nbody{end}{smuggled}.\r\n"))
            .await;
        client.expect("550 5.6.11").await;
        client.say("NOOP", "250 2.0.0").await;
    }
    assert!(world.messages("alice", "Inbox").await.is_empty());
    assert!(world.messages("bob", "Inbox").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_lines_are_one_bad_line_each() {
    let world = World::new().await;
    let mut client = world.connect(Receive).await;
    for line in ["NOOP\nRSET", "NOOP\rRSET", "NOOP\0", "\nNOOP"] {
        client.say(line, "500 5.5.2").await;
        client.say("NOOP", "250").await;
    }
    client.say(&"N".repeat(5000), "500 5.5.2").await;
    client
        .say(&format!("NOOP {}", "x".repeat(2041)), "250")
        .await;
    client
        .say(&format!("NOOP {}", "x".repeat(2042)), "500 5.5.2")
        .await;
    // A client that ends its lines with LF gets its answer, if late.
    client.send("NOOP\n").await;
    client.expect("500 5.5.2").await;
    client.say("NOOP", "250").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_out_of_order_are_refused() {
    let world = World::new().await;
    let mut client = world.open(Receive).await;
    client.expect("220").await;
    for (line, start) in [
        ("MAIL FROM:<a@b.example>", "503 5.5.1"),
        ("RCPT TO:<alice@example.org>", "503 5.5.1"),
        ("HELO c", "250 mail.example.org"),
        ("DATA", "503 5.5.1"),
        ("BDAT 0 LAST", "503 5.5.1"),
        ("MAIL FROM:<a@b.example>", "250"),
        ("MAIL FROM:<a@b.example>", "503 5.5.1"),
        ("DATA", "554 5.5.1"),
        ("BDAT 0 LAST", "554 5.5.1"),
        ("EHLO c", "250"),
        ("RCPT TO:<alice@example.org>", "503 5.5.1"),
        ("MAIL FROM:<a@b.example> BODY=BINARYMIME", "501 5.5.4"),
        ("MAIL FROM:<a@b.example> RET=FULL", "555 5.5.4"),
        ("MAIL FROM:<a@b.example> REQUIRETLS", "555 5.5.4"),
        ("MAIL FROM:a@b.example", "501 5.1.7"),
        ("AUTH PLAIN", "503 5.5.1"),
        ("STARTTLS", "502 5.5.1"),
        ("FOO", "500 5.5.1"),
        ("NOOP", "250"),
    ] {
        client.say(line, start).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_have_their_answers() {
    let world = World::with(|config| {
        config.limits.recipients = 2;
        config.limits.message_size = 5000;
        config.limits.header_size = 1000;
        config.limits.received = 3;
    })
    .await;
    let mut client = world.open(Receive).await;
    client.expect("220").await;
    client.send("EHLO c\r\n").await;
    let hello = client.expect("250").await;
    assert_eq!(
        hello.text,
        "mail.example.org\nPIPELINING\nSIZE 5000\nENHANCEDSTATUSCODES\n8BITMIME\nSMTPUTF8\n\
         CHUNKING\nLIMITS RCPTMAX=2"
    );
    client
        .say("MAIL FROM:<a@b.example> SIZE=5001", "552 5.3.4")
        .await;
    client.say("MAIL FROM:<a@b.example> SIZE=5000", "250").await;
    client.say("RCPT TO:<alice@example.org>", "250").await;
    client.say("RCPT TO:<bob@example.org>", "250").await;
    client.say("RCPT TO:<bob@example.org>", "452 4.5.3").await;
    client.say("RSET", "250").await;
    let line = format!("{}\r\n", "x".repeat(98));
    let received = "Received: from a by b\r\n".repeat(4);
    for (message, start) in [
        (format!("\r\n{}", line.repeat(50)), "552 5.3.4"),
        (format!("\r\n{}", line.repeat(49)), "250 2.0.0"),
        (format!("{}\r\n", line.repeat(11)), "552 5.3.4"),
        (format!("{received}\r\n"), "554 5.4.6"),
        (format!("{}\r\n{received}", &received[..69]), "250 2.0.0"),
    ] {
        client.begin("a@b.example", &["alice@example.org"]).await;
        client.send(format!("{message}.\r\n")).await;
        client.expect(start).await;
    }
    assert_eq!(world.messages("alice", "Inbox").await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_mailbox_says_so_and_nobody_gets_half() {
    let world = World::with(|config| {
        let bob = super::world::account("bob");
        std::sync::Arc::make_mut(config.accounts.get_mut(&bob).expect("bob")).quota = 2000;
    })
    .await;
    let mut client = world.connect(Receive).await;
    let body = "x".repeat(1500);
    client.say("MAIL FROM:<a@b.example> SIZE=2001", "250").await;
    client.say("RCPT TO:<bob@example.org>", "452 4.2.2").await;
    client.say("RSET", "250").await;
    client.begin("a@b.example", &["bob@example.org"]).await;
    client.send(format!("\r\n{body}\r\n.\r\n")).await;
    client.expect("250").await;
    // Unannounced, and too large only once it is here: nobody keeps a copy.
    client
        .begin(
            "a@b.example",
            &["alice@example.org", "bob@example.org", "lists@example.org"],
        )
        .await;
    client.send(format!("\r\n{body}\r\n.\r\n")).await;
    client.expect("452 4.2.2").await;
    assert!(world.messages("alice", "Inbox").await.is_empty());
    assert!(world.messages("alice", "Lists").await.is_empty());
    assert_eq!(world.messages("bob", "Inbox").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn chunks_make_a_message() {
    let world = World::new().await;
    let mut client = world.connect(Receive).await;
    client.say("MAIL FROM:<a@b.example>", "250").await;
    client.say("RCPT TO:<alice@example.org>", "250").await;
    client
        .send("BDAT 11\r\na: b\r\n\r\n.\r\nBDAT 0\r\nBDAT 6 LAST\r\nend\r\n.")
        .await;
    client.expect("250 2.0.0 11 octets").await;
    client.expect("250 2.0.0 0 octets").await;
    client.expect("250 2.0.0 message kept").await;
    let stored = world.messages("alice", "Inbox").await;
    assert_eq!(content(&stored[0]), "a: b\r\n\r\n.\r\nend\r\n.");
    // What is wrong is said once the chunk was read, and what follows is in step.
    client.say("MAIL FROM:<a@b.example>", "250").await;
    client.say("RCPT TO:<alice@example.org>", "250").await;
    client
        .send("BDAT 5\r\na: b\nBDAT 6 LAST\r\nQUIT\r\nNOOP\r\n")
        .await;
    client.expect("550 5.6.11").await;
    client.expect("503 5.5.1").await;
    client.expect("250 2.0.0").await;
    client.say("MAIL FROM:<a@b.example>", "250").await;
    client.say("RCPT TO:<alice@example.org>", "250").await;
    client.send("BDAT 2\r\nxyDATA\r\n").await;
    client.expect("250").await;
    client.expect("503 5.5.1").await;
    client.say("RCPT TO:<bob@example.org>", "503 5.5.1").await;
    client.say("RSET", "250").await;
    client.say("BDAT 0 LAST", "503 5.5.1").await;
    assert_eq!(world.messages("alice", "Inbox").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn large_messages_go_through_a_file() {
    let world = World::new().await;
    let mut client = world.connect(Receive).await;
    client
        .begin("a@b.example", &["alice@example.org", "bob@example.org"])
        .await;
    let line = format!("{}\r\n", "0123456789".repeat(7));
    let body = format!("a: b\r\n\r\n{}", line.repeat(50_000));
    client.send(&body).await;
    client.send(".\r\n").await;
    client.expect("250").await;
    for name in ["alice", "bob"] {
        let stored = world.messages(name, "Inbox").await;
        assert!(content(&stored[0]) == body, "{name} has other bytes");
    }
}
