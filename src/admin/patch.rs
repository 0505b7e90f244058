//! The configuration after an edit, made from the one before instead of from the text: reading ten
//! thousand accounts takes longer than all the rest of a change.
//!
//! Only for edits whose every consequence is known here, and only where the result is certain to be
//! valid; whatever is not gives none, and the text is read as a whole, which finds what is wrong with it.
//! That both ways mean the same is tested on changes in any order.

use std::path::PathBuf;
use std::sync::Arc;

use crate::addr::{AccountName, Address, Domain};
use crate::config::edit::{Edit, Value};
use crate::config::model::{
    Account, AddressPattern, Alias, Config, Destination, Dkim, DkimSelector, DomainConfig,
    Transport,
};
use crate::snapshot::Snapshot;

/// What would be served after the edits. `key_file`: where a new DKIM key that is about to be made will be,
/// by its name in mox.toml.
pub(super) fn patched(
    base: &Snapshot,
    edits: &[Edit],
    key_file: &dyn Fn(&str) -> Option<PathBuf>,
) -> Option<Snapshot> {
    if !edits.iter().all(is_known) {
        return None;
    }
    let mut config = Config::clone(&base.config);
    for edit in edits {
        apply(&mut config, edit, key_file)?;
    }
    let config = Arc::new(config);
    Some(match edits.iter().any(moves_addresses) {
        true => base.recompiled(config),
        false => base.with_config(config),
    })
}

/// Before the configuration is copied.
fn is_known(edit: &Edit) -> bool {
    match edit {
        Edit::DomainAdd { .. }
        | Edit::DomainRemove { .. }
        | Edit::DomainSetDisabled { .. }
        | Edit::AccountAdd { .. }
        | Edit::AccountRemove { .. }
        | Edit::DestinationAdd { .. }
        | Edit::DestinationRemove { .. }
        | Edit::AliasMemberRemove { .. } => true,
        Edit::AccountSet { key, .. } => *key == "login_disabled",
        _ => false,
    }
}

fn moves_addresses(edit: &Edit) -> bool {
    !matches!(
        edit,
        Edit::DomainSetDisabled { .. } | Edit::AccountSet { .. } | Edit::AliasMemberRemove { .. }
    )
}

fn apply(
    config: &mut Config,
    edit: &Edit,
    key_file: &dyn Fn(&str) -> Option<PathBuf>,
) -> Option<()> {
    match edit {
        Edit::DomainAdd {
            domain,
            disabled,
            dkim,
        } => {
            let mut selectors = std::collections::BTreeMap::new();
            for (selector, file) in dkim {
                let key_file = key_file(file.to_str()?)?;
                selectors.insert(selector.clone(), DkimSelector { key_file });
            }
            let sign = dkim.iter().map(|(selector, _)| selector.clone()).collect();
            let new = DomainConfig {
                disabled: *disabled,
                dkim: Dkim { selectors, sign },
                ..DomainConfig::default()
            };
            config
                .domains
                .insert(domain.clone(), Arc::new(new))
                .is_none()
                .then_some(())
        }
        Edit::DomainRemove { domain } => {
            config.domains.remove(domain)?;
            (!is_domain_used(config, domain)).then_some(())
        }
        Edit::DomainSetDisabled { domain, disabled } => {
            Arc::make_mut(config.domains.get_mut(domain)?).disabled = *disabled;
            Some(())
        }
        Edit::AccountAdd {
            account,
            domain,
            destinations,
        } => {
            config.domains.get(domain)?;
            let new = Account {
                domain: domain.clone(),
                full_name: String::new(),
                login_disabled: String::new(),
                quota: 0,
                destinations: std::collections::BTreeMap::new(),
                routes: Vec::new(),
            };
            if config
                .accounts
                .insert(account.clone(), Arc::new(new))
                .is_some()
            {
                return None;
            }
            for pattern in destinations {
                add_destination(config, account, pattern)?;
            }
            Some(())
        }
        Edit::AccountRemove { account } => {
            let gone = config.accounts.remove(account)?;
            let mut patterns = gone.destinations.keys();
            let stays_needed = config.accounts.is_empty()
                || is_account_used(config, account)
                || patterns.any(|pattern| is_member(config, pattern));
            (!stays_needed).then_some(())
        }
        Edit::AccountSet { account, value, .. } => {
            Arc::make_mut(config.accounts.get_mut(account)?).login_disabled = match value {
                Some(Value::Text(message)) => message.clone(),
                None => String::new(),
                Some(_) => return None,
            };
            Some(())
        }
        Edit::DestinationAdd { account, pattern } => add_destination(config, account, pattern),
        Edit::DestinationRemove { account, pattern } => {
            let account = Arc::make_mut(config.accounts.get_mut(account)?);
            account.destinations.remove(pattern)?;
            (!is_member(config, pattern)).then_some(())
        }
        Edit::AliasMemberRemove { alias, member } => {
            let domain = Arc::make_mut(config.domains.get_mut(&alias.domain)?);
            let members = &mut domain.aliases.get_mut(&alias.localpart)?.addresses;
            let at = members.iter().position(|other| other == member)?;
            members.remove(at);
            (!members.is_empty()).then_some(())
        }
        _ => None,
    }
}

