//! Pure decisions on one snapshot. `mox explain` asks the same functions.

use crate::addr::{AccountName, Address};
use crate::snapshot::Snapshot;

/// Where a message for an accepted recipient goes: one entry an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Whose mail.
    pub account: AccountName,
    /// Which mailbox.
    pub mailbox: String,
    /// Bytes the account may hold, 0: no limit.
    pub quota: u64,
}

/// Why a recipient is not accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RcptRefusal {
    /// 450 4.2.1.
    DomainDisabled,
    /// 550 5.1.1.
    UnknownAddress,
    /// 550 5.7.1: the domain is not hosted here.
    NotLocal,
}

/// A recipient as SMTP knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recipient {
    /// `<Postmaster>` without a domain.
    Postmaster,
    /// An address.
    Address(Address),
}

/// Who gets a message for this recipient that came from outside or from an account.
pub fn decide_rcpt(
    _snapshot: &Snapshot,
    _recipient: &Recipient,
) -> Result<Vec<Delivery>, RcptRefusal> {
    todo!()
}

/// Why an account may not send as an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SenderRefusal {
    /// 550 5.7.1.
    NotYours,
    /// 451 4.3.0.
    DomainDisabled,
}

/// Whether the account may use the address in MAIL FROM or From.
pub fn decide_sender(
    _snapshot: &Snapshot,
    _account: &AccountName,
    _sender: &Address,
) -> Result<(), SenderRefusal> {
    todo!()
}

/// What becomes of a submitted message's foreign recipients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// The built-in transport `loopback`: to this account's Inbox, never off the machine.
    Loopback(AccountName),
    /// No transport can take it yet: refused at RCPT (550 5.7.1, or 451 while there is no queue).
    None,
}

/// The route for a recipient at a domain that is not hosted here (`[[routes]]`: global, then the
/// sender's domain and account).
pub fn decide_route(
    _snapshot: &Snapshot,
    _account: &AccountName,
    _from: &Address,
    _to: &Address,
) -> Route {
    todo!()
}
