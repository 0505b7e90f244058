//! Domains: add, remove, disable, enable.

use std::path::PathBuf;

use crate::addr::{AccountName, Address, Domain, Localpart};
use crate::config::edit::Edit;
use crate::config::model::AddressPattern;

use super::dkim::key_file;
use super::{AdminError, Facts, KeyKind, NewKey, Plan, conflict, still_referred_to};

impl Facts<'_> {
    pub(super) fn domain_add(
        &self,
        domain: &Domain,
        account: &AccountName,
        localpart: Option<&Localpart>,
        disabled: bool,
    ) -> Result<Plan, AdminError> {
        if self.config().domains.contains_key(domain) {
            return Err(conflict(format!("domain {domain} exists already")));
        }
        let mut plan = Plan::new(match disabled {
            true => format!("domain added, disabled: {domain}"),
            false => format!("domain added: {domain}"),
        });
        let keys = self.new_keys(domain);
        plan.edits.push(Edit::DomainAdd {
            domain: domain.clone(),
            disabled,
            dkim: keys
                .iter()
                .map(|(selector, file, _)| (selector.clone(), PathBuf::from(file)))
                .collect(),
        });
        plan.keys = keys
            .into_iter()
            .map(|(_, file, kind)| NewKey { file, kind })
            .collect();
        let address = localpart.map(|localpart| Address {
            localpart: localpart.clone(),
            domain: domain.clone(),
        });
        match (self.account(account), address) {
            (Ok(_), None) => {}
            (Ok(_), Some(address)) => plan.edits.push(Edit::DestinationAdd {
                account: account.clone(),
                pattern: AddressPattern::Address(address),
            }),
            (Err(_), Some(address)) => self.add_account(account, address, &mut plan)?,
            (Err(AdminError::NotFound { message, hint }), None) => {
                return Err(AdminError::NotFound {
                    message,
                    hint: format!("{hint} a LOCALPART is needed to make it")
                        .trim_start()
                        .to_owned(),
                });
            }
            (Err(error), None) => return Err(error),
        }
        Ok(plan)
    }

    /// Two DKIM keys, RSA for everybody and Ed25519 (RFC 8463): selectors, files as they stand in
    /// mox.toml, kinds. A domain that was here before has left its files: they are never written
    /// over.
    pub(super) fn new_keys(&self, domain: &Domain) -> [(String, String, KeyKind); 2] {
        let year = self.now.to_zoned(jiff::tz::TimeZone::UTC).year();
        let named = |n: u64, kind| {
            let selector = format!("{year}{}", letters(n));
            let file = key_file(&selector, domain);
            (selector, file, kind)
        };
        let mut n = 0;
        loop {
            let pair = [named(n, KeyKind::Rsa), named(n + 1, KeyKind::Ed25519)];
            if !pair.iter().any(|(_, file, _)| (self.has_file)(file)) {
                return pair;
            }
            n += 2;
        }
    }

    /// The key files stay: mail that is under way is signed with them, and a rollback needs them.
    pub(super) fn domain_remove(&self, domain: &Domain) -> Result<Plan, AdminError> {
        self.domain(domain)?;
        let mut references = Vec::new();
        for (name, account) in &self.config().accounts {
            if account.domain == *domain {
                references.push(format!("it is the domain of account {name}"));
            }
            for pattern in account.destinations.keys() {
                if pattern.domain() == domain {
                    references.push(format!("{pattern} is an address of account {name}"));
                }
            }
        }
        for (alias, members) in self.aliases() {
            if alias.domain != *domain {
                for member in members.iter().filter(|member| member.domain == *domain) {
                    references.push(format!("{member} is a member of alias {alias}"));
                }
            }
        }
        references.extend(self.tls_keys_at(domain));
        if !references.is_empty() {
            return Err(still_referred_to(&format!("domain {domain}"), &references));
        }
        let mut plan = Plan::new(format!("domain removed: {domain}"));
        plan.edits.push(Edit::DomainRemove {
            domain: domain.clone(),
        });
        Ok(plan)
    }

    pub(super) fn domain_set_disabled(
        &self,
        domain: &Domain,
        disabled: bool,
    ) -> Result<Plan, AdminError> {
        let word = match disabled {
            true => "disabled",
            false => "enabled",
        };
        if self.domain(domain)?.disabled == disabled {
            return Ok(Plan::new(format!("domain is {word} already: {domain}")));
        }
        let mut plan = Plan::new(format!("domain {word}: {domain}"));
        plan.edits.push(Edit::DomainSetDisabled {
            domain: domain.clone(),
            disabled,
        });
        Ok(plan)
    }
}

/// a to z, aa to az, ba …: as many names as are needed.
fn letters(mut n: u64) -> String {
    let mut letters = String::new();
    loop {
        letters.insert(0, char::from(b'a' + (n % 26) as u8));
        match n / 26 {
            0 => return letters,
            more => n = more - 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::letters;

    #[test]
    fn letters_do_not_run_out() {
        let named: Vec<String> = [0, 1, 25, 26, 51, 52, 701, 702].map(letters).into();
        assert_eq!(named, ["a", "b", "z", "aa", "az", "ba", "zz", "aaa"]);
        let mut all: Vec<String> = (0..20_000).map(letters).collect();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), 20_000);
    }
}