/// An address that nothing else leads to, however it is written.
fn add_destination(
    config: &mut Config,
    account: &AccountName,
    pattern: &AddressPattern,
) -> Option<()> {
    let domain = config.domains.get(pattern.domain())?;
    let is_same = |other: &AddressPattern| match (pattern, other) {
        (AddressPattern::Address(one), AddressPattern::Address(other)) => {
            one.domain == other.domain
                && domain.canonical(&one.localpart) == domain.canonical(&other.localpart)
        }
        (one, other) => one == other,
    };
    let mut others = config
        .accounts
        .values()
        .flat_map(|account| account.destinations.keys());
    if others.any(is_same) {
        return None;
    }
    if let AddressPattern::Address(address) = pattern {
        let canonical = domain.canonical(&address.localpart);
        let mut aliases = domain.aliases.keys();
        if aliases.any(|alias| domain.canonical(alias) == canonical) {
            return None;
        }
    }
    let new = Destination {
        mailbox: "Inbox".to_owned(),
        rulesets: Arc::from([]),
    };
    let account = Arc::make_mut(config.accounts.get_mut(account)?);
    account.destinations.insert(pattern.clone(), new);
    Some(())
}

fn aliases(config: &Config) -> impl Iterator<Item = &Alias> {
    config
        .domains
        .values()
        .flat_map(|domain| domain.aliases.values())
}

/// Whether an alias has a member that the pattern could be.
fn is_member(config: &Config, pattern: &AddressPattern) -> bool {
    let AddressPattern::Address(address) = pattern else {
        return false;
    };
    let lower = |address: &Address| address.localpart.as_str().to_lowercase();
    let mut members = aliases(config).flat_map(|alias| &alias.addresses);
    members.any(|member| member.domain == address.domain && lower(member) == lower(address))
}

fn is_domain_used(config: &Config, domain: &Domain) -> bool {
    let is_at = |account: &Arc<Account>| {
        account.domain == *domain || account.destinations.keys().any(|p| p.domain() == domain)
    };
    let mut members = aliases(config).flat_map(|alias| &alias.addresses);
    config.accounts.values().any(is_at) || members.any(|member| member.domain == *domain)
}

fn is_account_used(config: &Config, name: &AccountName) -> bool {
    let of_domains = config.domains.values().flat_map(|domain| &domain.routes);
    let of_accounts = config.accounts.values().flat_map(|account| &account.routes);
    let mut routes = config.routes.iter().chain(of_domains).chain(of_accounts);
    let postmaster = config.server.postmaster.as_ref();
    postmaster.is_some_and(|postmaster| postmaster.account == *name)
        || routes.any(|route| match &route.transport {
            Transport::Loopback(account) => account == name,
        })
}
