//! From the accounts that get a message to their mailboxes: what rulesets have to say once its header is
//! known.

use std::io;

use mox::policy::{self, Delivery, Header};
use mox::store::Spooled;

use super::transaction::Transaction;
use crate::handover::hand_over;

/// Bytes at a message's start that rulesets can look at.
const MOST_OF_A_HEADER: u64 = Header::LOOKED_AT as u64;

/// Rulesets times bytes that take longer than other sessions should wait.
const LONG: u64 = 1 << 20;

/// Where the copies of a message go. The message is read only if some ruleset wants to know of it.
pub(super) fn filed(transaction: &Transaction, message: &Spooled) -> io::Result<Vec<Delivery>> {
    let deliveries = &transaction.deliveries;
    let rulesets: usize = deliveries.iter().map(|to| to.rulesets.len()).sum();
    if rulesets == 0 {
        return Ok(policy::file(deliveries, &Header::default()));
    }
    let looked_at = message.len().min(MOST_OF_A_HEADER);
    let long = rulesets as u64 * looked_at > LONG;
    hand_over(long, || {
        let mut bytes = vec![0; usize::try_from(looked_at).unwrap_or(0)];
        let mut len = 0;
        while len < bytes.len() {
            match message.read_at(len as u64, &mut bytes[len..])? {
                0 => break,
                read => len += read,
            }
        }
        let mail_from = transaction.from.mailbox().and_then(|from| from.address());
        let authors = &message.parsed().envelope.from;
        let header = Header::new(mail_from.as_ref(), authors, &bytes[..len]);
        Ok(policy::file(deliveries, &header))
    })
}
