//! Failed logins by network: who guesses too often is refused for a while, and who has logged in from
//! a network is not made to wait behind those that guess.
//!
//! Windows are aligned to the clock's minutes and days. What is kept is bounded: networks with few
//! failures are forgotten first, so a flood from everywhere cannot push out those that guess in earnest.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::config::model::Auth;

/// Networks that are kept at most, some 6 MB.
const CAPACITY: usize = 100_000;

/// A login that succeeded vouches for its address for a week.
const VOUCHES: u64 = 7 * MINUTES_A_DAY;

/// More failures than these in a day, and a success vouches no more.
const STRAYS: u32 = 5;

const MINUTES_A_DAY: u64 = 24 * 60;

/// How many bits of an address name it, its network, and the wider one.
const IPV4: [u32; 3] = [32, 26, 21];
const IPV6: [u32; 3] = [64, 48, 32];

/// Whose hash is computed first when there is more to do than processors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// Somebody logged in from this address lately.
    Vouched,
    /// Nothing is known.
    Unknown,
    /// Logins failed lately, and none succeeded.
    Suspect,
}

/// Counts failed logins, of all protocols.
pub(super) struct Limiter {
    networks: Mutex<HashMap<Network, Counts>>,
    capacity: usize,
}

/// Which of the three, and its bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Network {
    class: u8,
    is_v4: bool,
    bits: u128,
}

#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    /// Minutes since 1970 in which `in_minute` were counted; so is the day.
    minute: u64,
    in_minute: u32,
    in_day: u32,
    /// When the last login succeeded, in minutes since 1970; 0: never.
    succeeded: u64,
}

impl Counts {
    /// As they are in this minute.
    fn at(self, minute: u64) -> Counts {
        Counts {
            minute,
            in_minute: if self.minute == minute {
                self.in_minute
            } else {
                0
            },
            in_day: if day(self.minute) == day(minute) {
                self.in_day
            } else {
                0
            },
            succeeded: self.succeeded,
        }
    }

    fn vouched(&self, minute: u64) -> bool {
        self.succeeded != 0 && minute.saturating_sub(self.succeeded) < VOUCHES
    }
}

fn day(minute: u64) -> u64 {
    minute / MINUTES_A_DAY
}

impl Limiter {
    pub(super) fn new() -> Limiter {
        Limiter::with_capacity(CAPACITY)
    }

    fn with_capacity(capacity: usize) -> Limiter {
        Limiter {
            networks: Mutex::default(),
            capacity,
        }
    }

    /// Whether one more failure would be too many.
    pub(super) fn is_full(&self, remote: IpAddr, auth: &Auth, minute: u64) -> bool {
        let networks = self.lock();
        (0..3).any(|class| {
            let Some(counts) = networks.get(&Network::of(remote, class)) else {
                return false;
            };
            let counts = counts.at(minute);
            let over = |count, limit| limit != 0 && count >= limit;
            let class = usize::from(class);
            over(counts.in_minute, auth.failures_per_minute[class])
                || over(counts.in_day, auth.failures_per_day[class])
        })
    }

    /// A login failed.
    pub(super) fn failed(&self, remote: IpAddr, minute: u64) {
        let mut networks = self.lock();
        if networks.len() + 3 > self.capacity {
            forget_some(&mut networks, self.capacity, minute);
        }
        for class in 0..3 {
            let counts = networks.entry(Network::of(remote, class)).or_default();
            *counts = counts.at(minute);
            counts.in_minute = counts.in_minute.saturating_add(1);
            counts.in_day = counts.in_day.saturating_add(1);
        }
    }

