//! A mail transaction up to its content: MAIL and RCPT (RFC 5321 §3.3).

use std::sync::Arc;

use mox::addr::Address;
use mox::policy::{
    self, Delivery, Origin, RcptRefusal, Recipient, Route, SenderRefusal, decide_rcpt,
    decide_sender,
};
use mox::smtp::{BodyType, ForwardPath, Host, Mail, Mailbox, Rcpt, ReversePath};
use mox::snapshot::Snapshot;
use mox::store::{Spooled, StoreError};

use super::Service;
use super::answer::Answer;
use super::content::Arrival;
use super::session::Session;

/// A transaction that MAIL has begun.
pub(super) struct Transaction {
    /// The facts that everything in it is decided on.
    pub(super) snapshot: Arc<Snapshot>,
    pub(super) from: ReversePath,
    pub(super) utf8: bool,
    /// Bytes the client announced.
    pub(super) announced: u64,
    /// RCPTs that were accepted.
    pub(super) recipients: usize,
    /// The first of them, for Received.
    pub(super) first: Option<ForwardPath>,
    /// Where it goes, each place once.
    pub(super) deliveries: Vec<Delivery>,
    /// The message, once BDAT has begun.
    pub(super) arrival: Option<Arrival>,
}

impl Session {
    /// MAIL FROM.
    pub(super) fn mail(&mut self, mail: Mail) -> Result<(), Answer> {
        if self.hello.is_none() {
            return Err(Answer::HelloFirst);
        }
        if self.service == Service::Submission && self.vigil.login().is_none() {
            self.try_certificate(&self.vigil.now())?;
        }
        let login = self.vigil.login();
        if self.transaction.is_some() {
            return Err(Answer::BadSequence("a transaction is under way"));
        }
        if mail.utf8_path && !mail.params.utf8 {
            return Err(Answer::NeedsUtf8);
        }
        self.parameters(&mail)?;
        let snapshot = self.vigil.now();
        let announced = mail.params.size.unwrap_or(0);
        if announced > snapshot.config.limits.message_size {
            return Err(Answer::TooLarge);
        }
        if let Some(login) = login {
            let from = mail.from.mailbox().ok_or(Answer::NullSender)?;
            let address = from
                .address()
                .ok_or(Answer::SenderRefused(SenderRefusal::NotYours))?;
            decide_sender(&snapshot, &login.account, &address).map_err(Answer::SenderRefused)?;
        }
        self.transaction = Some(Transaction {
            snapshot,
            from: mail.from,
            utf8: mail.params.utf8,
            announced,
            recipients: 0,
            first: None,
            deliveries: Vec::new(),
            arrival: None,
        });
        Ok(())
    }

    /// Parameters of extensions that EHLO did not offer (RFC 5321 §4.1.1.11).
    fn parameters(&self, mail: &Mail) -> Result<(), Answer> {
        let params = &mail.params;
        if params.body == Some(BodyType::BinaryMime) {
            return Err(Answer::BinaryMime);
        }
        if params.ret.is_some() || params.envid.is_some() {
            return Err(Answer::Parameter("DSN"));
        }
        if params.auth.is_some() && self.service == Service::Receive {
            return Err(Answer::Parameter("AUTH"));
        }
        Ok(())
    }

    /// RCPT TO.
    pub(super) async fn rcpt(&mut self, rcpt: Rcpt) -> Result<(), Answer> {
        let Some(transaction) = &self.transaction else {
            return Err(match self.service {
                Service::Submission if self.vigil.login().is_none() => Answer::LoginRequired,
                _ => Answer::BadSequence("MAIL comes first"),
            });
        };
        if transaction.arrival.is_some() {
            return Err(Answer::BadSequence("BDAT has begun"));
        }
        if rcpt.utf8_path && !transaction.utf8 {
            return Err(Answer::NeedsUtf8);
        }
        if !rcpt.params.is_empty() {
            return Err(Answer::Parameter("DSN"));
        }
        if transaction.recipients >= transaction.snapshot.config.limits.recipients {
            return Err(Answer::TooManyRecipients);
        }
        let deliveries = self.deliveries(transaction, &rcpt.to)?;
        for delivery in &deliveries {
            self.has_room(delivery, transaction.announced).await?;
        }
        if let Some(transaction) = &mut self.transaction {
            transaction.recipients += 1;
            transaction.first.get_or_insert(rcpt.to);
            for delivery in deliveries {
                if !transaction.deliveries.contains(&delivery) {
                    transaction.deliveries.push(delivery);
                }
            }
        }
        Ok(())
    }

