//! Reading facts: the questions of `list`, `show` and their like, answered from one snapshot; by the
//! daemon when one runs, else by the command itself. A file for each noun.

mod account;
mod address;
mod alias;
mod dkim;
mod domain;
mod explanation;
mod history;
mod names;
mod tls_key;

use serde::{Deserialize, Serialize};

use crate::addr::AccountName;
use crate::admin::{Admin, AdminError, Difference, Made, Removal, Side};
use crate::config::effective;
use crate::diag;
use crate::explain::Explanation;
use crate::policy::MailSettings;
use crate::snapshot::Snapshot;
use crate::x509::Fingerprint;
use crate::zone::DomainDns;

pub use account::{AccountDetail, AccountRow};
pub use address::{AddressOwner, AddressRow};
pub use alias::AliasRow;
pub use dkim::DkimRow;
pub use domain::{DomainDetail, DomainRow};
pub use history::{HistoryRow, history};
pub use names::{NameKind, NameRow, names_in};
pub use tls_key::{TlsKeyDetail, TlsKeyRow};

/// A question. Names are text as people wrote them; what cannot be a name is [`AdminError::Usage`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Query {
    /// All hosted domains.
    Domains,
    /// One of them.
    Domain {
        /// Its name.
        domain: String,
    },
    /// What the DNS records of a domain depend on.
    DomainDns {
        /// Its name.
        domain: String,
    },
    /// All accounts.
    Accounts,
    /// One of them.
    Account {
        /// Its name.
        account: String,
    },
    /// All destinations of all accounts.
    Addresses,
    /// Whose an address is; `@domain` asks for a catchall.
    AddressOwner {
        /// The address.
        address: String,
    },
    /// What RCPT TO is answered on port 25; `postmaster` without a domain is an address here.
    ExplainRecipient {
        /// The address.
        address: String,
    },
    /// What MAIL FROM is answered in submission.
    ExplainSender {
        /// The address.
        address: String,
        /// Who sends; by default whose address it is.
        account: Option<String>,
    },
    /// What a login with the right password is answered.
    ExplainLogin {
        /// The address that stands for the user.
        address: String,
    },
    /// What a mail program has to be told for an address.
    MailSettings {
        /// The address.
        address: String,
    },
    /// The aliases of a domain.
    Aliases {
        /// Its name.
        domain: String,
    },
    /// One of them.
    Alias {
        /// Its address.
        alias: String,
    },
    /// The DKIM keys of a domain.
    Dkim {
        /// Its name.
        domain: String,
    },
    /// TLS public keys.
    TlsKeys {
        /// Of this account; empty: of all.
        account: String,
    },
    /// One of them.
    TlsKey {
        /// Which.
        fingerprint: Fingerprint,
    },
    /// Names that begin so.
    Names {
        /// Whose.
        kind: NameKind,
        /// How they begin.
        start: String,
        /// So many at most; of more the first, and the last of all.
        limit: usize,
    },
    /// How far the removal of an account is.
    Removal {
        /// Its name.
        account: AccountName,
    },
    /// The configuration, defaults filled in.
    Config,
    /// The generations that are kept.
    History,
    /// What differs between two texts of mox.toml.
    Diff {
        /// The old one.
        from: Side,
        /// The new one.
        to: Side,
    },
    /// Whether a request's change was made: for who could not wait for the answer.
    Made {
        /// [`Actor::request`](crate::admin::Actor::request).
        request: String,
    },
}

