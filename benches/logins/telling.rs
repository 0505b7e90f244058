//! Whether the time that a refusal takes tells who has an account: a wrong password beside users who
//! are not there and users without a password, taken in turns.

use std::time::{Duration, Instant};

use crate::meter::{line, median};
use crate::scram::Scram;
use crate::server::fresh;
use crate::support::instance::Service;
use crate::support::process;
use crate::support::reader::USER;
use crate::visit::plain;

/// Names as long as that of USER.
const NOBODY: &str = "xom@localhast";
const WITHOUT: &str = "wop@localhost";

/// How much longer the second takes, in standard errors of the difference (Welch's t).
fn difference(a: &[Duration], b: &[Duration]) -> (f64, f64) {
    let of = |times: &[Duration]| {
        // Without the tenth that took longest: what else the machine did.
        let mut times: Vec<f64> = times.iter().map(|t| t.as_secs_f64() * 1e6).collect();
        times.sort_by(f64::total_cmp);
        times.truncate(times.len() * 9 / 10);
        let count = times.len() as f64;
        let mean = times.iter().sum::<f64>() / count;
        let square = times.iter().map(|t| (t - mean).powi(2)).sum::<f64>();
        (mean, square / (count - 1.0) / count)
    };
    let ((a, a_error), (b, b_error)) = (of(a), of(b));
    (b - a, (b - a) / (a_error + b_error).sqrt())
}

/// Times what each of the three gets, in turns; prints how the other two differ from the first.
fn compare(what: &str, turns: usize, mut refused: impl FnMut(usize) -> Duration) {
    let mut times = [Vec::new(), Vec::new(), Vec::new()];
    for turn in 0..turns * 3 {
        // 0 1 2 2 1 0: none of them always comes after the same other.
        let who = if turn / 3 % 2 == 0 {
            turn % 3
        } else {
            2 - turn % 3
        };
        times[who].push(refused(who));
    }
    let [wrong, nobody, without] = &times;
    let shown = |other: &[Duration]| {
        let (longer, t) = difference(wrong, other);
        format!("{longer:+.1} µs (t {t:+.1})")
    };
    let figure = format!(
        "wrong {:.0} µs · nobody {} · none set {}",
        median(wrong).as_secs_f64() * 1e6,
        shown(nobody),
        shown(without),
    );
    line(
        what,
        &figure,
        &format!("{turns} of each"),
        "< 1 µs, or |t| < 4",
    );
}

pub(crate) fn telling() {
    let instance = fresh();
    let mut add = instance.mox(["config", "account", "add", "wop", WITHOUT]);
    process::run(&mut add, b"").unwrap().ok();
    // The catch-all would make everybody somebody.
    let mut remove = instance.mox(["config", "address", "rm", "@localhost"]);
    process::run(&mut remove, b"").unwrap().ok();
    let users = [USER, NOBODY, WITHOUT];
    let mut client = instance.connect(Service::Imap);
    client.hear();

    compare("refusal of PLAIN", 100, |who| {
        let start = Instant::now();
        let answer = plain(&mut client, users[who], "wrong password");
        assert!(answer.starts_with("a NO"), "{answer}");
        start.elapsed()
    });

    let scrams = users.map(|user| Scram::new(user, "wrong password"));
    compare("challenge of SCRAM-SHA-256", 3_000, |who| {
        let start = Instant::now();
        let (challenge, last) = scrams[who].ask(&mut client, false);
        let taken = start.elapsed();
        scrams[who].prove(&mut client, &challenge, last);
        taken
    });
    compare("refusal of SCRAM-SHA-256", 3_000, |who| {
        let (challenge, last) = scrams[who].ask(&mut client, false);
        let start = Instant::now();
        let answer = scrams[who].prove(&mut client, &challenge, last);
        assert!(answer.starts_with("a NO"), "{answer}");
        start.elapsed()
    });
}
