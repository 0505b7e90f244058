//! Wrong passwords from ever new addresses, and what becomes of the logins of others meanwhile.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use crate::meter::{Load, grouped, line, percentiles};
use crate::rates::{add_key, firsts, visit};
use crate::scram::Scram;
use crate::server::{PASSWORD, add_accounts, fresh_with};
use crate::support::client::Client;
use crate::support::instance::{Instance, Service};
use crate::support::reader::USER;
use crate::visit::{greeted, leave, never_resuming, plain};

/// Threads that guess, and how many guesses each of them has waiting for an answer.
const THREADS: usize = 2;
const WAITING: usize = 200;

/// Accounts that log in for the first time in one measurement.
const FRESH: usize = 60;

/// Guesses until the end of a scope.
struct Flood {
    over: AtomicBool,
    guesses: AtomicU32,
    answers: AtomicU32,
}

impl Flood {
    fn new() -> Flood {
        Flood {
            over: AtomicBool::new(false),
            guesses: AtomicU32::new(0),
            answers: AtomicU32::new(0),
        }
    }

    /// Guesses on many connections, without TLS, so that the guessing itself costs this machine
    /// little; each guess is of an address that was not seen before.
    fn guess(&self, instance: &Instance) {
        let mut waiting: Vec<Option<Client>> = (0..WAITING).map(|_| None).collect();
        while !self.over.load(Ordering::Relaxed) {
            for place in &mut waiting {
                if let Some(mut client) = place.take()
                    && client
                        .line()
                        .is_ok_and(|greeting| greeting.starts_with(b"* OK"))
                    && client
                        .line()
                        .is_ok_and(|answer| answer.starts_with(b"a NO"))
                {
                    self.answers.fetch_add(1, Ordering::Relaxed);
                }
                if self.over.load(Ordering::Relaxed) {
                    return;
                }
                let number = self.guesses.fetch_add(1, Ordering::Relaxed);
                let imap = instance.address(Service::Imap);
                if let Ok(mut client) = Client::connect_from(address(number), imap) {
                    client.set_patience(Duration::from_secs(10));
                    let guess = format!("a LOGIN {USER} guess{number}\r\n");
                    *place = client.send(guess.as_bytes()).is_ok().then_some(client);
                }
            }
        }
    }
}

/// One of four million, neighbours far apart: 127.64.0.0/10.
fn address(number: u32) -> IpAddr {
    let bits = number.wrapping_mul(2_654_435_761) >> 10;
    Ipv4Addr::from_bits(0x7f40_0000 + bits).into()
}

/// Where those come from who mean well.
fn home(number: usize) -> IpAddr {
    Ipv4Addr::new(127, 200, 0, 1 + u8::try_from(number).expect("few")).into()
}

/// Measures without the flood and with it, and says how much of the rate is left.
fn compare(instance: &Instance, what: &str, aim: &str, mut measure: impl FnMut() -> Load) {
    let quiet = measure();
    let flood = Flood::new();
    let loud = std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| flood.guess(instance));
        }
        // Until all that can wait does.
        while flood.answers.load(Ordering::Relaxed) < 10 {
            std::thread::sleep(Duration::from_millis(10));
        }
        let loud = measure();
        flood.over.store(true, Ordering::Relaxed);
        loud
    });
    let figure = format!(
        "{} → {} logins/s ({:.0} %) · {} → {}",
        grouped(quiet.rate()),
        grouped(loud.rate()),
        loud.rate() / quiet.rate() * 100.0,
        percentiles(&quiet.times),
        percentiles(&loud.times),
    );
    let beside = format!("{} guesses always wait", THREADS * WAITING);
    line(&format!("flood: {what}"), &figure, &beside, aim);
}

/// A server on which limits hold for loopback too. Each comparison has its own: guesses wait for
/// their answers beyond the end of a flood.
fn limiting() -> Instance {
    fresh_with(|config| config.replace("limit_loopback = false", "limit_loopback = true"))
}

const AIM: &str = "> 50 %";

pub(crate) fn flood() {
    let instance = limiting();
    let key = never_resuming(Some(&add_key(&instance, "ecdsap256")));
    compare(&instance, "client certificate", AIM, || {
        visit(&instance, |n| {
            leave(greeted(&instance, home(n), &key, "* PREAUTH"));
        })
    });

    let scram = Scram::new(USER, PASSWORD);
    passwords("SCRAM-SHA-256", |client| scram.log_in(client, false));
    passwords("PLAIN, remembered", |client| plain(client, USER, PASSWORD));

    first("from a known address", AIM, home);
    // At first nothing tells these from those who guess.
    let strangers = AtomicU32::new(0);
    first("from an unknown address", "–", |_| {
        let number = strangers.fetch_add(1, Ordering::Relaxed);
        Ipv4Addr::from_bits(0x7fe0_0000 + (number << 11)).into()
    });
}

/// Logins with the one password of USER, from addresses that are known.
fn passwords(what: &str, log_in: impl Fn(&mut Client) -> String + Sync) {
    let instance = limiting();
    let tls = never_resuming(None);
    compare(&instance, what, AIM, || {
        visit(&instance, |n| {
            let mut client = greeted(&instance, home(n), &tls, "* OK");
            let answer = log_in(&mut client);
            assert!(answer.starts_with("a OK"), "{answer}");
            leave(client);
        })
    });
}

/// Logins to accounts that nobody has logged in to, so that each costs a hash.
fn first(whence: &str, aim: &str, from: impl Fn(usize) -> IpAddr + Sync) {
    let instance = limiting();
    let accounts = add_accounts(&instance, 2 * FRESH);
    let mut turns = accounts.chunks(FRESH);
    let what = format!("PLAIN, first time, {whence}");
    compare(&instance, &what, aim, || {
        let accounts = turns.next().expect("accounts");
        firsts(&instance, accounts, |n, tls| {
            greeted(&instance, from(n), tls, "* OK")
        })
    });
}
