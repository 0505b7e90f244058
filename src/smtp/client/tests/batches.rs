//! More recipients than fit into a transaction.

use super::*;

const ALL: [&str; 3] = ["b@mail.example", "c@mail.example", "d@mail.example"];

async fn to_all(stream: DuplexStream) -> Fates {
    let mut client = begin(stream).await.expect("a session");
    let message = &b"a\r\n"[..];
    client.send_to_all(&envelope(&ALL), 3, || Ok(message)).await
}

fn codes(fates: &Fates) -> Vec<Option<u16>> {
    let codes = fates.replies.iter();
    codes.map(|reply| reply.as_ref().map(|r| r.code)).collect()
}

/// A transaction with these recipients, and what is said to each.
fn transaction(recipients: &[(&str, &str)], end: &str) -> String {
    let told = recipients
        .iter()
        .map(|(name, _)| format!("C: RCPT TO:<{name}@mail.example>\n"));
    let said = recipients.iter().map(|(_, said)| format!("S: {said}\n"));
    format!(
        "C: MAIL FROM:<a@client.example>\n{}S: 250 fine\n{}{end}",
        told.collect::<String>(),
        said.collect::<String>(),
    )
}

const KEPT: &str = "C: DATA\nS: 354 go\nC: a\nC: .\nS: 250 kept\n";

fn greeting(limits: &str) -> String {
    format!("S: 220 x\nC: EHLO client.example\nS: 250-x\n{limits}S: 250 PIPELINING\n")
}

#[tokio::test(start_paused = true)]
async fn a_limit_that_is_told_is_kept() {
    let script = greeting("S: 250-LIMITS RCPTMAX=2 MAILMAX=100\n")
        + &transaction(&[("b", "250 fine"), ("c", "550 no")], KEPT)
        + &transaction(&[("d", "250 fine")], KEPT);
    let fates = with(&script, to_all).await;
    assert_eq!(codes(&fates), [Some(250), Some(550), Some(250)]);
    assert!(fates.ended.is_none() && fates.has(0) && !fates.has(1) && fates.has(2));
    assert!(!fates.has(3));
}

#[tokio::test(start_paused = true)]
async fn those_that_are_too_many_come_next() {
    let script = greeting("")
        + &transaction(
            &[
                ("b", "452 4.5.3 too many"),
                ("c", "250 fine"),
                ("d", "452 4.2.2 full"),
            ],
            KEPT,
        )
        + &transaction(&[("b", "250 fine")], KEPT);
    let fates = with(&script, to_all).await;
    assert_eq!(codes(&fates), [Some(250), Some(250), Some(452)]);
    // Nobody is taken: it would go on for ever.
    let none = transaction(
        &[("b", "452 no"), ("c", "452 no"), ("d", "452 no")],
        "C: RSET\nS: 250 fine\n",
    );
    let fates = with(&(greeting("") + &none), to_all).await;
    assert_eq!(codes(&fates), [Some(452); 3]);
}

#[tokio::test(start_paused = true)]
async fn those_who_have_it_are_known_when_the_rest_fails() {
    let script = greeting("S: 250-LIMITS RCPTMAX=1\n")
        + &transaction(&[("b", "250 fine")], KEPT)
        + "C: MAIL FROM:<a@client.example>\nC: RCPT TO:<c@mail.example>\nS: 421 enough\n";
    let fates = with(&script, to_all).await;
    assert_eq!(codes(&fates), [Some(250), None, None]);
    let ended = fates.ended.expect("ended");
    assert!(ended.to_string().contains("421 enough"), "{ended}");
}
