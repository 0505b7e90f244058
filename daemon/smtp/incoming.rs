//! A message on its way into the spool: bounded, its header looked at, never wholly in memory.
//!
//! Whatever is wrong with it, it is taken in to its end before that is said: otherwise the client
//! would take the rest of it for commands' answers.

use std::sync::Arc;

use mox::store::{Spool, Spooled, Store};

use super::answer::Answer;
use super::header::{Counter, Submitted};
use crate::handover::hand_over;

/// The message.
pub(super) struct Incoming {
    /// None once it is refused.
    spool: Option<Spool>,
    header: Header,
    /// Bytes that came in.
    size: u64,
    /// Bytes that may come in.
    limit: u64,
    refusal: Option<Answer>,
}

/// What is done about its header.
pub(super) enum Header {
    /// Counted, passed on.
    Received(Counter),
    /// Held back until it is whole.
    Submitted(Submitted),
    /// It is over.
    Over,
}

impl Incoming {
    /// Ready for the first byte.
    pub(super) fn new(store: &Arc<Store>, header: Header, limit: u64) -> Incoming {
        Incoming {
            spool: Some(store.spool()),
            header,
            size: 0,
            limit,
            refusal: None,
        }
    }

    /// The next bytes.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.size += bytes.len() as u64;
        if self.refusal.is_none()
            && let Err(refusal) = self.take(bytes)
        {
            self.refuse(refusal);
        }
    }

    /// It is refused, once it is here; the first reason counts.
    pub(super) fn refuse(&mut self, refusal: Answer) {
        self.refusal.get_or_insert(refusal);
        self.spool = None;
        self.header = Header::Over;
    }

    /// Why it will be refused.
    pub(super) fn refusal(&self) -> Option<&Answer> {
        self.refusal.as_ref()
    }

    /// The end of it.
    pub(super) fn finish(mut self) -> Result<Spooled, Answer> {
        if let Some(refusal) = self.refusal {
            return Err(refusal);
        }
        if let Header::Submitted(header) = std::mem::replace(&mut self.header, Header::Over) {
            let header = header.finish()?;
            self.write(&header)?;
        }
        let spool = self.spool.ok_or(Answer::Local)?;
        let large = spool.len() > IN_MEMORY;
        hand_over(large, || spool.finish()).map_err(failed)
    }

    fn take(&mut self, bytes: &[u8]) -> Result<(), Answer> {
        if self.size > self.limit {
            return Err(Answer::TooLarge);
        }
        match &mut self.header {
            Header::Received(counter) => counter.push(bytes)?,
            Header::Submitted(submitted) => {
                if let Some(header) = submitted.push(bytes)? {
                    self.header = Header::Over;
                    self.write(&header)?;
                }
                return Ok(());
            }
            Header::Over => {}
        }
        self.write(bytes)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Answer> {
        let Some(spool) = &mut self.spool else {
            return Err(Answer::Local);
        };
        let spills = spool.spills(bytes.len());
        hand_over(spills, || spool.write(bytes)).map_err(failed)
    }
}

fn failed(error: std::io::Error) -> Answer {
    tracing::error!(%error, "spool a message");
    error.into()
}

/// Messages up to this size are in memory while they come in ([`mox::store::StoreOptions`]).
const IN_MEMORY: u64 = 256 << 10;
