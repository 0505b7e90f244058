//! Reading facts: the questions of `list`, `show` and their like, answered from one snapshot; by the
//! daemon when one runs, else by the command itself.

mod alias;
mod dkim;
mod tls_key;

use serde::{Deserialize, Serialize};

use super::sessions::time_text;
use crate::addr::{AccountName, Address, Domain};
use crate::admin::{Admin, AdminError, Difference, Removal, Side};
use crate::config::effective;
use crate::config::model::{Account, AddressPattern, DomainConfig};
use crate::diag;
use crate::explain::{Explainer, Explanation};
use crate::policy::{MailSettings, NoMailSettings, Recipient, mail_settings};
use crate::snapshot::{Lookup, Snapshot};
use crate::state::Generation;
use crate::x509::Fingerprint;
use crate::zone::DomainDns;

pub use alias::AliasRow;
pub use dkim::DkimRow;
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
    /// To [`Query::Made`]: the generation that has it.
    Made(Option<HistoryRow>),
}

/// A domain in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DomainRow {
    /// U-labels.
    pub domain: String,
    /// Mail that involves it is refused for now.
    pub disabled: bool,
    /// Accounts with an address at it.
    pub accounts: u64,
    /// Addresses at it, a catchall included.
    pub addresses: u64,
    /// Aliases at it.
    pub aliases: u64,
}

/// A domain with what is at it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DomainDetail {
    /// U-labels.
    pub domain: String,
    /// Mail that involves it is refused for now.
    pub disabled: bool,
    /// Accounts with an address at it, sorted.
    pub accounts: Vec<String>,
    /// Addresses at it and whose they are, sorted.
    pub addresses: Vec<AddressRow>,
    /// Addresses of its aliases, sorted.
    pub aliases: Vec<String>,
    /// Host name given to mail programs.
    pub client_settings_domain: String,
    /// Whether localparts in other case are others.
    pub localpart_case_sensitive: bool,
    /// Texts behind which a localpart does not count.
    pub localpart_catchall_separators: Vec<String>,
}

/// An account in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountRow {
    /// Its name.
    pub account: String,
    /// Its own domain.
    pub domain: String,
    /// The message that stops logins; empty when they work.
    pub login_disabled: String,
    /// Its addresses, `@domain` for a catchall.
    pub addresses: Vec<String>,
    /// Bytes it may hold; 0: no limit.
    pub quota: u64,
}

/// An account with all there is to say of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountDetail {
    /// As in a list.
    #[serde(flatten)]
    pub row: AccountRow,
    /// Its addresses and where their mail goes.
    pub destinations: Vec<AddressRow>,
    /// Name of its owner.
    pub full_name: String,
    /// Whether a password was set.
    pub password: bool,
}

/// A destination.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AddressRow {
    /// The address, `@domain` for a catchall.
    pub address: String,
    /// Whose.
    pub account: String,
    /// Where its mail is filed.
    pub mailbox: String,
}

/// Who gets mail for an address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddressOwner {
    /// The account.
    pub account: String,
    /// The destination that matches: catchall separator and case folded, or `@domain`.
    pub address: String,
    /// Whether only a catchall matches it.
    pub catchall: bool,
}

/// A generation in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryRow {
    /// Its number.
    pub generation: u64,
    /// RFC 3339, UTC, with three fraction digits.
    pub time: String,
    /// Unix user; `file` for hand edits.
    pub actor: String,
    /// The command line.
    pub command: String,
    /// One line for people.
    pub summary: String,
}

/// Answers from a snapshot, and for the history from the control database.
pub fn answer(snapshot: &Snapshot, admin: &Admin, query: &Query) -> Result<Answer, AdminError> {
    Ok(match query {
        Query::Domains => Answer::Domains(domains(snapshot)),
        Query::Domain { domain } => Answer::Domain(domain_detail(snapshot, domain)?),
        Query::DomainDns { domain } => {
            let (name, settings) = domain_named(snapshot, domain)?;
            Answer::DomainDns(DomainDns::gather(&snapshot.config, &name, settings))
        }
        Query::Accounts => Answer::Accounts(
            snapshot
                .config
                .accounts
                .iter()
                .map(|(name, account)| account_row(name, account))
                .collect(),
        ),
        Query::Account { account } => Answer::Account(account_detail(snapshot, account)?),
        Query::Addresses => {
            let mut rows: Vec<AddressRow> = snapshot
                .config
                .accounts
                .iter()
                .flat_map(|(name, account)| address_rows(name, account))
                .collect();
            rows.sort();
            Answer::Addresses(rows)
        }
        Query::AddressOwner { address } => Answer::AddressOwner(owner(snapshot, address)?),
        Query::ExplainRecipient { address } => {
            let recipient = match address.eq_ignore_ascii_case("postmaster") {
                true => Recipient::Postmaster,
                false => Recipient::Address(parse_address(address)?),
            };
            explained(snapshot, admin, |explainer| explainer.recipient(&recipient))?
        }
        Query::ExplainSender { address, account } => {
            let address = parse_address(address)?;
            let account = account.as_ref().map(|name| known_account(snapshot, name));
            let account = account.transpose()?;
            explained(snapshot, admin, |explainer| {
                explainer.sender(&address, account.as_ref())
            })?
        }
        Query::ExplainLogin { address } => {
            let address = parse_address(address)?;
            explained(snapshot, admin, |explainer| explainer.login(&address))?
        }
        Query::MailSettings { address } => Answer::MailSettings(settings(snapshot, address)?),
        Query::Aliases { domain } => Answer::Aliases(alias::of_domain(snapshot, domain)?),
        Query::Alias { alias } => Answer::Alias(alias::named(snapshot, alias)?),
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
        Query::Made { request } => Answer::Made(made(admin, request)?),
    })
}

