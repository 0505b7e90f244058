//! How sessions end.

use std::time::Duration;

use tokio::io::AsyncWriteExt;

use super::super::Service::{Receive, Submission};
use super::world::{World, account};

#[tokio::test(flavor = "multi_thread")]
async fn silence_ends_a_session() {
    let world = World::with(|config| {
        config.limits.smtp_idle = Duration::from_millis(50);
        config.limits.login_idle = Duration::from_millis(50);
    })
    .await;
    for service in [Receive, Submission] {
        let mut client = world.connect(service).await;
        client.expect("421 4.4.2").await;
        client.ended().await;
    }
    let mut client = world.connect(Receive).await;
    client.begin("a@b.example", &["alice@example.org"]).await;
    client.send("half a message\r\n").await;
    client.expect("421 4.4.2").await;
    client.ended().await;
    assert!(world.messages("alice", "Inbox").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_takes_no_longer_than_it_may() {
    let world = World::with(|config| {
        config.limits.smtp_message = Duration::from_millis(200);
    })
    .await;
    for begin in ["DATA\r\n", "BDAT 100000\r\n"] {
        let mut client = world.connect(Receive).await;
        client.say("MAIL FROM:<a@b.example>", "250").await;
        client.say("RCPT TO:<alice@example.org>", "250").await;
        client.send(begin).await;
        if begin.starts_with("DATA") {
            client.expect("354").await;
        }
        let (mut reader, mut writer) = client.stream.into_split();
        let drip = tokio::spawn(async move {
            let mut pace = tokio::time::interval(Duration::from_millis(10));
            while writer.write_all(b"x").await.is_ok() {
                pace.tick().await;
            }
        });
        let mut last = String::new();
        tokio::io::AsyncReadExt::read_to_string(&mut reader, &mut last)
            .await
            .expect("text");
        assert!(last.starts_with("421 4.4.2"), "{last}");
        drip.abort();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_sends_no_more_is_answered() {
    let world = World::new().await;
    let mut client = world.connect(Receive).await;
    client
        .send("MAIL FROM:<a@b.example>\r\nRCPT TO:<alice@example.org>\r\nDATA\r\n\r\nx\r\n.\r\nMAIL FROM:<")
        .await;
    client.stream.shutdown().await.expect("half-closed");
    for start in ["250", "250", "354", "250"] {
        client.expect(start).await;
    }
    client.ended().await;
    assert_eq!(world.messages("alice", "Inbox").await.len(), 1);
    let mut client = world.connect(Receive).await;
    client.begin("a@b.example", &["alice@example.org"]).await;
    client.send("half\r\n").await;
    client.stream.shutdown().await.expect("half-closed");
    client.ended().await;
    assert_eq!(world.messages("alice", "Inbox").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn nonsense_ends_a_session() {
    let world = World::new().await;
    let mut client = world.open(Receive).await;
    client.expect("220").await;
    client.say("GET / HTTP/1.1", "500 5.5.2").await;
    client.ended().await;
    let mut client = world.connect(Receive).await;
    for _ in 0..20 {
        client.say("FOO", "500 5.5.1").await;
    }
    client.expect("421 4.7.0").await;
    client.ended().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn shutdown_ends_sessions_at_a_safe_point() {
    let world = World::new().await;
    let mut idle = world.connect(Receive).await;
    let mut busy = world.connect(Receive).await;
    busy.begin("a@b.example", &["alice@example.org"]).await;
    world.context.shutdown.cancel();
    for client in [&mut idle, &mut busy] {
        client.expect("421 4.3.2").await;
        client.ended().await;
    }
    let mut late = world.open(Receive).await;
    late.expect("421 4.3.2").await;
    late.ended().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn revoked_logins_end_their_sessions() {
    let mut world = World::new().await;
    let mut waiting = world.logged_in("alice@example.org").await;
    let mut sending = world.logged_in("alice@example.org").await;
    sending
        .begin("alice@example.org", &["bob@example.org"])
        .await;
    sending.send("From: alice@example.org\r\n\r\n").await;
    let mut other = world.logged_in("bob@example.org").await;
    let mut nobody = world.connect(Submission).await;
    world.change(|config| {
        let alice =
            std::sync::Arc::make_mut(config.accounts.get_mut(&account("alice")).expect("alice"));
        alice.login_disabled = "moved, see example.net".into();
    });
    for client in [&mut waiting, &mut sending] {
        client.expect("421 4.7.0 moved, see example.net").await;
        client.ended().await;
    }
    assert!(world.messages("bob", "Inbox").await.is_empty());
    other.say("NOOP", "250").await;
    nobody.say("NOOP", "250").await;
    let mut changed = world.logged_in("bob@example.org").await;
    world.new_password("bob");
    for client in [&mut other, &mut changed] {
        client.expect("421 4.7.0").await;
        client.ended().await;
    }
    let mut removed = world.logged_in("bob@example.org").await;
    world.change(|config| {
        config.accounts.remove(&account("bob"));
    });
    removed.expect("421 4.7.0").await;
    removed.ended().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_takes_no_replies_is_left() {
    let world = World::new().await;
    let mut client = world.connect(Receive).await;
    // Far more replies than the sockets hold; the server stops reading instead of keeping them.
    let flood = "EHLO c\r\n".repeat(4_000_000);
    let sent = tokio::time::timeout(
        Duration::from_millis(1500),
        client.stream.write_all(flood.as_bytes()),
    );
    assert!(sent.await.is_err(), "all of it was taken");
    world.context.shutdown.cancel();
}

/// Ten thousand of them wait for most of their lives.
#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_waits_is_small() {
    let world = World::new().await;
    let session = world.unserved(Receive).await;
    let size = std::mem::size_of_val(&session);
    assert!(size < 3000, "{size} bytes");
}