    /// A login succeeded: the failures of its address in this minute are forgiven it, those of the day
    /// are not: with one good password, one could guess others for ever.
    pub(super) fn succeeded(&self, remote: IpAddr, minute: u64) {
        let mut networks = self.lock();
        if networks.len() >= self.capacity {
            forget_some(&mut networks, self.capacity, minute);
        }
        let own = networks.entry(Network::of(remote, 0)).or_default();
        *own = own.at(minute);
        own.succeeded = minute;
        let forgiven = std::mem::take(&mut own.in_minute);
        if forgiven == 0 {
            return;
        }
        for class in 1..3 {
            if let Some(counts) = networks.get_mut(&Network::of(remote, class)) {
                *counts = counts.at(minute);
                counts.in_minute = counts.in_minute.saturating_sub(forgiven);
            }
        }
    }

    /// What is known of an address.
    pub(super) fn standing(&self, remote: IpAddr, minute: u64) -> Standing {
        let networks = self.lock();
        let of = |class| {
            let counts = networks.get(&Network::of(remote, class)).copied();
            counts.unwrap_or_default().at(minute)
        };
        let own = of(0);
        if own.vouched(minute) && own.in_day <= STRAYS {
            return Standing::Vouched;
        }
        match own.in_day > 0 || of(1).in_day > 0 || of(2).in_day > STRAYS {
            true => Standing::Suspect,
            false => Standing::Unknown,
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Network, Counts>> {
        self.networks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes room, a quarter at least, so that it is seldom done: first what is over, then those with the
/// fewest failures, and those somebody logged in from last.
fn forget_some(networks: &mut HashMap<Network, Counts>, capacity: usize, minute: u64) {
    let keep = capacity / 4 * 3;
    networks.retain(|_, counts| counts.at(minute).in_day > 0 || counts.vouched(minute));
    if networks.len() <= keep {
        return;
    }
    let weight = |counts: &Counts| {
        let counts = counts.at(minute);
        (counts.vouched(minute), counts.in_day)
    };
    let mut weights: Vec<_> = networks.values().map(weight).collect();
    weights.sort_unstable();
    let least = weights[networks.len() - keep - 1];
    networks.retain(|_, counts| weight(counts) > least);
}

impl Network {
    fn of(remote: IpAddr, class: u8) -> Network {
        let (is_v4, bits, width, prefix) = match remote.to_canonical() {
            IpAddr::V4(v4) => (true, u128::from(v4.to_bits()), 32, IPV4),
            IpAddr::V6(v6) => (false, v6.to_bits(), 128, IPV6),
        };
        Network {
            class,
            is_v4,
            bits: bits >> (width - prefix[usize::from(class)]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_000 * MINUTES_A_DAY;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    fn auth(minute: [u32; 3], day: [u32; 3]) -> Auth {
        Auth {
            failures_per_minute: minute,
            failures_per_day: day,
            ..Auth::default()
        }
    }

    fn fail(limiter: &Limiter, from: &str, times: u32, minute: u64) {
        for _ in 0..times {
            limiter.failed(ip(from), minute);
        }
    }

    #[test]
    fn networks_are_counted_in_three_sizes() {
        let limits = auth([3, 5, 8], [0; 3]);
        let limiter = Limiter::new();
        let full = |from| limiter.is_full(ip(from), &limits, NOW);
        fail(&limiter, "192.0.2.1", 2, NOW);
        assert!(!full("192.0.2.1"));
        fail(&limiter, "::ffff:192.0.2.1", 1, NOW);
        assert!(full("192.0.2.1"), "also as IPv6");
        assert!(!full("192.0.2.2"), "the neighbour");
        fail(&limiter, "192.0.2.2", 2, NOW);
        assert!(full("192.0.2.63"), "the /26");
        assert!(!full("192.0.2.64"), "the next /26");
        fail(&limiter, "192.0.3.1", 3, NOW);
        assert!(full("192.0.7.255"), "the /21");
        assert!(!full("192.0.8.1"), "the next /21");

        fail(&limiter, "2001:db8::1", 3, NOW);
        assert!(full("2001:db8::ffff:0:1"), "the /64");
        assert!(!full("2001:db8:0:1::1"), "the next /64");
        fail(&limiter, "2001:db8:0:1::1", 2, NOW);
        assert!(full("2001:db8:0:ffff::1"), "the /48");
        assert!(!full("2001:db8:1::1"), "the next /48");
        fail(&limiter, "2001:db8:1::1", 3, NOW);
        assert!(full("2001:db8:ffff::1"), "the /32");
        assert!(!full("2001:db9::1"), "the next /32");
    }

    #[test]
    fn a_minute_and_a_day_end() {
        let limits = auth([2, 0, 0], [4, 0, 0]);
        let limiter = Limiter::new();
        let full = |minute| limiter.is_full(ip("192.0.2.1"), &limits, minute);
        fail(&limiter, "192.0.2.1", 2, NOW);
        assert!(full(NOW) && !full(NOW + 1));
        fail(&limiter, "192.0.2.1", 2, NOW + 1);
        assert!(full(NOW + 2) && full(NOW + MINUTES_A_DAY - 1));
        assert!(!full(NOW + MINUTES_A_DAY));
        let off = auth([0; 3], [0; 3]);
        assert!(!limiter.is_full(ip("192.0.2.1"), &off, NOW + 1));
    }

    #[test]
    fn a_success_forgives_the_minute_only() {
        let limiter = Limiter::new();
        fail(&limiter, "192.0.2.1", 2, NOW);
        fail(&limiter, "192.0.2.2", 1, NOW);
        limiter.succeeded(ip("192.0.2.1"), NOW);
        let full = |minute, day| limiter.is_full(ip("192.0.2.1"), &auth(minute, day), NOW);
        assert!(!full([1, 2, 2], [0; 3]), "only the neighbour's is left");
        assert!(full([1, 1, 0], [0; 3]));
        assert!(full([0; 3], [2, 0, 0]), "the day remembers");
        assert!(full([0; 3], [0, 3, 0]));
    }

    #[test]
    fn who_has_logged_in_goes_first() {
        let limiter = Limiter::new();
        let standing = |from| limiter.standing(ip(from), NOW);
        assert_eq!(standing("192.0.2.1"), Standing::Unknown);
        limiter.succeeded(ip("192.0.2.1"), NOW);
        assert_eq!(standing("192.0.2.1"), Standing::Vouched);
        assert_eq!(standing("192.0.2.2"), Standing::Unknown);
        fail(&limiter, "192.0.2.2", 1, NOW);
        assert_eq!(standing("192.0.2.2"), Standing::Suspect);
        assert_eq!(standing("192.0.2.3"), Standing::Suspect, "its neighbour");
        assert_eq!(
            standing("192.0.2.1"),
            Standing::Vouched,
            "whatever others do"
        );
        fail(&limiter, "192.0.2.1", STRAYS, NOW);
        assert_eq!(standing("192.0.2.1"), Standing::Vouched, "who mistypes");
        fail(&limiter, "192.0.2.1", 1, NOW);
        assert_eq!(standing("192.0.2.1"), Standing::Suspect);
        let later = limiter.standing(ip("192.0.2.1"), NOW + VOUCHES);
        assert_eq!(later, Standing::Unknown);
    }

    #[test]
    fn what_is_kept_is_bounded_and_the_worst_stay() {
        let limiter = Limiter::with_capacity(400);
        let limits = auth([0; 3], [50, 0, 0]);
        fail(&limiter, "192.0.2.1", 50, NOW);
        limiter.succeeded(ip("198.51.100.1"), NOW);
        for n in 0..10_000_u32 {
            limiter.failed(IpAddr::from((0x0a00_0000 + n * 4096).to_be_bytes()), NOW);
            limiter.succeeded(ip("203.0.113.9"), NOW);
            assert!(limiter.lock().len() <= 400);
        }
        assert!(limiter.is_full(ip("192.0.2.1"), &limits, NOW));
        assert_eq!(limiter.standing(ip("198.51.100.1"), NOW), Standing::Vouched);
    }
}
