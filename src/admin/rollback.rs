//! Going back to a text that was. It is the way out of a broken mox.toml, so what is on disk need not
//! be valid: accounts are compared with those of the newest generation, which is what is served.
//!
//! An old text is no reason to forget what happened since. Accounts that it names and that are no more
//! come back as new ones, by the rules of adding an account: empty, without a password. Accounts that
//! it does not know would leave their mail to nobody, so it is refused until they are removed.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::addr::AccountName;
use crate::config::model::Config;
use crate::config::{self, Unchecked};
use crate::state::{ContentHash, Op};

use super::current::{Current, Found};
use super::plan::Plan;
use super::{Admin, AdminError, Prepared};

/// References that are named at most.
const NAMED: usize = 20;

impl Admin {
    pub(super) fn prepare_rollback(&self, generation: u64) -> Result<Prepared, AdminError> {
        let text: Arc<str> = self.generation_text(generation)?.into();
        let bytes: Arc<[u8]> = self.read_file()?.into();
        let found = Found {
            hash: ContentHash::of(&bytes),
            bytes,
        };
        let next = self.parse_again(text, generation)?;
        self.check_data_dir(next.config(), generation)?;
        let coming = self.check_accounts(next.config(), generation)?;

        let keep = match self.state.last_generation() {
            Some(last) if last.after == found.hash => None,
            _ if next.hash == found.hash => None,
            last => Some(self.name_beside(&found, last.map_or(0, |last| last.number))?),
        };
        let before = String::from_utf8_lossy(&found.bytes).into_owned();
        let mut plan = Plan {
            summary: match before == *next.text {
                true => format!("configuration is that of generation {generation} already"),
                false => format!("configuration rolled back to generation {generation}"),
            },
            ..Plan::default()
        };
        for account in coming {
            plan.summary
                .push_str(&format!("; account {account} is new: it has no password"));
            plan.ops.push(Op::DropCredential(account.clone()));
            plan.ops.push(Op::DropTlsKeys(account));
        }
        if let Some(name) = keep.as_ref().and_then(|path| path.file_name()) {
            let name = name.to_string_lossy();
            plan.summary
                .push_str(&format!("; what the file held is in {name}"));
        }
        let mut prepared = self.prepared(found, &before, next, plan);
        prepared.keep = keep;
        Ok(prepared)
    }

    /// The old text as it is valid or not today. Its lines are named by the generation.
    fn parse_again(&self, text: Arc<str>, generation: u64) -> Result<Arc<Current>, AdminError> {
        if let Some(known) = self.current()
            && known.text == text
        {
            return Ok(known);
        }
        let parsed = self.parse(text, &self.disk);
        parsed.map(Arc::new).map_err(|error| match error {
            AdminError::Invalid(mut problems) => {
                for place in problems.iter_mut().filter_map(|p| p.position.as_mut()) {
                    place.file = format!("generation {generation}");
                }
                AdminError::Invalid(problems)
            }
            other => other,
        })
    }

    /// The generation is recorded in this data directory: a text that names another would leave it.
    fn check_data_dir(&self, next: &Config, generation: u64) -> Result<(), AdminError> {
        let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let then = &next.server.data_dir;
        match real(then) == real(&self.data_dir) {
            true => Ok(()),
            false => Err(AdminError::Conflict {
                message: format!(
                    "generation {generation} has another data directory, {}",
                    then.display()
                ),
                hint: "change server.data_dir by hand, with the daemon stopped".to_owned(),
            }),
        }
    }

    /// Gives the accounts that come back, or names those that stand in the way.
    fn check_accounts(
        &self,
        next: &Config,
        generation: u64,
    ) -> Result<Vec<AccountName>, AdminError> {
        let removals = self.state.removals()?;
        let now = self.accounts_now();
        let mut reasons = Vec::new();
        let (mut old_mail, mut left) = (false, false);
        for account in &now {
            if !next.accounts.contains_key(account) && !removals.contains(account) {
                reasons.push(format!("account {account} did not exist then"));
                left = true;
            }
        }
        let mut coming = Vec::new();
        for account in next.accounts.keys() {
            if removals.contains(account) {
                reasons.push(format!("account {account} is being removed"));
            } else if now.contains(account) {
                continue;
            } else if self.has_folder(account) {
                reasons.push(format!(
                    "account {account} would come back to the mail folder of an earlier account"
                ));
                old_mail = true;
            } else {
                coming.push(account.clone());
            }
        }
        if reasons.is_empty() {
            return Ok(coming);
        }
        let more = reasons.len().saturating_sub(NAMED);
        reasons.truncate(NAMED);
        if more > 0 {
            reasons.push(format!("and {more} more"));
        }
        let hint = match (left, old_mail) {
            (true, _) => "remove such accounts first: `mox config account rm`",
            (false, true) => {
                "move its folder in accounts/ of the data directory away, or add it to mox.toml by hand to have its mail again"
            }
            _ => "",
        };
        Err(AdminError::Conflict {
            message: format!(
                "cannot go back to generation {generation}: {}",
                reasons.join("; ")
            ),
            hint: hint.to_owned(),
        })
    }

    /// Accounts that have mail: those of the newest generation, and those of a file not loaded yet
    /// that have a folder all the same.
    fn accounts_now(&self) -> BTreeSet<AccountName> {
        let mut now = BTreeSet::new();
        if let Ok(current) = self.read_current() {
            let names = current.config().accounts.keys();
            now.extend(names.filter(|name| self.has_folder(name)).cloned());
        }
        if let Some(text) = self.state.last_text()
            && let Ok(config) = config::parse(&text, &self.file, &Unchecked)
        {
            now.extend(config.accounts.into_keys());
        }
        now
    }

    /// A free name beside mox.toml for what it holds, or one that has it already.
    fn name_beside(&self, found: &Found, generation: u64) -> Result<PathBuf, AdminError> {
        let (_, target) = self.staged_path()?;
        let mut name = target.as_os_str().to_owned();
        name.push(format!(".replaced-{generation}"));
        let names = std::iter::once(name.clone()).chain((2..1000).map(|n| {
            let mut name = name.clone();
            name.push(format!("-{n}"));
            name
        }));
        let free = |path: &PathBuf| match std::fs::read(path) {
            Ok(bytes) => bytes == *found.bytes,
            Err(_) => path.symlink_metadata().is_err(),
        };
        names.map(PathBuf::from).find(free).ok_or_else(|| {
            AdminError::Local("too many replaced files stand beside mox.toml".to_owned())
        })
    }
}
