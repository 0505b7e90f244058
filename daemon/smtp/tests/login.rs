//! AUTH.

use std::time::{Duration, Instant};

use super::super::Service::{Receive, Submission};
use super::world::{PASSWORD, World, account};

#[tokio::test(flavor = "multi_thread")]
async fn mechanisms_are_offered_where_passwords_are_safe() {
    let mut world = World::new().await;
    for (service, plaintext, offered) in [
        (Receive, true, false),
        (Submission, true, true),
        (Submission, false, false),
    ] {
        world.plaintext_logins = plaintext;
        let mut client = world.open(service).await;
        client.expect("220").await;
        let hello = client.say("EHLO c", "250").await;
        let list = "\nAUTH SCRAM-SHA-256 SCRAM-SHA-1 PLAIN LOGIN\n";
        assert_eq!(hello.text.contains(list), offered, "{}", hello.text);
        assert_eq!(hello.text.contains("AUTH"), offered);
        if service == Submission && !plaintext {
            client.login("alice@example.org", PASSWORD).await;
            client.expect("538 5.7.11").await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn exchanges_end_as_the_table_says() {
    let world = World::with(|config| {
        let bob = std::sync::Arc::make_mut(config.accounts.get_mut(&account("bob")).expect("bob"));
        bob.login_disabled = "moved to mail.example.net".into();
    })
    .await;
    let mut client = world.connect(Submission).await;
    client.say("AUTH FOO", "504 5.5.4").await;
    client.say("AUTH PLAIN", "334 ").await;
    client.say("*", "501 5.7.0").await;
    client.say("AUTH PLAIN !", "501 5.5.2").await;
    client.say("AUTH LOGIN", "334 VXNlcm5hbWU6").await;
    client.say("!", "501 5.5.2").await;
    client.say("AUTH PLAIN AA==", "501 5.5.4").await;
    client.say("AUTH PLAIN", "334 ").await;
    client.say(&"A".repeat(20_000), "500 5.5.6").await;
    client.login("alice@example.org", "wrong").await;
    client.expect("535 5.7.8").await;
    client.login("nobody@example.org", PASSWORD).await;
    client.expect("535 5.7.8").await;
    client.login("bob@example.org", PASSWORD).await;
    client.expect("525 5.7.13 moved to mail.example.net").await;
    client.say("AUTH LOGIN", "334 VXNlcm5hbWU6").await;
    client
        .say("YWxpY2VAZXhhbXBsZS5vcmc=", "334 UGFzc3dvcmQ6")
        .await;
    client.say("Y29ycmVjdCBob3JzZQ==", "235 2.7.0").await;
    client.say("AUTH LOGIN", "503 5.5.1").await;
    client.say("EHLO c", "250").await;
    client.say("MAIL FROM:<alice@example.org>", "250").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn guessing_becomes_slow_and_ends() {
    let world = World::with(|config| {
        config.limits.login_failures = 2;
        config.limits.login_failure_delay = Duration::from_millis(30);
        config.auth.failures_per_minute = [0; 3];
    })
    .await;
    let mut client = world.connect(Submission).await;
    let started = Instant::now();
    for _ in 0..12 {
        client.login("alice@example.org", "wrong").await;
        client.expect("535 5.7.8").await;
    }
    // 30 ms after the third, 60 ms after the fourth, and so on.
    assert!(started.elapsed() >= Duration::from_millis(30 * 55));
    client.login("alice@example.org", "wrong").await;
    client.expect("421 4.7.0").await;
    client.ended().await;
}
