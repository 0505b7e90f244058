//! APPEND (RFC 9051 §6.3.12; RFC 3502 MULTIAPPEND, RFC 7889 APPENDLIMIT, RFC 4315 APPENDUID).
//!
//! A message goes from the wire into the store's spool in pieces; its bytes are kept as they came.
//! What is known to be refused is refused before the client sends the message, if it waits for that.

use std::sync::Arc;

use mox::imap::command::MailboxArg;
use mox::imap::frame::{Frame, Literal};
use mox::imap::parse::{self, AppendNext};
use mox::mailbox::Flags;
use mox::store::{Change, Changed, NewMessage, Spool, Spooled, StoreError};

use super::session::{Done, Session};
use super::words::{self, Answer, End, Failure};
use super::{names, reply};
use crate::handover::hand_over;

/// A refused message is read off up to this size; beyond, the connection is given up.
const READ_OFF: u64 = 16 << 20;

/// The same of a client who has not logged in and sends what is no APPEND.
const READ_OFF_STRANGER: u64 = 64 << 10;

/// Bytes read at a time.
const PIECE: usize = 64 << 10;

/// Messages in one APPEND.
const MESSAGES: usize = 1_000;

/// What goes before a message.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) flags: Flags,
    pub(super) date: Option<(i64, i16)>,
    pub(super) size: u64,
    pub(super) utf8: bool,
}

impl Session {
    pub(super) async fn append(
        &mut self,
        mailbox: &MailboxArg,
        first: Part,
        literal: Literal,
    ) -> Done {
        let (mut part, mut literal) = (first, literal);
        let mut refusal: Option<Failure> = None;
        let mut messages = Vec::new();
        let mut total = 0_u64;
        loop {
            total = total.saturating_add(part.size);
            if refusal.is_none() {
                refusal = self.may_append(mailbox, &part, messages.len(), total).err();
            }
            if let Some(failure) = refusal.take_if(|_| literal.sync) {
                // The client waits, and will not send the message now.
                self.framer.reset();
                return Err(failure);
            }
            if refusal.is_some() {
                self.read_off(part.size).await?;
            } else {
                if literal.sync {
                    self.wire.out.extend_from_slice(b"+ go on\r\n");
                }
                match self.receive(part.size).await? {
                    Ok(message) => messages.push(NewMessage {
                        prefix: Vec::new(),
                        message: Arc::new(message),
                        flags: part.flags,
                        received: part.date.unwrap_or_else(|| (now(), 0)),
                    }),
                    Err(failure) => refusal = Some(failure),
                }
            }
            match self.next_part(part.utf8).await? {
                None => break,
                Some((next, announced)) => (part, literal) = (next, announced),
            }
        }
        match refusal {
            None => self.keep(mailbox, messages).await,
            Some(failure) => Err(failure),
        }
    }

    /// Whether the next message would be taken.
    fn may_append(
        &self,
        mailbox: &MailboxArg,
        part: &Part,
        before: usize,
        total: u64,
    ) -> Result<(), Failure> {
        let user = self.user()?;
        if part.utf8 && !self.enabled.utf8_names() {
            return Err(Answer::bad("UTF8 needs ENABLE UTF8=ACCEPT").into());
        }
        let limit = self.context.live.now().config.limits.message_size;
        if part.size > limit {
            return Err(Answer::no("TOOBIG", format!("more than {limit} bytes")).into());
        }
        if part.size == 0 {
            return Err(Answer::no("CANNOT", "the message is empty").into());
        }
        if before >= MESSAGES {
            return Err(Answer::no("LIMIT", "too many messages at once").into());
        }
        let view = user.account.view()?;
        let name = names::existing(mailbox, self.enabled).map_err(|_| no_mailbox())?;
        if view.mailbox(&name)?.is_none() {
            return Err(no_mailbox());
        }
        let quota = self.quota();
        if quota > 0 && view.total_size()?.saturating_add(total) > quota {
            return Err(StoreError::OverQuota.into());
        }
        Ok(())
    }

    /// Reads a message. The outer error ends the session; the inner one is for the answer.
    async fn receive(&mut self, size: u64) -> Result<Result<Spooled, Failure>, End> {
        let mut spool = Ok(self.context.store.spool());
        let mut left = size;
        let buffered = self.wire.input.len().min(clip(left));
        spool = write(spool, &self.wire.input[..buffered]);
        self.wire.consume(buffered);
        left -= buffered as u64;
        if left > 0 {
            self.wire.rest().await.map_err(|_| End::Gone)?;
            let mut piece = vec![0; PIECE.min(clip(left))];
            while left > 0 {
                let want = piece.len().min(clip(left));
                let n = self.read(&mut piece[..want]).await?;
                // After a failure the rest is read all the same: the client is sending it.
                spool = write(spool, &piece[..n]);
                left -= n as u64;
            }
        }
        Ok(spool
            .and_then(Spool::finish)
            .map_err(|error| words::local("receiving a message", &error)))
    }

