//! What a command's sequence set means in the selected mailbox (RFC 9051 §9 `sequence-set`).

use mox::imap::sequence::{SeqNumber, SequenceSet};
use mox::store::Uid;

use super::selected::Selected;
use super::uids::UidMap;
use super::words::{Answer, Failure};

/// Messages as ranges of message numbers, ascending, apart from each other.
pub(super) type Ranges = Vec<(u32, u32)>;

/// The messages a set names. UIDs that nobody has are passed over (RFC 9051 §6.4.9); message numbers
/// that nobody has are the client's error (§9).
pub(super) fn resolve(
    set: &SequenceSet,
    uid: bool,
    selected: &Selected,
) -> Result<Ranges, Failure> {
    match set {
        SequenceSet::Saved => Ok(from_uid_ranges(&selected.saved, &selected.uids)),
        SequenceSet::Ranges(ranges) if uid => Ok(by_uid(ranges, &selected.uids)),
        SequenceSet::Ranges(ranges) => {
            let len = selected.uids.len();
            let highest = |number| match number {
                SeqNumber::Number(number) => number,
                SeqNumber::Last => len,
            };
            if ranges
                .iter()
                .any(|&(a, b)| highest(a).max(highest(b)) > len || highest(a).min(highest(b)) == 0)
            {
                return Err(Answer::bad("there is no message of that number").into());
            }
            Ok(by_number(ranges, len))
        }
    }
}

/// The same for SEARCH, where a number that nobody has matches nothing.
pub(super) fn search(set: &SequenceSet, uid: bool, selected: &Selected) -> Ranges {
    match set {
        SequenceSet::Saved => from_uid_ranges(&selected.saved, &selected.uids),
        SequenceSet::Ranges(ranges) if uid => by_uid(ranges, &selected.uids),
        SequenceSet::Ranges(ranges) => by_number(ranges, selected.uids.len()),
    }
}

/// Message numbers; those that nobody has are cut off.
fn by_number(ranges: &[(SeqNumber, SeqNumber)], len: u32) -> Ranges {
    let number = |number| match number {
        SeqNumber::Number(number) => number,
        SeqNumber::Last => len,
    };
    let ranges = ranges.iter().map(|&(a, b)| {
        let (a, b) = (number(a), number(b));
        (a.min(b).max(1), a.max(b).min(len))
    });
    normal(ranges.collect())
}

/// UIDs; `*` is the largest there is, and in `n:*` it is in the set even where n is larger.
fn by_uid(ranges: &[(SeqNumber, SeqNumber)], uids: &UidMap) -> Ranges {
    let number = |number| match number {
        SeqNumber::Number(number) => number,
        SeqNumber::Last => uids.last(),
    };
    let ranges = ranges.iter().map(|&(a, b)| {
        let (a, b) = (number(a), number(b));
        (a.min(b), a.max(b))
    });
    from_uid_ranges(&ranges.collect::<Vec<_>>(), uids)
}

/// Ranges of UIDs, in whatever order.
pub(super) fn from_uid_ranges(ranges: &[(Uid, Uid)], uids: &UidMap) -> Ranges {
    let ranges = ranges.iter().map(|&(first, last)| {
        let before = uids.below(first);
        (before + 1, before + uids.count(first, last))
    });
    normal(ranges.collect())
}

/// In order, joined, without empty ones.
fn normal(mut ranges: Ranges) -> Ranges {
    ranges.retain(|&(first, last)| first <= last);
    ranges.sort_unstable();
    ranges.dedup_by(|next, range| {
        let joins = next.0 <= range.1.saturating_add(1);
        if joins {
            range.1 = range.1.max(next.1);
        }
        joins
    });
    ranges
}

/// What is in both.
pub(super) fn intersection(a: &[(u32, u32)], b: &[(u32, u32)]) -> Ranges {
    let (mut i, mut j) = (0, 0);
    let mut both = Vec::new();
    while let (Some(&(a1, a2)), Some(&(b1, b2))) = (a.get(i), b.get(j)) {
        let (first, last) = (a1.max(b1), a2.min(b2));
        if first <= last {
            both.push((first, last));
        }
        if a2 < b2 {
            i += 1;
        } else {
            j += 1;
        }
    }
    both
}

/// Whether a number is in one of the ranges.
pub(super) fn contains(ranges: &[(u32, u32)], number: u32) -> bool {
    let at = ranges.partition_point(|&(first, _)| first <= number);
    at > 0 && ranges[at - 1].1 >= number
}

/// The UIDs of ranges of message numbers, ascending.
pub(super) fn uids<'a>(
    ranges: &'a [(u32, u32)],
    map: &'a UidMap,
) -> impl Iterator<Item = Uid> + 'a {
    ranges
        .iter()
        .flat_map(|&(first, last)| map.uid_runs(first, last))
        .flat_map(|(first, last)| first..=last)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn number(text: Option<u32>) -> SeqNumber {
        text.map_or(SeqNumber::Last, SeqNumber::Number)
    }

    proptest! {
        #[test]
        fn sets_mean_what_they_say(
            have in proptest::collection::btree_set(1u32..30, 0..20),
            set in proptest::collection::vec(
                (proptest::option::of(1u32..35), proptest::option::of(1u32..35)), 1..5),
        ) {
            let map = UidMap::new(have.iter().copied());
            let ranges: Vec<_> = set.iter().map(|&(a, b)| (number(a), number(b))).collect();
            let last = have.last().copied().unwrap_or(0);
            let meant: Vec<u32> = have.iter().copied().filter(|uid| set.iter().any(|&(a, b)| {
                let (a, b) = (a.unwrap_or(last), b.unwrap_or(last));
                (a.min(b)..=a.max(b)).contains(uid)
            })).collect();
            let got = by_uid(&ranges, &map);
            prop_assert!(got.windows(2).all(|w| w[0].1 + 1 < w[1].0));
            prop_assert_eq!(uids(&got, &map).collect::<Vec<_>>(), meant.clone());
            for (at, uid) in have.iter().enumerate() {
                prop_assert_eq!(contains(&got, at as u32 + 1), meant.contains(uid));
            }
            let len = have.len() as u32;
            let meant: Vec<u32> = (1..=len).filter(|n| set.iter().any(|&(a, b)| {
                let (a, b) = (a.unwrap_or(len), b.unwrap_or(len));
                (a.min(b)..=a.max(b)).contains(n)
            })).collect();
            let numbers = by_number(&ranges, len);
            let got: Vec<u32> = numbers.iter().flat_map(|&(a, b)| a..=b).collect();
            prop_assert_eq!(got, meant);
        }

        #[test]
        fn intersections(
            a in proptest::collection::vec((1u32..40, 1u32..40), 0..6),
            b in proptest::collection::vec((1u32..40, 1u32..40), 0..6),
        ) {
            let (a, b) = (normal(a), normal(b));
            let both = intersection(&a, &b);
            for n in 0..42 {
                prop_assert_eq!(contains(&both, n), contains(&a, n) && contains(&b, n));
            }
        }
    }
}
