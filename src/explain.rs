//! `mox explain`: what the server answers, and the line of mox.toml that decides it. The answer is that
//! of [`policy`] and [`login`](crate::login) in the words of [`verdict`]; here is only why.

mod written;

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::addr::{AccountName, Address, Domain};
use crate::config::locate::{KeyPath, locate, written};
use crate::config::model::{AddressPattern, DomainConfig};
use crate::login::{LoginRefusal, with_right_password};
use crate::policy::{self, Delivery, Origin, RcptRefusal, Recipient, SenderRefusal};
use crate::smtp::Reply;
use crate::snapshot::{Lookup, Snapshot};
use crate::verdict;

/// An answer and why it is given. Text that is absent is empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explanation {
    /// What was asked about.
    pub address: String,
    /// Whether it is taken.
    pub accept: bool,
    /// SMTP's code, `450`.
    pub code: String,
    /// Its enhanced code, `4.2.1`.
    pub enhanced: String,
    /// SMTP's words.
    pub answer: String,
    /// Why, for the admin: peers are not told.
    pub reason: String,
    /// Who gets the mail, sends or logs in; several, of an alias, are divided by spaces.
    pub account: String,
    /// Where the mail is filed.
    pub mailbox: String,
    /// What leads there: `alias team@example.org`, `catchall @example.org`, `separator +`, `postmaster`.
    pub via: Vec<String>,
    /// The key that decides, `domains."example.org".disabled`.
    pub key: String,
    /// mox.toml, as it was named.
    pub file: String,
    /// The key's line, or that of what is around it where it has its default; 0: nothing of the file.
    pub line: usize,
    /// From 1, in characters; 0 likewise.
    pub column: usize,
    /// The line.
    pub text: String,
}

/// What decides.
struct Because {
    reason: String,
    via: Vec<String>,
    key: KeyPath,
}

/// The facts, and the text that they were read from.
#[derive(Debug, Clone, Copy)]
pub struct Explainer<'s> {
    /// What decisions are made on.
    pub snapshot: &'s Snapshot,
    /// mox.toml as it was read.
    pub text: &'s str,
    /// As it was named.
    pub file: &'s Path,
}

