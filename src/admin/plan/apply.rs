//! `config apply`: domains and accounts as a file wants them, in one change. What a single command would
//! refuse is refused here too, all of it at once, with everything that stands in the way.

mod going;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::PathBuf;

use serde_json::Value;

use crate::addr::{AccountName, Address, Domain};
use crate::admin::step::{Action, Step, steps};
use crate::config::desired::{self, Desired, Difference};
use crate::config::edit::Edit;
use crate::config::model::{AddressPattern, Route, Transport};
use crate::snapshot::Lookup;
use crate::state::Op;

use super::{AdminError, Facts, NewKey, Plan};
use going::Going;

/// Reasons that are named at most.
const NAMED: usize = 20;

impl Facts<'_> {
    pub(in crate::admin) fn apply(&self, desired: &Desired<'_>) -> Result<Plan, AdminError> {
        let mut differences = desired.differences(self.config());
        let going = Going::of(&differences);
        let mut reasons = Vec::new();
        let mut hint = String::new();

        let mut plan = Plan::default();
        for account in &going.accounts_added {
            if self.removals.contains(account) {
                reasons.push(format!("account {account} is being removed"));
            } else if (self.has_folder)(account) {
                reasons.push(format!("account {account} has a mail folder already"));
                hint = format!(
                    "it is of an earlier account: move accounts/{account} in the data directory away"
                );
            }
            plan.ops.push(Op::DropCredential(account.clone()));
            plan.ops.push(Op::DropTlsKeys(account.clone()));
        }
        for account in &going.accounts {
            plan.ops.push(Op::BeginRemoval(account.clone()));
        }
        self.references_to_accounts(&going, &mut reasons);
        self.references_to_domains(&going, &differences, &mut reasons);
        self.taken(&going, &mut reasons, &mut hint);
        reasons.extend(self.references(|key| {
            let its = AddressPattern::Address(key.login_address.clone());
            let owner = match self.snapshot.lookup(&key.login_address) {
                Some(Lookup::Destination {
                    account,
                    catchall: false,
                    ..
                }) => account,
                _ => return false,
            };
            // A key goes with its account.
            !going.accounts.contains(&key.account) && self.loses(&going, &owner, &its)
        }));
        let mut members = self.members_gone(&going, desired, &mut reasons);
        if !reasons.is_empty() {
            let more = reasons.len().saturating_sub(NAMED);
            reasons.truncate(NAMED);
            if more > 0 {
                reasons.push(format!("and {more} more"));
            }
            return Err(AdminError::Conflict {
                message: format!("nothing was applied: {}", reasons.join("; ")),
                hint,
            });
        }
        differences.append(&mut members);

        let mut dkim: BTreeMap<Domain, Vec<(String, PathBuf)>> = BTreeMap::new();
        for domain in &going.domains_added {
            if desired.has_dkim(domain) {
                continue;
            }
            let keys = self.new_keys(domain);
            let files = keys.iter();
            let files = files.map(|(selector, file, _)| (selector.clone(), PathBuf::from(file)));
            dkim.insert(domain.clone(), files.collect());
            let keys = keys.into_iter();
            plan.keys
                .extend(keys.map(|(_, file, kind)| NewKey { file, kind }));
        }
        plan.steps = steps(&differences, &|domain| dkim.contains_key(domain));
        plan.summary = summary(&plan.steps);
        if !differences.is_empty() {
            plan.edits = vec![Edit::Merge(desired::edits(differences, &dkim))];
        }
        Ok(plan)
    }

    /// What stays and names an account that goes.
    fn references_to_accounts(&self, going: &Going, reasons: &mut Vec<String>) {
        if going.accounts.is_empty() {
            return;
        }
        let config = self.config();
        if let Some(postmaster) = &config.server.postmaster
            && going.accounts.contains(&postmaster.account)
        {
            reasons.push(format!(
                "account {} gets the mail to postmaster (server.postmaster)",
                postmaster.account
            ));
        }
        let mut routes = |routes: &[Route], whose: String| {
            for route in routes {
                let Transport::Loopback(to) = &route.transport;
                if going.accounts.contains(to) {
                    reasons.push(format!("a route{whose} leads to account {to}"));
                }
            }
        };
        routes(&config.routes, String::new());
        for (name, domain) in &config.domains {
            if !going.domains.contains(name) && !going.routes.contains(&name.to_string()) {
                routes(&domain.routes, format!(" of domain {name}"));
            }
        }
        for (name, account) in &config.accounts {
            if !going.accounts.contains(name) && !going.routes.contains(name.as_str()) {
                routes(&account.routes, format!(" of account {name}"));
            }
        }
        if going.accounts.len() == config.accounts.len() && going.accounts_added.is_empty() {
            reasons.push("no account would be left".to_owned());
        }
    }

    /// Accounts that stay and are at a domain that goes, or have an address there.
    fn references_to_domains(
        &self,
        going: &Going,
        differences: &[Difference],
        reasons: &mut Vec<String>,
    ) {
        if going.domains.is_empty() {
            return;
        }
        let moved: HashSet<&str> = differences
            .iter()
            .filter_map(|difference| match difference.path.as_slice() {
                [section, name, key] if section == "accounts" && key == "domain" => Some(&**name),
                _ => None,
            })
            .collect();
        for (name, account) in &self.config().accounts {
            if going.accounts.contains(name) {
                continue;
            }
            if going.domains.contains(&account.domain) && !moved.contains(name.as_str()) {
                let domain = &account.domain;
                reasons.push(format!("domain {domain} is the domain of account {name}"));
            }
            for pattern in account.destinations.keys() {
                if going.domains.contains(pattern.domain()) && !going.takes(name, pattern) {
                    reasons.push(format!("{pattern} is an address of account {name}"));
                }
            }
        }
    }

    /// New addresses and aliases whose address leads elsewhere, and goes on to.
    fn taken(&self, going: &Going, reasons: &mut Vec<String>, hint: &mut String) {
        const PRUNE: &str = "with --prune it is taken away where the file does not name it";
        let catchalls: HashMap<&AddressPattern, &AccountName> = self
            .config()
            .accounts
            .iter()
            .flat_map(|(name, account)| account.destinations.keys().map(move |p| (p, name)))
            .filter(|(pattern, _)| matches!(pattern, AddressPattern::Catchall(_)))
            .collect();
        for (account, pattern) in &going.addresses_added {
            let owner = match pattern {
                AddressPattern::Catchall(_) => catchalls.get(pattern).map(|owner| (*owner).clone()),
                AddressPattern::Address(address) => match self.snapshot.lookup(address) {
                    Some(Lookup::Alias(alias)) if !going.takes_alias(&alias) => {
                        reasons.push(format!("{pattern} is the alias {alias}"));
                        PRUNE.clone_into(hint);
                        None
                    }
                    Some(Lookup::Destination {
                        account,
                        catchall: false,
                        ..
                    }) => Some(account),
                    _ => None,
                },
            };
            let Some(owner) = owner.filter(|owner| owner != account) else {
                continue;
            };
            if !self.loses(going, &owner, pattern) {
                reasons.push(format!("{pattern} belongs to account {owner}"));
                PRUNE.clone_into(hint);
            }
        }
        for alias in &going.aliases_added {
            if let Some(Lookup::Destination {
                account,
                catchall: false,
                ..
            }) = self.snapshot.lookup(alias)
                && !self.loses(going, &account, &AddressPattern::Address(alias.clone()))
            {
                reasons.push(format!("alias {alias} is an address of account {account}"));
                PRUNE.clone_into(hint);
            }
        }
    }

    /// Whether an account loses the address, however it is written there.
    fn loses(&self, going: &Going, owner: &AccountName, pattern: &AddressPattern) -> bool {
        if going.takes(owner, pattern) {
            return true;
        }
        let AddressPattern::Address(address) = pattern else {
            return false;
        };
        let canonical = self.snapshot.canonical(address);
        let Some(lost) = going.addresses.get(owner) else {
            return false;
        };
        lost.iter().any(|lost| match lost {
            AddressPattern::Address(lost) => {
                lost.domain == address.domain && self.snapshot.canonical(lost) == canonical
            }
            AddressPattern::Catchall(_) => false,
        })
    }

    /// Members that aliases lose which the file does not name: their addresses go. An alias that would
    /// have none left stands in the way.
    fn members_gone(
        &self,
        going: &Going,
        desired: &Desired<'_>,
        reasons: &mut Vec<String>,
    ) -> Vec<Difference> {
        let mut changes = Vec::new();
        if going.accounts.is_empty() && going.addresses.is_empty() {
            return changes;
        }
        for (alias, members) in self.aliases() {
            if going.takes_alias(&alias) || desired.names_alias(&alias.domain, &alias.localpart) {
                continue;
            }
            let gone = |member: &Address| match self.snapshot.lookup(member) {
                Some(Lookup::Destination {
                    account,
                    catchall: false,
                    ..
                }) => {
                    let added = going.addresses_added.iter();
                    let mut added = added.filter_map(|(_, pattern)| match pattern {
                        AddressPattern::Address(address) => Some(address),
                        AddressPattern::Catchall(_) => None,
                    });
                    self.loses(going, &account, &AddressPattern::Address(member.clone()))
                        && !added.any(|address| self.same_address(address, member))
                }
                _ => false,
            };
            let kept: Vec<String> = members
                .iter()
                .filter(|member| !gone(member))
                .map(ToString::to_string)
                .collect();
            if kept.len() == members.len() {
                continue;
            }
            if kept.is_empty() {
                reasons.push(format!("alias {alias} would have no member left"));
                continue;
            }
            let path = ["domains", &alias.domain.to_string(), "aliases"];
            let mut path: Vec<String> = path.into_iter().map(str::to_owned).collect();
            path.extend([alias.localpart.to_string(), "addresses".to_owned()]);
            let old = members.iter().map(ToString::to_string);
            changes.push(Difference::fewer(path, old.collect::<Value>(), &kept));
        }
        changes
    }
}

fn summary(steps: &[Step]) -> String {
    if steps.is_empty() {
        return "everything is as the file has it already".to_owned();
    }
    let count = |action| steps.iter().filter(|step| step.action == action).count();
    format!(
        "applied: {} added, {} changed, {} removed",
        count(Action::Add),
        count(Action::Change),
        count(Action::Remove)
    )
}