fn explained(
    snapshot: &Snapshot,
    admin: &Admin,
    ask: impl FnOnce(&Explainer<'_>) -> Explanation,
) -> Result<Answer, AdminError> {
    let text = admin.text_of(snapshot)?;
    Ok(Answer::Explanation(ask(&Explainer {
        snapshot,
        text: &text,
        file: admin.file(),
    })))
}

fn parse_address(text: &str) -> Result<Address, AdminError> {
    Address::parse(text).map_err(|e| AdminError::Usage(e.to_string()))
}

/// Counts in one walk over the accounts, whatever the number of domains.
fn domains(snapshot: &Snapshot) -> Vec<DomainRow> {
    let config = &snapshot.config;
    let mut counts: std::collections::HashMap<&Domain, (u64, u64)> =
        std::collections::HashMap::new();
    for account in config.accounts.values() {
        let mut seen: Vec<&Domain> = Vec::new();
        for pattern in account.destinations.keys() {
            let domain = pattern.domain();
            let (accounts, addresses) = counts.entry(domain).or_default();
            *addresses += 1;
            if !seen.contains(&domain) {
                seen.push(domain);
                *accounts += 1;
            }
        }
    }
    config
        .domains
        .iter()
        .map(|(name, domain)| {
            let (accounts, addresses) = counts.get(name).copied().unwrap_or_default();
            DomainRow {
                domain: name.unicode(),
                disabled: domain.disabled,
                accounts,
                addresses,
                aliases: domain.aliases.len() as u64,
            }
        })
        .collect()
}

/// A domain that must be there.
fn domain_named<'s>(
    snapshot: &'s Snapshot,
    text: &str,
) -> Result<(Domain, &'s DomainConfig), AdminError> {
    let name = Domain::parse(text).map_err(|e| AdminError::Usage(e.to_string()))?;
    match snapshot.domain(&name) {
        Some(domain) => Ok((name, domain)),
        None => {
            let domains = snapshot.config.domains.keys();
            let known: Vec<String> = domains.map(Domain::unicode).collect();
            Err(not_found("domain", text, &known))
        }
    }
}

fn domain_detail(snapshot: &Snapshot, text: &str) -> Result<DomainDetail, AdminError> {
    let (name, domain) = domain_named(snapshot, text)?;
    let mut addresses: Vec<AddressRow> = Vec::new();
    let mut accounts = Vec::new();
    for (account_name, account) in &snapshot.config.accounts {
        let before = addresses.len();
        addresses.extend(
            account
                .destinations
                .iter()
                .filter(|(pattern, _)| pattern.domain() == &name)
                .map(|(pattern, destination)| AddressRow {
                    address: pattern.to_string(),
                    account: account_name.to_string(),
                    mailbox: destination.mailbox.clone(),
                }),
        );
        if addresses.len() > before {
            accounts.push(account_name.to_string());
        }
    }
    addresses.sort();
    Ok(DomainDetail {
        domain: name.unicode(),
        disabled: domain.disabled,
        accounts,
        addresses,
        aliases: (domain.aliases.keys())
            .map(|localpart| format!("{localpart}@{name}"))
            .collect(),
        client_settings_domain: (domain.client_settings_domain.as_ref())
            .unwrap_or(&snapshot.config.server.hostname)
            .unicode(),
        localpart_case_sensitive: domain.localpart_case_sensitive,
        localpart_catchall_separators: domain.localpart_catchall_separators.clone(),
    })
}