    /// Reads off a message that is refused already.
    async fn read_off(&mut self, size: u64) -> Result<(), End> {
        if size > READ_OFF {
            return Err(too_big());
        }
        let mut left = size;
        loop {
            let buffered = self.wire.input.len().min(clip(left));
            self.wire.consume(buffered);
            left -= buffered as u64;
            if left == 0 {
                return Ok(());
            }
            self.more().await?;
        }
    }

    /// Reads off the messages of an APPEND that was not understood, and that the client sends without
    /// waiting for an answer. The first has `size` bytes.
    pub(super) async fn skip_append(&mut self, mut size: u64) -> Result<(), End> {
        let mut left = match self.user {
            Some(_) => READ_OFF,
            None => READ_OFF_STRANGER,
        };
        loop {
            left = left.checked_sub(size).ok_or_else(too_big)?;
            self.read_off(size).await?;
            let (len, announced) = self.after_message().await?;
            self.wire.consume(len);
            match announced {
                Some(literal) if !literal.sync => size = literal.size,
                Some(_) => {
                    self.framer.reset();
                    return Ok(());
                }
                None => return Ok(()),
            }
        }
    }

    /// Reads directly into a buffer; what was buffered before is used up.
    async fn read(&mut self, buf: &mut [u8]) -> Result<usize, End> {
        tokio::select! {
            biased;
            read = self.wire.read_into(buf) => read.map_err(|_| End::Gone),
            end = self.guard.ended() => Err(end),
            () = tokio::time::sleep(self.patience) => {
                Err(End::Bye("", "nothing heard for too long".into()))
            }
        }
    }

    /// What follows a message: the end, or another one.
    async fn next_part(&mut self, utf8: bool) -> Result<Option<(Part, Literal)>, Failure> {
        let (len, announced) = self.after_message().await?;
        let next = parse::append_next(&self.wire.input[..len], utf8);
        self.wire.consume(len);
        match (next, announced) {
            (Ok(AppendNext::End), None) => Ok(None),
            (
                Ok(AppendNext::Message {
                    flags,
                    date,
                    size,
                    utf8,
                    ..
                }),
                Some(literal),
            ) => Ok(Some((
                Part {
                    flags,
                    date,
                    size,
                    utf8,
                },
                literal,
            ))),
            (Err(error), None) => Err(Answer::bad(error.text).into()),
            (Err(error), Some(literal)) => {
                match literal.sync {
                    true => self.framer.reset(),
                    false => self.skip_append(literal.size).await?,
                }
                Err(Answer::bad(error.text).into())
            }
            _ => Err(no_append().into()),
        }
    }

    /// The frame behind a message: its bytes at the front of the input, and the message it announces.
    async fn after_message(&mut self) -> Result<(usize, Option<Literal>), End> {
        loop {
            match self.framer.next(&self.wire.input) {
                Frame::More => self.more().await?,
                Frame::Command { len } => return Ok((len, None)),
                Frame::Message { len, literal } => return Ok((len, Some(literal))),
                Frame::Continue | Frame::Discard { .. } | Frame::Refused { .. } => {
                    return Err(no_append());
                }
            }
        }
    }

    async fn keep(&mut self, mailbox: &MailboxArg, messages: Vec<NewMessage>) -> Done {
        let name = names::existing(mailbox, self.enabled).map_err(|_| no_mailbox())?;
        let change = Change::Add {
            mailbox: Err(name),
            create: false,
            messages,
            quota: self.quota(),
        };
        let changed = self
            .user()?
            .account
            .write(change)
            .await
            .map_err(words::try_create)?;
        Ok(match changed {
            Changed::Added {
                uid_validity, uids, ..
            } => Answer::ok_with(
                format!("APPENDUID {uid_validity} {}", reply::uid_set_text(uids)),
                "kept",
            ),
            _ => Answer::ok("kept"),
        })
    }
}

fn too_big() -> End {
    End::Bye("TOOBIG", "the message is too big to be skipped".into())
}

fn no_append() -> End {
    End::Bye("", "what follows the message is no APPEND".into())
}

fn no_mailbox() -> Failure {
    words::try_create(StoreError::NoMailbox)
}

fn write(spool: std::io::Result<Spool>, bytes: &[u8]) -> std::io::Result<Spool> {
    let mut spool = spool?;
    hand_over(spool.spills(bytes.len()), || spool.write(bytes))?;
    Ok(spool)
}

fn clip(size: u64) -> usize {
    usize::try_from(size).unwrap_or(usize::MAX)
}

fn now() -> i64 {
    mox::clock::now().as_second()
}