    /// Where mail for a recipient goes.
    fn deliveries(
        &self,
        transaction: &Transaction,
        to: &ForwardPath,
    ) -> Result<Vec<Delivery>, Answer> {
        let snapshot = &transaction.snapshot;
        let origin = match self.vigil.login() {
            Some(login) => Origin::Account(login.account.clone()),
            None => Origin::Outside,
        };
        let recipient = self.recipient(to);
        let refusal = match recipient.and_then(|to| decide_rcpt(snapshot, &origin, &to)) {
            Ok(deliveries) => return Ok(deliveries),
            Err(refusal) => refusal,
        };
        if refusal != RcptRefusal::NotLocal {
            return Err(Answer::RecipientRefused(refusal));
        }
        match (self.vigil.login(), &transaction.from, to) {
            (Some(login), ReversePath::Mailbox(from), ForwardPath::Mailbox(to)) => {
                let (Some(from), Some(to)) = (from.address(), to.address()) else {
                    return Err(Answer::NoRoute);
                };
                match policy::decide_route(snapshot, &login.account, &from, &to) {
                    Route::Loopback(account) => Ok(vec![loopback(snapshot, account)]),
                    Route::None => Err(Answer::NoRoute),
                }
            }
            _ => Err(Answer::RecipientRefused(refusal)),
        }
    }

    /// The recipient as policy knows it. An address literal is never a domain of ours; postmaster at
    /// the address the client has reached is ours all the same (RFC 5321 §4.5.1).
    fn recipient(&self, to: &ForwardPath) -> Result<Recipient, RcptRefusal> {
        let mailbox = match to {
            ForwardPath::Postmaster => return Ok(Recipient::Postmaster),
            ForwardPath::Mailbox(mailbox) => mailbox,
        };
        match &mailbox.host {
            Host::Domain(_) => address(mailbox).map(Recipient::Address),
            Host::Literal(ip) if ip.to_canonical() != self.info.local.ip().to_canonical() => {
                Err(RcptRefusal::NotLocal)
            }
            Host::Literal(_)
                if mailbox
                    .localpart
                    .as_str()
                    .eq_ignore_ascii_case("postmaster") =>
            {
                Ok(Recipient::Postmaster)
            }
            Host::Literal(_) => Err(RcptRefusal::UnknownAddress),
        }
    }

    /// Whether the account may hold that much more. It is asked again when the message is written.
    async fn has_room(&self, delivery: &Delivery, announced: u64) -> Result<(), Answer> {
        if delivery.quota == 0 {
            return Ok(());
        }
        let used = async {
            let account = self.context.store.account(&delivery.account).await?;
            account.view()?.total_size()
        };
        let used: Result<u64, StoreError> = used.await;
        match used {
            Ok(used) if used.saturating_add(announced.max(1)) > delivery.quota => {
                Err(Answer::OverQuota)
            }
            Ok(_) => Ok(()),
            Err(error) => {
                tracing::error!(account = %delivery.account, %error, "look at a quota");
                Err(error.into())
            }
        }
    }

    /// Whether the From field of a submitted message names the account, and nobody else.
    pub(super) fn author_is_account(
        &self,
        transaction: &Transaction,
        message: &Spooled,
    ) -> Result<(), Answer> {
        let Some(login) = self.vigil.login() else {
            return Ok(());
        };
        let refused = |why| Answer::FromRefused(why);
        let mut named = false;
        for author in &message.parsed().envelope.from {
            let address = match (&author.mailbox, &author.host) {
                (Some(localpart), Some(host)) => header_address(localpart, host),
                // The start or end of a group names nobody.
                _ => continue,
            };
            let address = address.ok_or(refused(SenderRefusal::NotYours))?;
            decide_sender(&transaction.snapshot, &login.account, &address).map_err(refused)?;
            named = true;
        }
        named.then_some(()).ok_or(refused(SenderRefusal::NotYours))
    }
}

/// The account's Inbox, for mail that never leaves the machine.
fn loopback(snapshot: &Snapshot, account: mox::addr::AccountName) -> Delivery {
    let quota = snapshot
        .account(&account)
        .map_or(0, |account| account.quota);
    Delivery {
        account,
        mailbox: "Inbox".to_owned(),
        rulesets: [].into(),
        quota,
    }
}

fn address(mailbox: &Mailbox) -> Result<Address, RcptRefusal> {
    mailbox.address().ok_or(RcptRefusal::NotLocal)
}

/// An address out of a header field, its localpart without quotes.
fn header_address(localpart: &[u8], host: &[u8]) -> Option<Address> {
    let localpart = std::str::from_utf8(localpart).ok()?;
    let host = std::str::from_utf8(host).ok()?;
    let quoted = || {
        let escaped = localpart.replace('\\', "\\\\").replace('"', "\\\"");
        mox::addr::Localpart::parse(&format!("\"{escaped}\""))
    };
    Some(Address {
        localpart: mox::addr::Localpart::parse(localpart)
            .or_else(|_| quoted())
            .ok()?,
        domain: mox::addr::Domain::parse(host).ok()?,
    })
}