/// What is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// To [`Query::Domains`], sorted.
    Domains(Vec<DomainRow>),
    /// To [`Query::Domain`].
    Domain(DomainDetail),
    /// To [`Query::DomainDns`].
    DomainDns(DomainDns),
    /// To [`Query::Accounts`], sorted.
    Accounts(Vec<AccountRow>),
    /// To [`Query::Account`].
    Account(AccountDetail),
    /// To [`Query::Addresses`], sorted.
    Addresses(Vec<AddressRow>),
    /// To [`Query::AddressOwner`].
    AddressOwner(AddressOwner),
    /// To [`Query::ExplainRecipient`] and its like.
    Explanation(Explanation),
    /// To [`Query::MailSettings`].
    MailSettings(MailSettings),
    /// To [`Query::Aliases`], sorted.
    Aliases(Vec<AliasRow>),
    /// To [`Query::Alias`].
    Alias(AliasRow),
    /// To [`Query::Dkim`], sorted.
    Dkim(Vec<DkimRow>),
    /// To [`Query::TlsKeys`], by account.
    TlsKeys(Vec<TlsKeyRow>),
    /// To [`Query::TlsKey`].
    TlsKey(TlsKeyDetail),
    /// To [`Query::Names`], sorted.
    Names(Vec<NameRow>),
    /// To [`Query::Removal`].
    Removal(Removal),
    /// To [`Query::Config`].
    Config {
        /// As a file that means the same.
        toml: String,
        /// As JSON, with the keys of the file.
        json: serde_json::Value,
    },
    /// To [`Query::History`], newest first.
    History(Vec<HistoryRow>),
    /// To [`Query::Diff`].
    Diff(Difference),
    /// To [`Query::Made`].
    Made(Option<Made>),
}

/// Answers from a snapshot, and for the history from the control database.
pub fn answer(snapshot: &Snapshot, admin: &Admin, query: &Query) -> Result<Answer, AdminError> {
    Ok(match query {
        Query::Domains => Answer::Domains(domain::rows(snapshot)),
        Query::Domain { domain } => Answer::Domain(domain::detail(snapshot, domain)?),
        Query::DomainDns { domain } => Answer::DomainDns(domain::dns(snapshot, domain)?),
        Query::Accounts => Answer::Accounts(account::rows(snapshot)),
        Query::Account { account } => Answer::Account(account::detail(snapshot, account)?),
        Query::Addresses => Answer::Addresses(address::rows(snapshot)),
        Query::AddressOwner { address } => Answer::AddressOwner(address::owner(snapshot, address)?),
        Query::ExplainRecipient { address } => {
            Answer::Explanation(explanation::ask(snapshot, admin, |explainer| {
                explainer.rcpt_to(address)
            })?)
        }
        Query::ExplainSender { address, account } => {
            let account = account.as_deref();
            Answer::Explanation(explanation::ask(snapshot, admin, |explainer| {
                explainer.mail_from(address, account)
            })?)
        }
        Query::ExplainLogin { address } => {
            Answer::Explanation(explanation::ask(snapshot, admin, |explainer| {
                explainer.auth(address)
            })?)
        }
        Query::MailSettings { address } => {
            Answer::MailSettings(address::settings(snapshot, address)?)
        }
        Query::Aliases { domain } => Answer::Aliases(alias::of_domain(snapshot, domain)?),
        Query::Alias { alias } => Answer::Alias(alias::named(snapshot, alias)?),
        Query::Names { kind, start, limit } => {
            let (config, keys) = (&snapshot.config, snapshot.tls_keys());
            Answer::Names(names::names(config, keys, kind, start, *limit))
        }
        Query::Removal { account } => Answer::Removal(admin.removal(account)?),
        Query::Dkim { domain } => Answer::Dkim(dkim::of_domain(snapshot, domain)?),
        Query::TlsKeys { account } => Answer::TlsKeys(tls_key::rows(snapshot, admin, account)?),
        Query::TlsKey { fingerprint } => {
            Answer::TlsKey(tls_key::detail(snapshot, admin, fingerprint)?)
        }
        Query::Config => Answer::Config {
            toml: effective::to_toml(&snapshot.config),
            json: effective::to_json(&snapshot.config),
        },
        Query::History => Answer::History(history(admin)?),
        Query::Diff { from, to } => Answer::Diff(admin.difference(*from, *to)?),
        Query::Made { request } => Answer::Made(admin.made(request)?),
    })
}

fn not_found(kind: &str, text: &str, known: &[String]) -> AdminError {
    AdminError::NotFound {
        message: format!("{kind} {text:?} does not exist"),
        hint: diag::did_you_mean(text, known.iter().map(String::as_str))
            .map(|near| format!("did you mean {near}?"))
            .unwrap_or_default(),
    }
}