impl Explainer<'_> {
    /// RCPT TO on port 25.
    pub fn recipient(&self, recipient: &Recipient) -> Explanation {
        let decided = policy::decide_rcpt(self.snapshot, &Origin::Outside, recipient);
        let because = match recipient {
            Recipient::Postmaster => self.postmaster(),
            Recipient::Address(address) => self.about_recipient(address, &decided),
        };
        let shown = match recipient {
            Recipient::Postmaster => "postmaster".to_owned(),
            Recipient::Address(address) => address.to_string(),
        };
        let reply = verdict::recipient(&decided);
        let mut explanation = self.explanation(shown, &reply, because);
        for Delivery {
            account, mailbox, ..
        } in decided.iter().flatten()
        {
            join(&mut explanation.account, account.as_str());
            if !explanation.mailbox.split(' ').any(|known| known == mailbox) {
                join(&mut explanation.mailbox, mailbox);
            }
        }
        explanation
    }

    /// MAIL FROM in submission, by the account; by default the one whose address it is.
    pub fn sender(&self, sender: &Address, account: Option<&AccountName>) -> Explanation {
        let owner = match self.snapshot.lookup(sender) {
            Some(Lookup::Destination { account, .. }) => Some(account),
            Some(Lookup::Alias(name)) => self.member_of(&name),
            None => None,
        };
        let account = account.cloned().or(owner);
        let decided = match &account {
            Some(account) => policy::decide_sender(self.snapshot, account, sender),
            None => Err(SenderRefusal::NotYours),
        };
        let because = self.about_sender(sender, account.as_ref(), &decided);
        let reply = verdict::sender(&decided);
        let mut explanation = self.explanation(sender.to_string(), &reply, because);
        explanation.account = account.map(|name| name.to_string()).unwrap_or_default();
        explanation
    }

    /// A login with the right password.
    pub fn login(&self, address: &Address) -> Explanation {
        let decided = with_right_password(self.snapshot, &address.to_string());
        let because = self.about_login(address, decided.as_ref().err());
        let account = match self.snapshot.lookup(address) {
            Some(Lookup::Destination { account, .. }) => account.to_string(),
            _ => String::new(),
        };
        let reply = verdict::login(&decided);
        let mut explanation = self.explanation(address.to_string(), &reply, because);
        explanation.account = account;
        explanation
    }

    fn explanation(&self, address: String, reply: &Reply, because: Because) -> Explanation {
        let place = locate(self.text, self.file, &because.key);
        let (line, column, text) = match place {
            Some(place) => (place.line, place.column, place.text),
            None => (0, 0, String::new()),
        };
        Explanation {
            address,
            accept: reply.is_success(),
            code: reply.code.to_string(),
            enhanced: reply.enhanced.map(|e| e.to_string()).unwrap_or_default(),
            answer: reply.text.clone().into_owned(),
            reason: because.reason,
            account: String::new(),
            mailbox: String::new(),
            via: because.via,
            key: written(&because.key),
            file: match line {
                0 => String::new(),
                _ => self.file.display().to_string(),
            },
            line,
            column,
            text,
        }
    }

    fn about_recipient(
        &self,
        address: &Address,
        decided: &Result<Vec<Delivery>, RcptRefusal>,
    ) -> Because {
        let Some(domain) = self.snapshot.domain(&address.domain) else {
            return match decided {
                Err(_) => self.not_hosted(&address.domain),
                Ok(_) => self.postmaster(),
            };
        };
        if domain.disabled {
            return disabled(&address.domain);
        }
        match self.snapshot.lookup(address) {
            Some(Lookup::Destination { account, .. }) => {
                self.destination(address, domain, &account)
            }
            Some(Lookup::Alias(name)) => self.alias(address, &name, decided.as_ref().err()),
            None if decided.is_ok() => self.postmaster(),
            None => unknown(address),
        }
    }

    fn about_sender(
        &self,
        sender: &Address,
        account: Option<&AccountName>,
        decided: &Result<(), SenderRefusal>,
    ) -> Because {
        let Some(domain) = self.snapshot.domain(&sender.domain) else {
            return self.not_hosted(&sender.domain);
        };
        match (self.snapshot.lookup(sender), decided) {
            (_, Err(SenderRefusal::DomainDisabled)) => disabled(&sender.domain),
            (Some(Lookup::Destination { account: owner, .. }), decided) => {
                let mut because = self.destination(sender, domain, &owner);
                if let (Err(_), Some(account)) = (decided, account) {
                    because.reason = format!("{}, not {account}", because.reason);
                }
                because
            }
            (Some(Lookup::Alias(name)), decided) => {
                let mut key = alias_key(&name);
                let allows = domain
                    .aliases
                    .get(&name.localpart)
                    .is_some_and(|alias| alias.allow_msg_from);
                let reason = match (decided, allows) {
                    (Ok(()), _) => {
                        format!("alias {name} lets its members send as it")
                    }
                    (Err(_), false) => format!("alias {name} does not let its members send as it"),
                    (Err(_), true) => match account {
                        Some(account) => format!("account {account} is no member of alias {name}"),
                        None => format!("no account is a member of alias {name}"),
                    },
                };
                key.push(
                    if allows && decided.is_err() {
                        "addresses"
                    } else {
                        "allow_msg_from"
                    }
                    .to_owned(),
                );
                Because {
                    reason,
                    via: vec![format!("alias {name}")],
                    key,
                }
            }
            (None, _) => unknown(sender),
        }
    }

    fn about_login(&self, address: &Address, refusal: Option<&LoginRefusal>) -> Because {
        let Some(domain) = self.snapshot.domain(&address.domain) else {
            return self.not_hosted(&address.domain);
        };
        match self.snapshot.lookup(address) {
            Some(Lookup::Destination { account, .. }) => {
                let mut because = self.destination(address, domain, &account);
                match refusal {
                    Some(LoginRefusal::LoginDisabled(message)) => {
                        because.reason =
                            format!("logins of account {account} are disabled: {message}");
                        because.key = account_key(&account, &["login_disabled"]);
                    }
                    Some(_) => {
                        because.reason = format!("account {account} has no password");
                        because.key = account_key(&account, &[]);
                    }
                    None => {}
                }
                because
            }
            Some(Lookup::Alias(name)) => Because {
                reason: format!("{name} is an alias: nobody logs in with it"),
                via: vec![format!("alias {name}")],
                key: alias_key(&name),
            },
            None => unknown(address),
        }
    }

    /// By which of its account's destinations an address is taken.
    fn destination(
        &self,
        address: &Address,
        domain: &DomainConfig,
        owner: &AccountName,
    ) -> Because {
        let folded = domain.folded(&address.localpart);
        let canonical = domain.canonical(&address.localpart);
        let destinations = self.snapshot.account(owner).map(|a| &a.destinations);
        let own = |localpart| {
            let mut all = destinations.into_iter().flat_map(|all| all.keys());
            all.find(|pattern| match pattern {
                AddressPattern::Address(own) => {
                    own.domain == address.domain && domain.folded(&own.localpart) == localpart
                }
                AddressPattern::Catchall(_) => false,
            })
        };
        let (pattern, via) = match (own(folded), own(canonical.clone())) {
            (Some(whole), _) => (whole.clone(), None),
            (None, Some(cut)) => {
                let rest = domain.folded(&address.localpart);
                let rest = rest.as_str().get(canonical.as_str().len()..);
                let separators = domain.localpart_catchall_separators.iter();
                let separator = separators.max_by_key(|s| match rest {
                    Some(rest) if rest.starts_with(s.as_str()) => s.len(),
                    _ => 0,
                });
                (cut.clone(), separator.map(|s| format!("separator {s}")))
            }
            (None, None) => {
                let catchall = AddressPattern::Catchall(address.domain.clone());
                let via = format!("catchall {catchall}");
                (catchall, Some(via))
            }
        };
        Because {
            reason: format!("{pattern} belongs to account {owner}"),
            via: via.into_iter().collect(),
            key: account_key(owner, &["destinations", &pattern.to_string()]),
        }
    }

    fn alias(&self, address: &Address, name: &Address, refusal: Option<&RcptRefusal>) -> Because {
        let mut key = alias_key(name);
        let via = vec![format!("alias {name}")];
        let alias = self
            .snapshot
            .domain(&name.domain)
            .and_then(|domain| domain.aliases.get(&name.localpart));
        let members = alias
            .map(|alias| alias.addresses.as_slice())
            .unwrap_or_default();
        let reason = match refusal {
            None => format!("{address} is alias {name}, with {} members", members.len()),
            Some(RcptRefusal::MembersOnly) => {
                key.push("post_public".to_owned());
                format!("alias {name} takes mail of its members only")
            }
            Some(RcptRefusal::DomainDisabled) => {
                let waiting = members.iter().find(|member| {
                    let domain = self.snapshot.domain(&member.domain);
                    domain.is_some_and(|domain| domain.disabled)
                });
                if let Some(member) = waiting {
                    return Because {
                        reason: format!(
                            "{member} is a member of alias {name}, and its domain is disabled"
                        ),
                        via,
                        key: domain_key(&member.domain, &["disabled"]),
                    };
                }
                format!("a member of alias {name} is at a disabled domain")
            }
            Some(_) => format!("nobody gets mail of alias {name}"),
        };
        if refusal.is_none() {
            key.push("addresses".to_owned());
        }
        Because { reason, via, key }
    }

    fn postmaster(&self) -> Because {
        let reason = match self.snapshot.postmaster() {
            Some((account, _)) => format!("account {account} is the postmaster"),
            None => "no postmaster is configured".to_owned(),
        };
        Because {
            reason,
            via: vec!["postmaster".to_owned()],
            key: vec!["server".to_owned(), "postmaster".to_owned()],
        }
    }

    fn not_hosted(&self, domain: &Domain) -> Because {
        let known = self.snapshot.config.domains.keys();
        let known: Vec<String> = known.map(Domain::unicode).collect();
        let near = crate::diag::did_you_mean(&domain.unicode(), known.iter().map(String::as_str));
        let hint = near.map(|near| format!("; {near} is")).unwrap_or_default();
        Because {
            reason: format!("domain {domain} is not hosted here{hint}"),
            via: Vec::new(),
            key: KeyPath::new(),
        }
    }

    /// The account of an alias's first member.
    fn member_of(&self, name: &Address) -> Option<AccountName> {
        let alias = self
            .snapshot
            .domain(&name.domain)?
            .aliases
            .get(&name.localpart)?;
        alias
            .addresses
            .iter()
            .find_map(|member| match self.snapshot.lookup(member)? {
                Lookup::Destination { account, .. } => Some(account),
                Lookup::Alias(_) => None,
            })
    }
}

fn disabled(domain: &Domain) -> Because {
    Because {
        reason: format!("domain {domain} is disabled"),
        via: Vec::new(),
        key: domain_key(domain, &["disabled"]),
    }
}

fn unknown(address: &Address) -> Because {
    Because {
        reason: format!(
            "nothing at domain {} has the address, and it has no catchall",
            address.domain
        ),
        via: Vec::new(),
        key: domain_key(&address.domain, &[]),
    }
}

fn domain_key(domain: &Domain, rest: &[&str]) -> KeyPath {
    let mut key = vec!["domains".to_owned(), domain.unicode()];
    key.extend(rest.iter().map(|name| (*name).to_owned()));
    key
}

fn account_key(account: &AccountName, rest: &[&str]) -> KeyPath {
    let mut key = vec!["accounts".to_owned(), account.to_string()];
    key.extend(rest.iter().map(|name| (*name).to_owned()));
    key
}

fn alias_key(name: &Address) -> KeyPath {
    domain_key(&name.domain, &["aliases", name.localpart.as_str()])
}

fn join(list: &mut String, item: &str) {
    if !list.is_empty() {
        list.push(' ');
    }
    list.push_str(item);
}

#[cfg(test)]
mod tests;
