//! `mox explain`: what was asked as people write it, to what the explainer is asked.

use crate::addr::{AccountName, Address};
use crate::admin::{Admin, AdminError};
use crate::explain::{Explainer, Explanation};
use crate::policy::Recipient;
use crate::snapshot::Snapshot;

use super::account;

/// `postmaster` without a domain is an address here.
pub(super) fn recipient(
    snapshot: &Snapshot,
    admin: &Admin,
    address: &str,
) -> Result<Explanation, AdminError> {
    let recipient = match address.eq_ignore_ascii_case("postmaster") {
        true => Recipient::Postmaster,
        false => Recipient::Address(parse(address)?),
    };
    ask(snapshot, admin, |explainer| explainer.recipient(&recipient))
}

pub(super) fn sender(
    snapshot: &Snapshot,
    admin: &Admin,
    address: &str,
    account: Option<&str>,
) -> Result<Explanation, AdminError> {
    let address = parse(address)?;
    let account = account.map(|name| account::named(snapshot, name));
    let account: Option<AccountName> = account.transpose()?;
    ask(snapshot, admin, |explainer| {
        explainer.sender(&address, account.as_ref())
    })
}

pub(super) fn login(
    snapshot: &Snapshot,
    admin: &Admin,
    address: &str,
) -> Result<Explanation, AdminError> {
    let address = parse(address)?;
    ask(snapshot, admin, |explainer| explainer.login(&address))
}

fn ask(
    snapshot: &Snapshot,
    admin: &Admin,
    question: impl FnOnce(&Explainer<'_>) -> Explanation,
) -> Result<Explanation, AdminError> {
    let text = admin.text_of(snapshot)?;
    Ok(question(&Explainer {
        snapshot,
        text: &text,
        file: admin.file(),
    }))
}

fn parse(text: &str) -> Result<Address, AdminError> {
    Address::parse(text).map_err(|e| AdminError::Usage(e.to_string()))
}
