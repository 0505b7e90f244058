//! Addresses of accounts: add, remove.

use crate::addr::AccountName;
use crate::config::edit::Edit;
use crate::config::model::AddressPattern;
use crate::snapshot::Lookup;

use super::{AdminError, Facts, Plan, conflict, not_found, still_referred_to};

impl Facts<'_> {
    pub(super) fn address_add(
        &self,
        address: &str,
        account: &AccountName,
    ) -> Result<Plan, AdminError> {
        let pattern = parse(address)?;
        self.account(account)?;
        self.domain(pattern.domain())?;
        self.check_free(&pattern, Some(account))?;
        let mut plan = Plan::new(format!("address added: {pattern} to account {account}"));
        plan.edits.push(Edit::DestinationAdd {
            account: account.clone(),
            pattern,
        });
        Ok(plan)
    }

    /// Refuses an address that leads somewhere already. What differs only behind a separator from an
    /// address of the same account is free for it.
    pub(super) fn check_free(
        &self,
        pattern: &AddressPattern,
        account: Option<&AccountName>,
    ) -> Result<(), AdminError> {
        if let Some((owner, _)) = self.owner(pattern) {
            return Err(conflict(format!(
                "address {pattern} belongs to account {owner} already"
            )));
        }
        let AddressPattern::Address(address) = pattern else {
            return Ok(());
        };
        match self.snapshot.lookup(address) {
            Some(Lookup::Alias(alias)) => Err(conflict(format!(
                "address {pattern} leads to alias {alias} already"
            ))),
            Some(Lookup::Destination {
                account: owner,
                catchall: false,
                ..
            }) if Some(&owner) != account => Err(conflict(format!(
                "address {pattern} leads to account {owner} already"
            ))),
            _ => Ok(()),
        }
    }

    pub(super) fn address_remove(&self, address: &str) -> Result<Plan, AdminError> {
        let pattern = parse(address)?;
        let Some((account, written)) = self.owner(&pattern) else {
            return Err(self.no_such_address(&pattern));
        };
        let mut references = Vec::new();
        let mut plan = Plan::new(format!("address removed: {written} from account {account}"));
        if let AddressPattern::Address(gone) = written {
            plan.edits =
                self.alias_members_gone(|member| self.same_address(member, gone), &mut references);
            references.extend(self.tls_keys_with(gone));
        }
        if !references.is_empty() {
            return Err(still_referred_to(
                &format!("address {written}"),
                &references,
            ));
        }
        plan.edits.push(Edit::DestinationRemove {
            account: account.clone(),
            pattern: written.clone(),
        });
        Ok(plan)
    }

    /// What to say of an address that no account has.
    pub(super) fn no_such_address(&self, pattern: &AddressPattern) -> AdminError {
        let accounts = self.config().accounts.values();
        let known: Vec<String> = accounts
            .flat_map(|account| account.destinations.keys().map(ToString::to_string))
            .collect();
        not_found(
            format!("address {pattern} belongs to no account"),
            &pattern.to_string(),
            known.iter().map(String::as_str),
        )
    }

    /// The account whose destination this is, and how it is written there.
    pub(super) fn owner(
        &self,
        pattern: &AddressPattern,
    ) -> Option<(&AccountName, &AddressPattern)> {
        let accounts = &self.config().accounts;
        let AddressPattern::Address(address) = pattern else {
            return accounts.iter().find_map(|(account, settings)| {
                let (written, _) = settings.destinations.get_key_value(pattern)?;
                Some((account, written))
            });
        };
        match self.snapshot.lookup(address)? {
            Lookup::Destination {
                account,
                catchall: false,
                ..
            } => {
                let (account, settings) = accounts.get_key_value(&account)?;
                let mut destinations = settings.destinations.keys();
                let written = destinations.find(|written| match written {
                    AddressPattern::Address(written) => self.same_address(written, address),
                    AddressPattern::Catchall(_) => false,
                })?;
                Some((account, written))
            }
            _ => None,
        }
    }
}

fn parse(address: &str) -> Result<AddressPattern, AdminError> {
    AddressPattern::parse(address).map_err(|error| AdminError::Usage(error.to_string()))
}
