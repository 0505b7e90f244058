//! The content of a message: DATA (RFC 5321 §4.1.1.4) and BDAT (RFC 3030 §2), from the first byte to
//! the disk.

use std::sync::Arc;

use bytes::Buf;
use mox::smtp::{Content, Trace, Transfer, With, date, return_path};
use tokio::time::Instant;

use super::Service;
use super::answer::Answer;
use super::filing::filed;
use super::header::{Additions, Counter, HeaderLimits, Submitted};
use super::incoming::{Header, Incoming};
use super::session::Session;
use super::transaction::Transaction;
use super::vigil::End;
use crate::deliver::{Letter, deliver};

/// A message under way: what its bytes are and where they go.
pub(super) struct Arrival {
    content: Content,
    incoming: Incoming,
}

impl Session {
    /// DATA: its answer before the content, the content, and its answer after it.
    pub(super) async fn data(&mut self) -> Result<Answer, End> {
        if let Err(refusal) = self.may_send_content() {
            return Ok(refusal);
        }
        let Some(transaction) = self.transaction.take_if(|it| it.arrival.is_none()) else {
            return Ok(Answer::BadSequence("BDAT has begun"));
        };
        let idle = self.vigil.idle;
        self.say(&Answer::SendContent);
        let mut arrival = self.arrival(&transaction, true);
        let patience = transaction.snapshot.config.limits.smtp_message;
        self.vigil.deadline = Some(Instant::now() + patience);
        loop {
            let input = self.wire.input();
            let step = arrival.content.step(input);
            arrival.incoming.push(step.content);
            let (consumed, done) = (step.consumed, step.done);
            input.advance(consumed);
            if done {
                break;
            }
            if input.is_empty() {
                self.wire.fill(&mut self.vigil, idle).await?;
            }
        }
        self.vigil.deadline = None;
        self.complete(transaction, arrival).await
    }

    /// BDAT: its chunk is read whatever is wrong, since the client may have sent it already.
    pub(super) async fn bdat(&mut self, size: u64, last: bool) -> Result<Answer, End> {
        // A chunk that is not in order changes nothing about the transaction.
        let (mut under_way, refusal) = match self.may_send_content() {
            Err(refusal) => (None, refusal),
            Ok(()) => (self.transaction.take(), Answer::Local),
        };
        let begun = under_way.as_mut().map(|it| it.arrival.take());
        let mut arrival = begun.flatten();
        if let (Some(transaction), None) = (&under_way, &arrival) {
            arrival = Some(self.arrival(transaction, false));
        }
        let patience = self.vigil.now().config.limits.smtp_message;
        let deadline = Instant::now() + patience;
        self.vigil.deadline.get_or_insert(deadline);
        let idle = self.vigil.idle;
        let mut left = size;
        while left > 0 {
            if self.wire.input().is_empty() {
                self.wire.fill(&mut self.vigil, idle).await?;
            }
            let input = self.wire.input();
            let len = usize::try_from(left).unwrap_or(usize::MAX).min(input.len());
            let mut rest = &input[..len];
            while let Some(arrival) = arrival.as_mut()
                && !rest.is_empty()
            {
                let step = arrival.content.step(rest);
                arrival.incoming.push(step.content);
                rest = &rest[step.consumed..];
            }
            input.advance(len);
            left -= len as u64;
        }
        let (Some(mut transaction), Some(mut arrival)) = (under_way, arrival) else {
            self.vigil.deadline = None;
            return Ok(refusal);
        };
        if last {
            arrival.content.finish();
        } else if !arrival.content.is_bad() && arrival.incoming.refusal().is_none() {
            transaction.arrival = Some(arrival);
            self.transaction = Some(transaction);
            return Ok(Answer::ChunkOk(size));
        }
        // The last chunk, or one after which no other can mend it: the transaction is over.
        self.vigil.deadline = None;
        self.complete(transaction, arrival).await
    }

