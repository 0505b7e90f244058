//! The messages of a selected mailbox as one session knows them: UIDs in order, numbered from 1
//! (RFC 9051 §2.3.1.2).
//!
//! UIDs are kept as runs of consecutive ones: a mailbox with few holes takes a few bytes, whatever
//! its size, so that a thousand idle sessions do not hold a thousand copies of a list.

use mox::store::Uid;

/// UIDs, ascending, with their sequence numbers. The largest 32-bit number is no UID: the next one
/// must be a number too.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct UidMap {
    runs: Vec<Run>,
    len: u32,
}

/// `count` consecutive UIDs, the first of which is message number `seq`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Run {
    uid: Uid,
    count: u32,
    seq: u32,
}

impl UidMap {
    /// From UIDs in ascending order.
    pub(super) fn new(uids: impl IntoIterator<Item = Uid>) -> UidMap {
        let mut map = UidMap::default();
        for uid in uids {
            map.push(uid);
        }
        map.runs.shrink_to_fit();
        map
    }

    /// How many messages.
    pub(super) fn len(&self) -> u32 {
        self.len
    }

    /// All message numbers, as ranges.
    pub(super) fn all(&self) -> Vec<(u32, u32)> {
        match self.len {
            0 => Vec::new(),
            len => vec![(1, len)],
        }
    }

    /// The largest UID; 0 when there is none.
    pub(super) fn last(&self) -> Uid {
        self.runs.last().map_or(0, |run| run.uid + (run.count - 1))
    }

    /// Adds a message at the end; one that is not larger than all others is passed over.
    pub(super) fn push(&mut self, uid: Uid) {
        if uid <= self.last() {
            return;
        }
        self.len += 1;
        match self.runs.last_mut() {
            Some(run) if run.uid + run.count == uid => run.count += 1,
            _ => self.runs.push(Run {
                uid,
                count: 1,
                seq: self.len,
            }),
        }
    }

    /// The number of a message.
    pub(super) fn seq_of(&self, uid: Uid) -> Option<u32> {
        let at = self.runs.partition_point(|run| run.uid <= uid);
        let run = self.runs.get(at.checked_sub(1)?)?;
        (uid - run.uid < run.count).then(|| run.seq + (uid - run.uid))
    }

    /// The UID of a message number.
    pub(super) fn uid_of(&self, seq: u32) -> Option<Uid> {
        let at = self.runs.partition_point(|run| run.seq <= seq);
        let run = self.runs.get(at.checked_sub(1)?)?;
        (seq - run.seq < run.count).then(|| run.uid + (seq - run.seq))
    }

    /// How many messages have UIDs below this one.
    pub(super) fn below(&self, uid: Uid) -> u32 {
        let at = self.runs.partition_point(|run| run.uid < uid);
        match at.checked_sub(1).and_then(|at| self.runs.get(at)) {
            None => 0,
            Some(run) => run.seq - 1 + (uid - run.uid).min(run.count),
        }
    }

    /// How many messages have UIDs from `first` to `last`.
    pub(super) fn count(&self, first: Uid, last: Uid) -> u32 {
        if last < first {
            return 0;
        }
        let up_to = match last.checked_add(1) {
            Some(end) => self.below(end),
            None => self.len,
        };
        up_to - self.below(first)
    }

    /// All UIDs, ascending.
    #[cfg(test)]
    pub(super) fn iter(&self) -> impl Iterator<Item = Uid> + '_ {
        self.runs
            .iter()
            .flat_map(|run| run.uid..=run.uid + (run.count - 1))
    }

    /// The parts of a range of sequence numbers whose UIDs are consecutive, as first and last UID.
    pub(super) fn uid_runs(&self, first: u32, last: u32) -> impl Iterator<Item = (Uid, Uid)> + '_ {
        let at = self
            .runs
            .partition_point(|run| run.seq + run.count <= first);
        self.runs[at..]
            .iter()
            .take_while(move |run| run.seq <= last)
            .map(move |run| {
                let from = run.uid + first.saturating_sub(run.seq);
                let to = run.uid + (last - run.seq).min(run.count - 1);
                (from, to)
            })
    }

    /// Takes out messages (ascending UIDs; unknown ones are passed over). Gives for each the number
    /// that an EXPUNGE response names when they are told one after the other.
    pub(super) fn remove(&mut self, uids: &[Uid]) -> Vec<u32> {
        let mut told = Vec::new();
        let mut runs: Vec<Run> = Vec::with_capacity(self.runs.len());
        let mut gone = uids.iter().copied().peekable();
        let mut len = 0;
        for run in &self.runs {
            let end = run.uid + (run.count - 1);
            let mut from = run.uid;
            while let Some(&uid) = gone.peek() {
                if uid > end {
                    break;
                }
                gone.next();
                if uid < from {
                    continue;
                }
                keep(&mut runs, &mut len, from, uid - from);
                told.push(len + 1);
                from = uid + 1;
            }
            if from <= end {
                keep(&mut runs, &mut len, from, end - from + 1);
            }
        }
        self.runs = runs;
        self.len = len;
        told
    }
}

