//! Passwords that were verified before, so that the next login need not pay for a hash: an HMAC under
//! a key that never leaves the process, one an account.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::addr::AccountName;

/// Accounts remembered at most; the one verified longest ago goes first.
const CAPACITY: usize = 10_000;

pub(super) struct Remembered {
    /// None when the system had no randomness: then nothing is remembered.
    key: Option<Zeroizing<[u8; 32]>>,
    entries: Mutex<Entries>,
    capacity: usize,
}

#[derive(Default)]
struct Entries {
    by_account: HashMap<AccountName, Entry>,
    /// In the order in which they came; one whose number is no longer its account's is stale.
    order: VecDeque<(u64, AccountName)>,
    next: u64,
}

struct Entry {
    number: u64,
    serial: u64,
    mac: [u8; 32],
}

impl Remembered {
    pub(super) fn new() -> Remembered {
        Remembered::with_capacity(CAPACITY)
    }

    fn with_capacity(capacity: usize) -> Remembered {
        let mut key = Zeroizing::new([0; 32]);
        let key = getrandom::fill(key.as_mut_slice()).is_ok().then_some(key);
        Remembered {
            key,
            entries: Mutex::default(),
            capacity,
        }
    }

    /// Whether this prepared password was verified for this credential of the account.
    pub(super) fn knows(&self, account: &AccountName, serial: u64, password: &str) -> bool {
        let Some(mac) = self.mac(account, serial, password) else {
            return false;
        };
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        match entries.by_account.get(account) {
            Some(entry) if entry.serial == serial => entry.mac.ct_eq(&mac).into(),
            Some(entry) if entry.serial < serial => {
                entries.by_account.remove(account);
                false
            }
            _ => false,
        }
    }

    /// It was verified.
    pub(super) fn remember(&self, account: &AccountName, serial: u64, password: &str) {
        let Some(mac) = self.mac(account, serial, password) else {
            return;
        };
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.insert(account, serial, mac, self.capacity);
    }

    fn mac(&self, account: &AccountName, serial: u64, password: &str) -> Option<[u8; 32]> {
        let key = self.key.as_ref()?;
        let mut mac = Hmac::<Sha256>::new_from_slice(key.as_slice()).ok()?;
        // A NUL is in no account name, so that nothing can pass for something else.
        mac.update(account.as_str().as_bytes());
        mac.update(&[0]);
        mac.update(&serial.to_be_bytes());
        mac.update(password.as_bytes());
        Some(mac.finalize().into_bytes().into())
    }
}

impl Entries {
    fn insert(&mut self, account: &AccountName, serial: u64, mac: [u8; 32], capacity: usize) {
        // A login on an older snapshot must not push out what a newer one put there.
        if self.by_account.get(account).is_some_and(|entry| {
            entry.serial > serial || (entry.serial == serial && entry.mac == mac)
        }) {
            return;
        }
        let number = self.next;
        self.next += 1;
        self.by_account.insert(
            account.clone(),
            Entry {
                number,
                serial,
                mac,
            },
        );
        self.order.push_back((number, account.clone()));
        while self.order.len() > capacity {
            let Some((number, account)) = self.order.pop_front() else {
                break;
            };
            if self
                .by_account
                .get(&account)
                .is_some_and(|entry| entry.number == number)
            {
                self.by_account.remove(&account);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> AccountName {
        AccountName::parse(text).expect("an account name")
    }

    #[test]
    fn what_was_verified_is_known_until_the_password_changes() {
        let remembered = Remembered::new();
        let alice = name("alice");
        assert!(!remembered.knows(&alice, 1, "secret"));
        remembered.remember(&alice, 1, "secret");
        assert!(remembered.knows(&alice, 1, "secret"));
        assert!(!remembered.knows(&alice, 1, "secreT"));
        assert!(!remembered.knows(&name("bob"), 1, "secret"));
        assert!(!remembered.knows(&alice, 2, "secret"), "another serial");
        assert!(!remembered.knows(&alice, 1, "secret"), "dropped by then");
    }

    #[test]
    fn an_older_snapshot_does_not_push_out_the_newer_password() {
        let remembered = Remembered::new();
        let alice = name("alice");
        remembered.remember(&alice, 2, "new");
        remembered.remember(&alice, 1, "old");
        assert!(!remembered.knows(&alice, 1, "old"));
        assert!(remembered.knows(&alice, 2, "new"));
    }

    #[test]
    fn the_oldest_are_forgotten() {
        let remembered = Remembered::with_capacity(3);
        for serial in 1..=3 {
            remembered.remember(&name("again"), serial, "secret");
        }
        for n in 0..10 {
            remembered.remember(&name(&format!("a{n}")), 1, "secret");
        }
        let known: Vec<_> = (0..10)
            .filter(|n| remembered.knows(&name(&format!("a{n}")), 1, "secret"))
            .collect();
        assert_eq!(known, [7, 8, 9]);
        let entries = remembered.entries.lock().expect("not poisoned");
        assert!(entries.order.len() <= 3 && entries.by_account.len() <= 3);
    }
}