    /// Whether DATA or BDAT is in order.
    fn may_send_content(&self) -> Result<(), Answer> {
        match &self.transaction {
            None if self.service == Service::Submission && self.vigil.login().is_none() => {
                Err(Answer::LoginRequired)
            }
            None => Err(Answer::BadSequence("MAIL comes first")),
            Some(transaction) if transaction.recipients == 0 => Err(Answer::NoRecipients),
            Some(_) => Ok(()),
        }
    }

    /// Ready for the first byte of a message.
    fn arrival(&self, transaction: &Transaction, dots: bool) -> Arrival {
        let limits = &transaction.snapshot.config.limits;
        let header_limits = HeaderLimits {
            size: limits.header_size,
            received: limits.received,
        };
        let submission = self.service == Service::Submission;
        let header = if submission {
            let additions = Additions {
                date: date(mox::clock::now().as_second()),
                message_id: format!("{}@{}", random_id(), self.info.hostname.ascii()),
            };
            Header::Submitted(Submitted::new(header_limits, additions))
        } else {
            Header::Received(Counter::new(header_limits))
        };
        let transfer = Transfer {
            dots,
            repair: submission,
        };
        Arrival {
            content: Content::new(transfer),
            incoming: Incoming::new(&self.context.store, header, limits.message_size),
        }
    }

    /// All of it is here: what becomes of it.
    async fn complete(
        &mut self,
        transaction: Transaction,
        mut arrival: Arrival,
    ) -> Result<Answer, End> {
        // A transaction of a login that was revoked meanwhile is not kept.
        self.vigil.check()?;
        if arrival.content.is_bad() {
            arrival.incoming.refuse(Answer::BareLineEnds);
        }
        let message = match arrival.incoming.finish() {
            Ok(message) => message,
            Err(refusal) => return Ok(refusal),
        };
        if let Err(refusal) = self.author_is_account(&transaction, &message) {
            return Ok(refusal);
        }
        let now = mox::clock::now().as_second();
        let id = random_id();
        let mut prefix = return_path(&transaction.from);
        prefix.push_str(&self.received(&transaction, &id, now));
        let size = message.len();
        let letter = Letter {
            message: Arc::new(message),
            prefix: prefix.into_bytes(),
            received: (now, 0),
        };
        let deliveries = match filed(&transaction, &letter.message) {
            Ok(deliveries) => deliveries,
            Err(error) => {
                tracing::error!(%error, "read the header of a message");
                return Ok(Answer::Local);
            }
        };
        match deliver(&self.context.store, &letter, &deliveries).await {
            Ok(()) => {
                tracing::info!(
                    id,
                    from = %transaction.from,
                    recipients = transaction.recipients,
                    copies = deliveries.len(),
                    size,
                    "message kept"
                );
                self.bad_commands = 0;
                Ok(Answer::Kept(id))
            }
            Err(error) => Ok(error.into()),
        }
    }

    /// The Received field for a message.
    fn received(&self, transaction: &Transaction, id: &str, now: i64) -> String {
        let hello = self.hello.as_ref();
        let recipient = (transaction.recipients == 1).then_some(transaction.first.as_ref());
        Trace {
            hello: hello.map_or("unknown", |hello| &hello.name),
            remote: self.info.remote.ip(),
            hostname: &self.info.hostname,
            with: With {
                extended: hello.is_some_and(|hello| hello.extended),
                utf8: transaction.utf8,
                tls: self.tls.is_some(),
                auth: self.vigil.login().is_some(),
            },
            id,
            recipient: recipient.flatten(),
            tls: self
                .tls
                .as_ref()
                .map(|(version, cipher)| (version.as_str(), cipher.as_str())),
            time: now,
        }
        .received()
    }
}

/// An id that no other message has: 80 random bits as an atom in lower case.
fn random_id() -> String {
    const DIGITS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let mut random = [0; 16];
    if getrandom::fill(&mut random).is_err() {
        // Only at boot, before the kernel has any randomness; an id need not be secret.
        random = mox::clock::now().as_nanosecond().to_be_bytes();
    }
    random
        .iter()
        .map(|byte| DIGITS[usize::from(byte % 32)] as char)
        .collect()
}
