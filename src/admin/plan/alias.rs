//! Aliases and their members: add, update, remove.

use crate::addr::{Address, Localpart};
use crate::config::edit::{Edit, Value};
use crate::config::model::{AddressPattern, Alias};

use super::{AdminError, Facts, Plan, conflict, not_found};

impl<'a> Facts<'a> {
    pub(super) fn alias_add(
        &self,
        alias: &Address,
        members: &[Address],
    ) -> Result<Plan, AdminError> {
        let domain = self.domain(&alias.domain)?;
        if let Some((written, _)) = self.find_alias(alias) {
            return Err(conflict(format!("alias {written} exists already")));
        }
        if domain.canonical(&alias.localpart) != domain.folded(&alias.localpart) {
            return Err(AdminError::Usage(format!(
                "alias {alias} has a catchall separator of its domain"
            )));
        }
        self.check_free(&AddressPattern::Address(alias.clone()), None)?;
        let members = self.members(members)?;
        if members.is_empty() {
            return Err(AdminError::Usage("an alias needs a member".to_owned()));
        }
        let mut plan = Plan::new(format!("alias added: {alias}"));
        plan.edits.push(Edit::AliasAdd {
            alias: alias.clone(),
            members,
        });
        Ok(plan)
    }

    pub(super) fn alias_update(
        &self,
        alias: &Address,
        post_public: Option<bool>,
        list_members: Option<bool>,
        allow_msg_from: Option<bool>,
    ) -> Result<Plan, AdminError> {
        let (alias, config) = self.alias(alias)?;
        let mut plan = Plan::new(format!("alias updated: {alias}"));
        for (key, old, new) in [
            ("post_public", config.post_public, post_public),
            ("list_members", config.list_members, list_members),
            ("allow_msg_from", config.allow_msg_from, allow_msg_from),
        ] {
            if let Some(new) = new.filter(|new| *new != old) {
                plan.edits.push(Edit::AliasSet {
                    alias: alias.clone(),
                    key,
                    value: Value::Boolean(new),
                });
            }
        }
        if plan.edits.is_empty() {
            plan.summary = format!("alias is so already: {alias}");
        }
        Ok(plan)
    }

    pub(super) fn alias_remove(&self, alias: &Address) -> Result<Plan, AdminError> {
        let (alias, _) = self.alias(alias)?;
        let mut plan = Plan::new(format!("alias removed: {alias}"));
        plan.edits.push(Edit::AliasRemove { alias });
        Ok(plan)
    }

    pub(super) fn alias_members_add(
        &self,
        alias: &Address,
        members: &[Address],
        if_not_exists: bool,
    ) -> Result<Plan, AdminError> {
        let (alias, config) = self.alias(alias)?;
        let mut new = self.members(members)?;
        let is_member = |address: &Address| {
            let mut members = config.addresses.iter();
            members.any(|member| self.same_address(member, address))
        };
        if !if_not_exists && let Some(member) = new.iter().find(|new| is_member(new)) {
            return Err(conflict(format!(
                "{member} is a member of alias {alias} already"
            )));
        }
        new.retain(|new| !is_member(new));
        if new.is_empty() {
            return Ok(Plan::new(format!("they are members already: {alias}")));
        }
        let mut plan = Plan::new(format!("added to alias {alias}: {}", listed(&new)));
        plan.edits.push(Edit::AliasMembersAdd {
            alias,
            members: new,
        });
        Ok(plan)
    }

    pub(super) fn alias_members_remove(
        &self,
        alias: &Address,
        members: &[Address],
        if_exists: bool,
    ) -> Result<Plan, AdminError> {
        let (alias, config) = self.alias(alias)?;
        let mut gone: Vec<Address> = Vec::new();
        for member in members {
            let mut known = config.addresses.iter();
            match known.find(|known| self.same_address(known, member)) {
                Some(known) if !gone.contains(known) => gone.push(known.clone()),
                Some(_) => {}
                None if if_exists => {}
                None => {
                    let known: Vec<String> =
                        config.addresses.iter().map(Address::to_string).collect();
                    return Err(not_found(
                        format!("{member} is no member of alias {alias}"),
                        &member.to_string(),
                        known.iter().map(String::as_str),
                    ));
                }
            }
        }
        if gone.is_empty() {
            return Ok(Plan::new(format!("none of them is a member: {alias}")));
        }
        if gone.len() == config.addresses.len() {
            return Err(AdminError::Conflict {
                message: format!("alias {alias} would have no member left"),
                hint: format!("remove the alias: mox config alias rm {alias}"),
            });
        }
        let mut plan = Plan::new(format!("removed from alias {alias}: {}", listed(&gone)));
        plan.edits = gone
            .into_iter()
            .map(|member| Edit::AliasMemberRemove {
                alias: alias.clone(),
                member,
            })
            .collect();
        Ok(plan)
    }

    /// An alias that must be there, and how its address is written.
    fn alias(&self, alias: &Address) -> Result<(Address, &'a Alias), AdminError> {
        self.domain(&alias.domain)?;
        self.find_alias(alias).ok_or_else(|| {
            let known: Vec<String> = self
                .aliases()
                .map(|(address, _)| address.to_string())
                .collect();
            not_found(
                format!("alias {alias} does not exist"),
                &alias.to_string(),
                known.iter().map(String::as_str),
            )
        })
    }

    fn find_alias(&self, alias: &Address) -> Option<(Address, &'a Alias)> {
        let domain = self.config().domains.get(&alias.domain)?;
        let folded = domain.folded(&alias.localpart);
        let is_it = |localpart: &Localpart| domain.folded(localpart) == folded;
        let mut aliases = domain.aliases.iter();
        let (localpart, config) = aliases.find(|(localpart, _)| is_it(localpart))?;
        let written = Address {
            localpart: localpart.clone(),
            domain: alias.domain.clone(),
        };
        Some((written, config))
    }

    /// Members as their accounts have them: addresses of accounts, no catchalls, no aliases, each
    /// once.
    fn members(&self, named: &[Address]) -> Result<Vec<Address>, AdminError> {
        let mut members: Vec<Address> = Vec::with_capacity(named.len());
        for address in named {
            self.domain(&address.domain)?;
            if let Some((alias, _)) = self.find_alias(address) {
                return Err(conflict(format!(
                    "{alias} is an alias: only addresses of accounts can be members"
                )));
            }
            let pattern = AddressPattern::Address(address.clone());
            let Some((_, AddressPattern::Address(member))) = self.owner(&pattern) else {
                return Err(self.no_such_address(&pattern));
            };
            if members.contains(member) {
                return Err(AdminError::Usage(format!("{member} is named twice")));
            }
            members.push(member.clone());
        }
        Ok(members)
    }
}

fn listed(addresses: &[Address]) -> String {
    let all: Vec<String> = addresses.iter().map(Address::to_string).collect();
    all.join(", ")
}
