//! DKIM keys of domains: add, remove, which of them sign. A new key does not sign before it is told to,
//! so that its record can be published first.

use crate::addr::Domain;
use crate::config::edit::Edit;
use crate::config::is_selector;
use crate::config::model::Dkim;

use super::{AdminError, Facts, KeyKind, NewKey, Plan, conflict, not_found};

impl Facts<'_> {
    pub(super) fn dkim_add(
        &self,
        domain: &Domain,
        selector: &str,
        kind: KeyKind,
    ) -> Result<Plan, AdminError> {
        let dkim = &self.domain(domain)?.dkim;
        if !is_selector(selector) {
            return Err(AdminError::Usage(format!(
                "{selector:?} cannot be a selector: it becomes a name in DNS"
            )));
        }
        if dkim.selectors.contains_key(selector) {
            return Err(conflict(format!(
                "domain {domain} has a DKIM key {selector} already"
            )));
        }
        let file = key_file(selector, domain);
        if (self.has_file)(&file) {
            return Err(AdminError::Conflict {
                message: format!("the key file {file} is there already"),
                hint: "it is of an earlier key and is never written over: take another name, or move it away"
                    .to_owned(),
            });
        }
        let mut plan = Plan::new(format!("DKIM key added: {selector} of domain {domain}"));
        plan.edits.push(Edit::DkimAdd {
            domain: domain.clone(),
            selector: selector.to_owned(),
            key_file: file.clone(),
        });
        plan.keys.push(NewKey { file, kind });
        Ok(plan)
    }

    /// The file of the key stays: mail that is under way was signed with it, and a rollback needs it.
    pub(super) fn dkim_remove(&self, domain: &Domain, selector: &str) -> Result<Plan, AdminError> {
        let dkim = &self.domain(domain)?.dkim;
        let key = dkim
            .selectors
            .get(selector)
            .ok_or_else(|| no_selector(domain, dkim, selector))?;
        if dkim.sign.iter().any(|name| name == selector) {
            return Err(AdminError::Conflict {
                message: format!("DKIM key {selector} of domain {domain} signs its mail"),
                hint: format!("name those that shall sign: mox config dkim sign {domain} SELECTOR"),
            });
        }
        let mut plan = Plan::new(format!(
            "DKIM key removed: {selector} of domain {domain}; its file stays: {}",
            key.key_file.display()
        ));
        plan.edits.push(Edit::DkimRemove {
            domain: domain.clone(),
            selector: selector.to_owned(),
        });
        Ok(plan)
    }

    pub(super) fn dkim_sign(
        &self,
        domain: &Domain,
        selectors: &[String],
    ) -> Result<Plan, AdminError> {
        let dkim = &self.domain(domain)?.dkim;
        for (i, selector) in selectors.iter().enumerate() {
            if !dkim.selectors.contains_key(selector) {
                return Err(no_selector(domain, dkim, selector));
            }
            if selectors[..i].contains(selector) {
                return Err(AdminError::Usage(format!("{selector} is named twice")));
            }
        }
        let summary = |already: &str| match selectors {
            [] => format!("nothing signs the mail of domain {domain}{already}"),
            [one] => format!("the mail of domain {domain} is signed with {one}{already}"),
            all => format!(
                "the mail of domain {domain} is signed with {}{already}",
                all.join(", ")
            ),
        };
        if dkim.sign == selectors {
            return Ok(Plan::new(summary(" already")));
        }
        let mut plan = Plan::new(summary(""));
        plan.edits.push(Edit::DkimSign {
            domain: domain.clone(),
            selectors: selectors.to_vec(),
        });
        Ok(plan)
    }
}

/// Where a key is, relative to mox.toml.
pub(super) fn key_file(selector: &str, domain: &Domain) -> String {
    format!("dkim/{selector}.{}.pem", domain.ascii())
}

fn no_selector(domain: &Domain, dkim: &Dkim, selector: &str) -> AdminError {
    not_found(
        format!("domain {domain} has no DKIM key {selector}"),
        selector,
        dkim.selectors.keys().map(String::as_str),
    )
}
