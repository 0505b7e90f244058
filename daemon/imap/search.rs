//! SEARCH (RFC 9051 §6.4.4, RFC 3501 §6.4.4; RFC 4731 ESEARCH, RFC 5182 SEARCHRES, RFC 7162 MODSEQ).

mod header;
mod test;
mod text;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use mox::imap::command::{SearchCommand, SearchOptions};
use mox::imap::encode;
use mox::store::{Account, MailboxId, Message as Row, ModSeq, StoreError, Uid, View};

use self::test::{Cost, Message, Test};
use super::reply;
use super::selected::Selected;
use super::session::{Done, Session};
use super::set::{self, Ranges};
use super::uids::UidMap;
use super::words::{self, Answer, Failure};

/// Messages looked at together.
const TOGETHER: u32 = 512;

/// Messages looked at without leaving the session's thread, if only their flags are.
const FEW: u32 = 200;

impl Session {
    pub(super) async fn search(&mut self, tag: &str, command: SearchCommand) -> Done {
        let (user, selected) = self.selected()?;
        let account = user.account.clone();
        let saves = command.options.as_ref().is_some_and(|options| options.save);
        if let Some(charset) = &command.charset
            && !matches!(charset.as_str(), "UTF-8" | "US-ASCII")
        {
            if saves {
                // RFC 9051 §6.4.4.1: a search that failed leaves nothing.
                selected.saved.clear();
            }
            return Err(Answer::no("BADCHARSET (US-ASCII UTF-8)", "unknown charset").into());
        }
        let test = Test::compile(&command.keys, selected);
        let job = Job {
            account,
            mailbox: selected.mailbox,
            uids: selected.uids.clone(),
            ranges: test.narrow(selected.uids.all()),
            given_up: Arc::default(),
            test,
        };
        let uses_modseq = job.test.uses_modseq();
        let found = self.find(job).await;
        if found.is_err() && saves {
            // As above.
            self.selected()?.1.saved.clear();
        }
        let found = found?;
        if uses_modseq {
            self.enable_condstore()?;
        }
        self.tell_found(tag, &command, found, uses_modseq)?;
        Ok(Answer::ok("done"))
    }

    async fn find(&mut self, job: Job) -> Result<Found, Failure> {
        let few = job.ranges.iter().map(|&(a, b)| b - a + 1).sum::<u32>() <= FEW;
        if few && job.test.cost() == Cost::Row {
            return Ok(job.run()?);
        }
        // Whoever stops waiting stops the work.
        let _guard = GiveUp(job.given_up.clone());
        let run = tokio::task::spawn_blocking(move || job.run());
        let found = run
            .await
            .map_err(|error| words::local("searching", &error))??;
        Ok(found)
    }

    fn tell_found(
        &mut self,
        tag: &str,
        command: &SearchCommand,
        found: Found,
        uses_modseq: bool,
    ) -> Result<(), Failure> {
        let rev2 = self.enabled.rev2;
        let (_, selected) = self.selected()?;
        let uids = selected.uids.clone();
        let options = match (&command.options, rev2) {
            (Some(options), _) => normal(options),
            (None, true) => normal(&SearchOptions::default()),
            (None, false) => {
                plain(&found, command.uid, &uids, uses_modseq, &mut self.wire.out);
                return Ok(());
            }
        };
        if options.save {
            selected.saved = saved(&options, &found, selected);
        }
        if options.save && !(options.min || options.max || options.all || options.count) {
            // RFC 9051 §6.4.4.2: who only saves gets no answer.
            return Ok(());
        }
        let number = |seq: u32| match command.uid {
            true => uids.uid_of(seq).unwrap_or(0),
            false => seq,
        };
        let out = &mut self.wire.out;
        out.extend_from_slice(b"* ESEARCH (TAG ");
        encode::string(tag.as_bytes(), false, out);
        out.push(b')');
        if command.uid {
            out.extend_from_slice(b" UID");
        }
        if let (true, Some(first)) = (options.min, found.first()) {
            out.extend_from_slice(b" MIN ");
            encode::number(u64::from(number(first)), out);
        }
        if let (true, Some(last)) = (options.max, found.last()) {
            out.extend_from_slice(b" MAX ");
            encode::number(u64::from(number(last)), out);
        }
        if options.all && !found.ranges.is_empty() {
            out.extend_from_slice(b" ALL ");
            match command.uid {
                true => reply::uid_set(set::uids(&found.ranges, &uids), out),
                false => encode::sequence_set(&found.ranges, out),
            }
        }
        if options.count {
            out.extend_from_slice(b" COUNT ");
            encode::number(found.count(), out);
        }
        if uses_modseq && !found.ranges.is_empty() {
            let modseq = match (options.all || options.count, options.min, options.max) {
                (true, ..) | (_, false, false) => found.highest,
                (_, true, false) => found.first_modseq,
                (_, false, true) => found.last_modseq,
                (_, true, true) => found.first_modseq.max(found.last_modseq),
            };
            out.extend_from_slice(b" MODSEQ ");
            encode::number(modseq, out);
        }
        out.extend_from_slice(b"\r\n");
        Ok(())
    }
}

/// `* SEARCH 2 84 882`, what clients of IMAP4rev1 get.
fn plain(found: &Found, uid: bool, uids: &UidMap, uses_modseq: bool, out: &mut Vec<u8>) {
    out.extend_from_slice(b"* SEARCH");
    let mut put = |number: u32| {
        out.push(b' ');
        encode::number(u64::from(number), out);
    };
    match uid {
        true => set::uids(&found.ranges, uids).for_each(&mut put),
        false => found
            .ranges
            .iter()
            .flat_map(|&(first, last)| first..=last)
            .for_each(&mut put),
    }
    if uses_modseq && !found.ranges.is_empty() {
        out.extend_from_slice(b" (MODSEQ ");
        encode::number(found.highest, out);
        out.push(b')');
    }
    out.extend_from_slice(b"\r\n");
}