/// Appends a run, joined to the one before it if it follows it.
fn keep(runs: &mut Vec<Run>, len: &mut u32, uid: Uid, count: u32) {
    if count == 0 {
        return;
    }
    match runs.last_mut() {
        Some(run) if run.uid + run.count == uid => run.count += count,
        _ => runs.push(Run {
            uid,
            count,
            seq: *len + 1,
        }),
    }
    *len += count;
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(map: &UidMap, model: &[Uid]) {
        assert_eq!(map.iter().collect::<Vec<_>>(), model);
        assert_eq!(map.len() as usize, model.len());
        assert_eq!(map.last(), model.last().copied().unwrap_or(0));
        for (at, &uid) in model.iter().enumerate() {
            assert_eq!(map.seq_of(uid), Some(at as u32 + 1));
            assert_eq!(map.uid_of(at as u32 + 1), Some(uid));
        }
        assert_eq!(map.uid_of(0), None);
        assert_eq!(map.uid_of(model.len() as u32 + 1), None);
        for uid in 0..60 {
            let below = model.iter().filter(|&&u| u < uid).count() as u32;
            assert_eq!(map.below(uid), below, "below {uid}");
            if !model.contains(&uid) {
                assert_eq!(map.seq_of(uid), None);
            }
        }
        assert_eq!(map.count(3, u32::MAX), map.len() - map.below(3));
    }

    proptest! {
        #[test]
        fn behaves_like_a_sorted_list(
            uids in proptest::collection::btree_set(1u32..50, 0..40),
            gone in proptest::collection::btree_set(1u32..55, 0..30),
            more in proptest::collection::btree_set(50u32..58, 0..5),
        ) {
            let mut model: Vec<Uid> = uids.into_iter().collect();
            let mut map = UidMap::new(model.iter().copied());
            check(&map, &model);
            // What a client does with the EXPUNGE responses must give the same list.
            let mut client = model.clone();
            let gone: Vec<Uid> = gone.into_iter().collect();
            for seq in map.remove(&gone) {
                client.remove(seq as usize - 1);
            }
            model.retain(|uid| !gone.contains(uid));
            prop_assert_eq!(&client, &model);
            check(&map, &model);
            for uid in more {
                if uid > model.last().copied().unwrap_or(0) {
                    model.push(uid);
                }
                map.push(uid);
            }
            check(&map, &model);
        }

        #[test]
        fn runs_of_a_range_cover_it(
            uids in proptest::collection::btree_set(1u32..50, 1..40),
            a in 1u32..45, b in 1u32..45,
        ) {
            let model: Vec<Uid> = uids.into_iter().collect();
            let map = UidMap::new(model.iter().copied());
            let (first, last) = (a.min(b), a.max(b));
            let want: Vec<Uid> = model.iter().copied()
                .skip(first as usize - 1).take((last - first + 1) as usize).collect();
            let got: Vec<Uid> = map.uid_runs(first, last).flat_map(|(a, b)| a..=b).collect();
            prop_assert_eq!(got, want);
        }
    }

    #[test]
    fn the_largest_uid_does_not_overflow() {
        let mut map = UidMap::new([1, u32::MAX - 1]);
        assert_eq!(map.last(), u32::MAX - 1);
        assert_eq!(map.count(2, u32::MAX), 1);
        assert_eq!(map.remove(&[u32::MAX - 1]), vec![2]);
        assert_eq!(map.last(), 1);
    }
}
