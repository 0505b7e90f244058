//! Plain keys of domains and accounts, one at a time.

use crate::addr::{AccountName, Domain};
use crate::config::edit::{Edit, Value};
use crate::config::settings::{ACCOUNT, DOMAIN, Setting};

use super::{AdminError, Facts, Plan};

impl Facts<'_> {
    pub(super) fn account_set(
        &self,
        account: &AccountName,
        key: &str,
        value: Option<&str>,
    ) -> Result<Plan, AdminError> {
        let setting = find(ACCOUNT, key)?;
        let config = self.account(account)?;
        match (setting.key, value) {
            ("login_disabled", message) => {
                return self.account_set_login_disabled(account, message.unwrap_or_default());
            }
            ("domain", None) => {
                return Err(AdminError::Usage("an account needs a domain".to_owned()));
            }
            ("domain", Some(name)) => {
                let name = Domain::parse(name);
                self.domain(&name.map_err(|error| AdminError::Usage(error.to_string()))?)?;
            }
            _ => {}
        }
        let edit = |value| Edit::AccountSet {
            account: account.clone(),
            key: setting.key,
            value,
        };
        plan(&format!("account {account}"), setting, config, value, edit)
    }

    pub(super) fn domain_set(
        &self,
        domain: &Domain,
        key: &str,
        value: Option<&str>,
    ) -> Result<Plan, AdminError> {
        let setting = find(DOMAIN, key)?;
        let config = self.domain(domain)?;
        if let ("disabled", Some(text)) = (setting.key, value) {
            let (now, _) = setting.parse(text).map_err(AdminError::Usage)?;
            return self.domain_set_disabled(domain, !now.is_empty());
        }
        let edit = |value| Edit::DomainSet {
            domain: domain.clone(),
            key: setting.key,
            value,
        };
        plan(&format!("domain {domain}"), setting, config, value, edit)
    }
}

fn find<T>(all: &'static [Setting<T>], key: &str) -> Result<&'static Setting<T>, AdminError> {
    Setting::find(all, key).map_err(|hint| AdminError::UnknownKey {
        message: format!("there is no key {key:?} to set"),
        hint,
    })
}

fn plan<T>(
    whose: &str,
    setting: &Setting<T>,
    table: &T,
    value: Option<&str>,
    edit: impl Fn(Option<Value>) -> Edit,
) -> Result<Plan, AdminError> {
    let key = setting.key;
    let Some(text) = value else {
        return Ok(Plan {
            summary: format!("{key} unset: {whose}"),
            idle: format!("{key} is not set already: {whose}"),
            edits: vec![edit(None)],
            ..Plan::default()
        });
    };
    let (new, value) = setting.parse(text).map_err(AdminError::Usage)?;
    if new == setting.now(table) {
        return Ok(Plan::new(format!("{key} is so already: {whose}")));
    }
    let mut plan = Plan::new(format!("{key} set to {text}: {whose}"));
    plan.edits.push(edit(Some(value)));
    Ok(plan)
}