/// The name of an account that is there.
fn known_account(snapshot: &Snapshot, text: &str) -> Result<AccountName, AdminError> {
    let name = AccountName::parse(text).map_err(|e| AdminError::Usage(e.to_string()))?;
    if snapshot.account(&name).is_some() {
        return Ok(name);
    }
    let known = snapshot.config.accounts.keys();
    let known: Vec<String> = known.map(ToString::to_string).collect();
    Err(not_found("account", text, &known))
}

fn account_detail(snapshot: &Snapshot, text: &str) -> Result<AccountDetail, AdminError> {
    let name = known_account(snapshot, text)?;
    let Some(account) = snapshot.account(&name) else {
        return Err(not_found("account", text, &[]));
    };
    Ok(AccountDetail {
        row: account_row(&name, account),
        destinations: address_rows(&name, account).collect(),
        full_name: account.full_name.clone(),
        password: snapshot.credential(&name).is_some(),
    })
}

fn owner(snapshot: &Snapshot, text: &str) -> Result<AddressOwner, AdminError> {
    if let Some(domain) = text.strip_prefix('@') {
        let domain = Domain::parse(domain).map_err(|e| AdminError::Usage(e.to_string()))?;
        let catchall = AddressPattern::Catchall(domain.clone());
        return snapshot
            .config
            .accounts
            .iter()
            .find(|(_, account)| account.destinations.contains_key(&catchall))
            .map(|(name, _)| AddressOwner {
                account: name.to_string(),
                address: format!("@{domain}"),
                catchall: true,
            })
            .ok_or_else(|| AdminError::NotFound {
                message: format!("domain {domain} has no catchall address"),
                hint: String::new(),
            });
    }
    let address = parse_address(text)?;
    match snapshot.lookup(&address) {
        Some(Lookup::Destination {
            account, catchall, ..
        }) => Ok(AddressOwner {
            account: account.to_string(),
            address: match catchall {
                true => format!("@{}", address.domain),
                false => Address {
                    localpart: snapshot.canonical(&address),
                    domain: address.domain.clone(),
                }
                .to_string(),
            },
            catchall,
        }),
        Some(Lookup::Alias(alias)) => Err(AdminError::NotFound {
            message: format!("{address} is the alias {alias}, no account's address"),
            hint: String::new(),
        }),
        None => {
            let known: Vec<String> = snapshot
                .config
                .accounts
                .values()
                .flat_map(|account| account.destinations.keys())
                .map(ToString::to_string)
                .collect();
            Err(not_found("address", text, &known))
        }
    }
}

fn settings(snapshot: &Snapshot, text: &str) -> Result<MailSettings, AdminError> {
    let address = Address::parse(text).map_err(|e| AdminError::Usage(e.to_string()))?;
    mail_settings(snapshot, &address).map_err(|none| match none {
        // The owner's refusal knows a name that is near.
        NoMailSettings::NotAnAccounts => match owner(snapshot, text) {
            Err(refusal) => refusal,
            Ok(_) => not_found("address", text, &[]),
        },
        NoMailSettings::NoService(name) => AdminError::Conflict {
            message: format!("no listener offers {name}"),
            hint: format!("give one of them tls and {name} in mox.toml"),
        },
    })
}

/// What is kept of the history, newest first; it needs no valid mox.toml.
pub fn history(admin: &Admin) -> Result<Vec<HistoryRow>, AdminError> {
    Ok(admin.history()?.iter().map(history_row).collect())
}

/// The generation that a request made, if it did.
pub fn made(admin: &Admin, request: &str) -> Result<Option<HistoryRow>, AdminError> {
    let all = admin.history()?;
    let found = all
        .iter()
        .find(|generation| !request.is_empty() && generation.request == request);
    Ok(found.map(history_row))
}

fn history_row(generation: &Generation) -> HistoryRow {
    HistoryRow {
        generation: generation.number,
        time: time_text(generation.time),
        actor: generation.actor.clone(),
        command: generation.command.clone(),
        summary: generation.summary.clone(),
    }
}

fn account_row(name: &AccountName, account: &Account) -> AccountRow {
    AccountRow {
        account: name.to_string(),
        domain: account.domain.unicode(),
        login_disabled: account.login_disabled.clone(),
        addresses: account
            .destinations
            .keys()
            .map(ToString::to_string)
            .collect(),
        quota: account.quota,
    }
}

fn address_rows<'a>(
    name: &'a AccountName,
    account: &'a Account,
) -> impl Iterator<Item = AddressRow> + 'a {
    account
        .destinations
        .iter()
        .map(move |(pattern, destination)| AddressRow {
            address: pattern.to_string(),
            account: name.to_string(),
            mailbox: destination.mailbox.clone(),
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
