//! How sessions end that their clients would rather go on with.

use std::time::{Duration, Instant};

use super::world::{World, account};

#[tokio::test(flavor = "multi_thread")]
async fn what_revokes_a_login_ends_its_sessions_at_once() {
    let mut world = World::new().await;
    for step in 0..3 {
        let mut idler = world.selected("alice", "Inbox").await;
        idler.start("IDLE").await;
        idler.expect("+ ").await;
        let mut silent = world.logged_in("alice").await;
        let mut other = world.logged_in("bob").await;
        let start = Instant::now();
        let text = match step {
            0 => {
                world.new_password("alice");
                "* BYE the password was changed"
            }
            1 => {
                let name = account("alice");
                world.change(|config| {
                    std::sync::Arc::make_mut(config.accounts.get_mut(&name).expect("alice"))
                        .login_disabled = "gone fishing".into();
                });
                "* BYE gone fishing"
            }
            _ => {
                world.change(|config| {
                    config.accounts.remove(&account("bob"));
                });
                std::mem::swap(&mut silent, &mut other);
                idler = world.connect().await;
                idler.send("x NOOP\r\n").await;
                idler.expect("x OK ").await;
                "* BYE the account was removed"
            }
        };
        silent.expect(text).await;
        silent.ended().await;
        if step < 2 {
            idler.expect(text).await;
            idler.ended().await;
        }
        assert!(start.elapsed() < Duration::from_secs(2));
        if step < 2 {
            other.ok("NOOP").await;
        }
        if step == 1 {
            let name = account("alice");
            world.change(|config| {
                std::sync::Arc::make_mut(config.accounts.get_mut(&name).expect("alice"))
                    .login_disabled
                    .clear();
            });
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_ends_sessions() {
    let world = World::with(|config| {
        config.limits.login_idle = Duration::from_millis(50);
        config.limits.imap_idle = Duration::from_millis(100);
    })
    .await;
    let mut stranger = world.connect().await;
    let mut client = world.logged_in("alice").await;
    stranger.expect("* BYE ").await;
    stranger.ended().await;
    client.expect("* BYE ").await;
    client.ended().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_says_goodbye() {
    let world = World::new().await;
    let mut stranger = world.connect().await;
    let mut idler = world.selected("alice", "Inbox").await;
    idler.start("IDLE").await;
    idler.expect("+ ").await;
    world.context.shutdown.cancel();
    for client in [&mut stranger, &mut idler] {
        client.expect("* BYE [UNAVAILABLE] ").await;
        client.ended().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_leaves_within_an_append_leaves_nothing() {
    let world = World::new().await;
    let mut client = world.logged_in("alice").await;
    client.start("APPEND Inbox {1000}").await;
    client.expect("+ ").await;
    client.send("Subject: cut\r\n").await;
    drop(client);
    let mut client = world.logged_in("alice").await;
    assert_eq!(
        client.ok("STATUS Inbox (MESSAGES)").await,
        ["* STATUS Inbox (MESSAGES 0)"]
    );
}
