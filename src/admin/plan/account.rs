//! Accounts: add, remove, disable and enable logins (`spec/accounts.md`).

use crate::addr::{AccountName, Address};
use crate::config::edit::{Edit, Value};
use crate::config::is_login_message;
use crate::config::model::{AddressPattern, Route, Transport};
use crate::snapshot::Lookup;
use crate::state::Op;

use super::{AdminError, Facts, Plan, conflict, still_referred_to};

impl Facts<'_> {
    pub(super) fn account_add(
        &self,
        account: &AccountName,
        address: &Address,
    ) -> Result<Plan, AdminError> {
        let mut plan = Plan::new(format!("account added: {account}"));
        self.add_account(account, address.clone(), &mut plan)?;
        self.domain(&address.domain)?;
        Ok(plan)
    }

    /// The same checks on every way in. The domain may be new.
    pub(super) fn add_account(
        &self,
        account: &AccountName,
        address: Address,
        plan: &mut Plan,
    ) -> Result<(), AdminError> {
        if self.config().accounts.contains_key(account) {
            return Err(conflict(format!("account {account} exists already")));
        }
        if self.removals.contains(account) {
            return Err(conflict(format!("account {account} is being removed")));
        }
        if (self.has_folder)(account) {
            return Err(AdminError::Conflict {
                message: format!("account {account} has a mail folder already"),
                hint: format!(
                    "it is of an earlier account: move accounts/{account} in the data directory away"
                ),
            });
        }
        let pattern = AddressPattern::Address(address);
        self.check_free(&pattern, None)?;
        plan.edits.push(Edit::AccountAdd {
            account: account.clone(),
            domain: pattern.domain().clone(),
            destinations: vec![pattern],
        });
        // An account that vanished from the file by hand has left its password and keys behind.
        plan.ops.push(Op::DropCredential(account.clone()));
        plan.ops.push(Op::DropTlsKeys(account.clone()));
        Ok(())
    }

    pub(super) fn account_remove(&self, account: &AccountName) -> Result<Plan, AdminError> {
        self.account(account)?;
        let mut references = self.references_to(account);
        let its_own = |member: &Address| {
            matches!(
                self.snapshot.lookup(member),
                Some(Lookup::Destination { account: owner, catchall: false, .. })
                    if owner == *account
            )
        };
        let mut plan = Plan::new(format!("account removed: {account}"));
        plan.edits = self.alias_members_gone(its_own, &mut references);
        references.extend(self.tls_keys_of_others(account));
        if !references.is_empty() {
            return Err(still_referred_to(
                &format!("account {account}"),
                &references,
            ));
        }
        plan.edits.push(Edit::AccountRemove {
            account: account.clone(),
        });
        plan.ops.push(Op::BeginRemoval(account.clone()));
        Ok(plan)
    }

    /// What else in the configuration names an account; aliases name addresses.
    fn references_to(&self, account: &AccountName) -> Vec<String> {
        let config = self.config();
        let mut references = Vec::new();
        if config
            .server
            .postmaster
            .as_ref()
            .is_some_and(|postmaster| postmaster.account == *account)
        {
            references.push("it gets the mail to postmaster (server.postmaster)".to_owned());
        }
        let mut loopback = |routes: &[Route], whose: String| {
            let leads_here = |route: &Route| match &route.transport {
                Transport::Loopback(to) => to == account,
            };
            if routes.iter().any(leads_here) {
                references.push(format!("a route{whose} leads to it"));
            }
        };
        loopback(&config.routes, String::new());
        for (name, domain) in &config.domains {
            loopback(&domain.routes, format!(" of domain {name}"));
        }
        for (name, other) in config.accounts.iter().filter(|(name, _)| *name != account) {
            loopback(&other.routes, format!(" of account {name}"));
        }
        if config.accounts.len() == 1 {
            references.push("it is the only account".to_owned());
        }
        references
    }

    pub(super) fn account_set_login_disabled(
        &self,
        account: &AccountName,
        message: &str,
    ) -> Result<Plan, AdminError> {
        let (word, value) = match message {
            "" => ("enabled", None),
            message => ("disabled", Some(Value::Text(message.to_owned()))),
        };
        if !is_login_message(message) {
            return Err(AdminError::Usage(
                "a message for logins is 1 to 256 printable ASCII characters".to_owned(),
            ));
        }
        if self.account(account)?.login_disabled == message {
            return Ok(Plan::new(format!("account is {word} already: {account}")));
        }
        let mut plan = Plan::new(format!("account {word}: {account}"));
        plan.edits.push(Edit::AccountSet {
            account: account.clone(),
            key: "login_disabled",
            value,
        });
        Ok(plan)
    }
}
