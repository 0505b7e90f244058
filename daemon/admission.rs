//! How many connections may be open: from one address, and at all.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// Counts open connections. Memory grows with the addresses that are connected now, not with those
/// that ever were.
#[derive(Debug)]
pub(crate) struct Admission {
    /// Connections at all: what the file descriptors allow.
    total: usize,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    total: usize,
    by_network: HashMap<u128, usize>,
}

/// Why a connection is not served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Full {
    /// Too many from its address.
    Address,
    /// Too many at all.
    Total,
}

/// One connection that counts; dropping it ends that.
#[derive(Debug)]
pub(crate) struct Admitted {
    admission: Arc<Admission>,
    network: u128,
}

impl Admission {
    /// At most `total` at a time.
    pub(crate) fn new(total: usize) -> Arc<Admission> {
        Arc::new(Admission {
            total,
            open: Mutex::default(),
        })
    }

    /// Counts a connection, if there is room; `per_address` 0: no limit for its address.
    pub(crate) fn admit(
        self: &Arc<Self>,
        remote: IpAddr,
        per_address: usize,
    ) -> Result<Admitted, Full> {
        let network = network(remote);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.total >= self.total {
            return Err(Full::Total);
        }
        let count = open.by_network.get(&network).copied().unwrap_or(0);
        if per_address > 0 && count >= per_address {
            return Err(Full::Address);
        }
        open.by_network.insert(network, count + 1);
        open.total += 1;
        Ok(Admitted {
            admission: self.clone(),
            network,
        })
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        let mut open = self
            .admission
            .open
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        open.total = open.total.saturating_sub(1);
        if let Some(count) = open.by_network.get_mut(&self.network) {
            *count -= 1;
            if *count == 0 {
                open.by_network.remove(&self.network);
            }
        }
    }
}

/// Whoever has an IPv6 /64 has all its addresses, so it counts as one.
fn network(address: IpAddr) -> u128 {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
        IpAddr::V6(v6) => v6.to_bits() & !u128::from(u64::MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn an_address_has_its_limit_and_gets_its_place_back() {
        let admission = Admission::new(10);
        let first = admission.admit(ip("192.0.2.1"), 2).unwrap();
        let _second = admission.admit(ip("::ffff:192.0.2.1"), 2).unwrap();
        assert_eq!(
            admission.admit(ip("192.0.2.1"), 2).unwrap_err(),
            Full::Address
        );
        let _other = admission.admit(ip("192.0.2.2"), 2).unwrap();
        drop(first);
        let _third = admission.admit(ip("192.0.2.1"), 2).unwrap();
    }

    #[test]
    fn an_ipv6_network_counts_as_one_address() {
        let admission = Admission::new(10);
        let _first = admission.admit(ip("2001:db8::1"), 1).unwrap();
        assert_eq!(
            admission.admit(ip("2001:db8::ffff:2"), 1).unwrap_err(),
            Full::Address
        );
        let _other = admission.admit(ip("2001:db8:0:1::1"), 1).unwrap();
    }

    #[test]
    fn the_total_holds_where_addresses_have_no_limit_and_nothing_is_left_behind() {
        let admission = Admission::new(3);
        let all: Vec<Admitted> = (0..3)
            .map(|_| admission.admit(ip("127.0.0.1"), 0).unwrap())
            .collect();
        assert_eq!(
            admission.admit(ip("127.0.0.1"), 0).unwrap_err(),
            Full::Total
        );
        drop(all);
        let open = admission.open.lock().unwrap();
        assert_eq!((open.total, open.by_network.len()), (0, 0));
    }
}
