//! What failed logins cost a connection, whatever it speaks: answers that come later and later, and
//! hold no thread while they wait; after many, the end.

use std::net::IpAddr;
use std::time::Duration;

use mox::config::model::Limits;

/// Failed logins beyond those without delay after which a session ends.
const BEYOND: usize = 10;

/// Failed logins of a connection.
#[derive(Debug, Default)]
pub(crate) struct Penalty {
    failures: usize,
}

/// What the next answer costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cost {
    /// It waits so long.
    Wait(Duration),
    /// It is the last.
    End,
}

impl Penalty {
    /// A login failed.
    pub(crate) fn failed(&mut self, limits: &Limits, remote: IpAddr) -> Cost {
        self.failures = self.failures.saturating_add(1);
        let most = limits.login_failures.saturating_add(BEYOND);
        if self.failures > most && limits.hold_for(remote) {
            return Cost::End;
        }
        Cost::Wait(limits.failure_delay(self.failures, remote))
    }

    /// A login succeeded.
    pub(crate) fn forgive(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_failure_costs_more_until_it_is_enough() {
        let limits = Limits::default();
        let remote = IpAddr::from([192, 0, 2, 1]);
        let mut penalty = Penalty::default();
        let seconds = |seconds| Cost::Wait(Duration::from_secs(seconds));
        for expected in [0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10] {
            assert_eq!(penalty.failed(&limits, remote), seconds(expected));
        }
        assert_eq!(penalty.failed(&limits, remote), Cost::End);
        penalty.forgive();
        assert_eq!(penalty.failed(&limits, remote), seconds(0));
        let loopback = IpAddr::from([127, 0, 0, 1]);
        let limits = Limits {
            limit_loopback: false,
            ..limits
        };
        for _ in 0..100 {
            assert_eq!(penalty.failed(&limits, loopback), seconds(0));
        }
    }
}