/// An empty list means ALL (RFC 9051 §6.4.4).
fn normal(options: &SearchOptions) -> SearchOptions {
    let mut options = options.clone();
    if options == SearchOptions::default() {
        options.all = true;
    }
    options
}

/// What SAVE keeps: all that was found, or only what MIN and MAX tell if nothing else is asked for
/// (RFC 9051 §6.4.4.4).
fn saved(options: &SearchOptions, found: &Found, selected: &Selected) -> Vec<(Uid, Uid)> {
    let ranges: Ranges = match options {
        SearchOptions {
            all: false,
            count: false,
            min,
            max,
            ..
        } if *min || *max => {
            let ends = [
                found.first().filter(|_| *min),
                found.last().filter(|_| *max),
            ];
            ends.into_iter().flatten().map(|seq| (seq, seq)).collect()
        }
        _ => found.ranges.clone(),
    };
    // A UID between two neighbours never comes to be, so a range may span it.
    ranges
        .iter()
        .filter_map(|&(first, last)| {
            Some((selected.uids.uid_of(first)?, selected.uids.uid_of(last)?))
        })
        .collect()
}

struct GiveUp(Arc<AtomicBool>);

impl Drop for GiveUp {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A search, ready to run on any thread.
struct Job {
    account: Account,
    mailbox: MailboxId,
    uids: Arc<UidMap>,
    ranges: Ranges,
    test: Test,
    given_up: Arc<AtomicBool>,
}

/// What a search found.
#[derive(Debug, Default, PartialEq, Eq)]
struct Found {
    /// Message numbers.
    ranges: Ranges,
    first_modseq: ModSeq,
    last_modseq: ModSeq,
    highest: ModSeq,
}

impl Found {
    fn add(&mut self, seq: u32, modseq: ModSeq) {
        if self.ranges.is_empty() {
            self.first_modseq = modseq;
        }
        self.last_modseq = modseq;
        self.highest = self.highest.max(modseq);
        match self.ranges.last_mut() {
            Some(range) if range.1 + 1 == seq => range.1 = seq,
            _ => self.ranges.push((seq, seq)),
        }
    }

    fn first(&self) -> Option<u32> {
        self.ranges.first().map(|range| range.0)
    }

    fn last(&self) -> Option<u32> {
        self.ranges.last().map(|range| range.1)
    }

    fn count(&self) -> u64 {
        self.ranges
            .iter()
            .map(|&(first, last)| u64::from(last - first) + 1)
            .sum()
    }
}

impl Job {
    fn run(&self) -> Result<Found, StoreError> {
        let view = self.account.view()?;
        let mut found = Found::default();
        let mut scratch = text::Scratch::default();
        for &(first, last) in &self.ranges {
            let mut from = first;
            while from <= last && !self.given_up.load(Ordering::Relaxed) {
                let to = last.min(from + (TOGETHER - 1));
                self.look_at(&view, from, to, &mut scratch, &mut found)?;
                from = to + 1;
            }
        }
        Ok(found)
    }

    /// Tests some messages: first by their rows alone, then what that leaves open.
    fn look_at(
        &self,
        view: &View,
        first: u32,
        last: u32,
        scratch: &mut text::Scratch,
        found: &mut Found,
    ) -> Result<(), StoreError> {
        let (Some(first_uid), Some(last_uid)) = (self.uids.uid_of(first), self.uids.uid_of(last))
        else {
            return Ok(());
        };
        let mut hits: Vec<(u32, ModSeq)> = Vec::new();
        let mut open: Vec<(u32, Row)> = Vec::new();
        view.messages(self.mailbox, first_uid, last_uid, &mut |row| {
            if let Some(seq) = self.uids.seq_of(row.uid) {
                match self.test.quick(&row, seq) {
                    Some(true) => hits.push((seq, row.modseq)),
                    Some(false) => {}
                    None => open.push((seq, row)),
                }
            }
            true
        })?;
        let mut test = |seq, row: Row, parsed| -> Result<(), StoreError> {
            let modseq = row.modseq;
            let mut message = Message::new(view, row, seq, parsed, scratch);
            if self.test.holds(&mut message)? {
                hits.push((seq, modseq));
            }
            Ok(())
        };
        let many = open.len() as u64 * 2 > u64::from(last - first);
        if let (true, Some((_, oldest)), Some((_, newest))) = (
            many && self.test.uses_structure(),
            open.first(),
            open.last(),
        ) {
            let (oldest, newest) = (oldest.uid, newest.uid);
            let mut open = open.into_iter().peekable();
            let mut result = Ok(());
            view.messages_with_parsed(self.mailbox, oldest, newest, &mut |row, parsed| {
                if let Some((seq, row)) = open.next_if(|(_, open)| open.uid == row.uid) {
                    result = test(seq, row, Some(parsed));
                }
                result.is_ok() && !self.given_up.load(Ordering::Relaxed)
            })?;
            result?;
        } else {
            for (seq, row) in open {
                if self.given_up.load(Ordering::Relaxed) {
                    break;
                }
                test(seq, row, None)?;
            }
        }
        hits.sort_unstable();
        hits.iter()
            .for_each(|&(seq, modseq)| found.add(seq, modseq));
        Ok(())
    }
}
