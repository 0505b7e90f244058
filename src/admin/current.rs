//! mox.toml as it is on disk, read and compiled. It is kept while the file's bytes stay the same, so
//! that a change at ten thousand accounts does not begin with reading them all.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError};

use crate::addr::AccountName;
use crate::config::edit::{self, EditError};
use crate::config::model::Config;
use crate::config::{self, Expecting, Files};
use crate::diag::Diagnostic;
use crate::fsio::FsError;
use crate::snapshot::Snapshot;
use crate::state::ContentHash;

use super::patch::patched;
use super::plan::{self, Facts, Plan};
use super::{Admin, AdminError, Change, Prepared, diff};

/// A text of mox.toml and what it means.
#[derive(Debug)]
pub(super) struct Current {
    pub(super) text: Arc<str>,
    pub(super) hash: ContentHash,
    /// For looking things up and to make others from: its generation, credentials and TLS public keys
    /// are those of the moment it was compiled.
    pub(super) snapshot: Snapshot,
}

impl Current {
    pub(super) fn config(&self) -> &Arc<Config> {
        &self.snapshot.config
    }
}

/// mox.toml as a plan found it on disk, valid or not.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) bytes: Arc<[u8]>,
    pub(super) hash: ContentHash,
}

impl From<&Current> for Found {
    fn from(current: &Current) -> Found {
        Found {
            bytes: Arc::clone(&current.text).into(),
            hash: current.hash,
        }
    }
}

impl Admin {
    /// The file's bytes.
    pub(super) fn read_file(&self) -> Result<Vec<u8>, AdminError> {
        Ok(std::fs::read(&self.file).map_err(FsError::at("read", &self.file))?)
    }

    /// The file as it is on disk now.
    pub(super) fn read_current(&self) -> Result<Arc<Current>, AdminError> {
        let bytes = self.read_file()?;
        let known = self.current();
        if let Some(known) = known
            && known.text.as_bytes() == bytes
        {
            return Ok(known);
        }
        let text = config::decode(bytes, &self.file).map_err(AdminError::Invalid)?;
        let current = Arc::new(self.parse(text.into(), &self.disk)?);
        self.set_current(Arc::clone(&current));
        Ok(current)
    }

    /// Whether the file's bytes are those of the newest generation, and were read: there is nothing to load.
    pub fn is_loaded(&self) -> bool {
        let bytes = self.read_file().ok();
        let current = self.current().filter(|current| !self.adopts(current));
        bytes.is_some_and(|bytes| current.is_some_and(|current| current.text.as_bytes() == bytes))
    }

    pub(super) fn current(&self) -> Option<Arc<Current>> {
        self.current
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(super) fn set_current(&self, current: Arc<Current>) {
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = Some(current);
    }

    pub(super) fn parse(&self, text: Arc<str>, files: &dyn Files) -> Result<Current, AdminError> {
        let config = config::parse(&text, &self.file, files).map_err(AdminError::Invalid)?;
        let snapshot = Snapshot::compile(
            self.generation(),
            Arc::new(config),
            self.state.credentials(),
        )
        .with_tls_keys(self.state.tls_keys());
        Ok(Current {
            hash: ContentHash::of(text.as_bytes()),
            text,
            snapshot,
        })
    }

    /// The file on disk as a generation, if it is not the newest one already. `starting`: accounts
    /// that are being removed may be in it.
    pub(super) fn prepare_adoption(&self, starting: bool) -> Result<Prepared, AdminError> {
        let base = self.read_current()?;
        if !starting {
            let removals = self.state.removals()?;
            let removed = |name: &&AccountName| base.config().accounts.contains_key(*name);
            if let Some(account) = removals.iter().find(removed) {
                return Err(AdminError::Invalid(vec![being_removed(account)]));
            }
        }
        let plan = Plan {
            summary: match self.adopts(&base) {
                true => "configuration loaded",
                false => "configuration is loaded already",
            }
            .to_owned(),
            ..Plan::default()
        };
        self.compile(base, plan)
    }

    /// Whether this text would be a new generation.
    fn adopts(&self, current: &Current) -> bool {
        self.state
            .last_generation()
            .is_none_or(|last| last.after != current.hash)
    }

    /// What a change comes down to.
    pub(super) fn plan(&self, change: &Change, base: &Current) -> Result<Plan, AdminError> {
        self.with_facts(base, |facts| plan::plan(change, facts))
    }

    /// What plans are made from.
    pub(super) fn with_facts<T>(
        &self,
        base: &Current,
        plan: impl FnOnce(&Facts<'_>) -> Result<T, AdminError>,
    ) -> Result<T, AdminError> {
        plan(&Facts {
            snapshot: &base.snapshot,
            removals: &self.state.removals()?,
            has_folder: &|account| self.has_folder(account),
            has_file: &|file| self.beside(file).symlink_metadata().is_ok(),
            tls_keys: &self.state.tls_keys(),
            next_serial: self.state.next_serial(),
            now: crate::clock::now(),
        })
    }

    /// Makes the new text and compiles what would be served.
    pub(super) fn compile(&self, base: Arc<Current>, plan: Plan) -> Result<Prepared, AdminError> {
        let next = match plan.edits.as_slice() {
            [] => Arc::clone(&base),
            edits => {
                let text: Arc<str> = edit::apply(&base.text, edits).map_err(edit_failed)?.into();
                let made: Vec<PathBuf> =
                    plan.keys.iter().map(|key| self.beside(&key.file)).collect();
                let key_file =
                    |name: &str| Some(self.beside(name)).filter(|file| made.contains(file));
                Arc::new(match patched(&base.snapshot, edits, &key_file) {
                    Some(snapshot) => Current {
                        hash: ContentHash::of(text.as_bytes()),
                        text,
                        snapshot,
                    },
                    None => {
                        let files = Expecting {
                            others: &self.disk,
                            made,
                        };
                        self.parse(text, &files)?
                    }
                })
            }
        };
        let before = match plan.edits.is_empty() && self.adopts(&next) {
            true => self.state.last_text().unwrap_or_else(|| "".into()),
            false => Arc::clone(&base.text),
        };
        Ok(self.prepared((&*base).into(), &before, next, plan))
    }

    /// What is to be committed: `next` in place of what was found. `before` is what the diff is made
    /// from.
    pub(super) fn prepared(
        &self,
        found: Found,
        before: &str,
        next: Arc<Current>,
        plan: Plan,
    ) -> Prepared {
        // Hand edits that nobody has loaded yet become part of the change.
        let is_generation = self.adopts(&next);
        let mut credentials = self.state.credentials();
        let mut tls_keys = self.state.tls_keys();
        for op in &plan.ops {
            op.change_credentials(&mut credentials);
            op.change_tls_keys(&mut tls_keys);
        }
        let generation = self.generation() + u64::from(is_generation);
        let snapshot = next
            .snapshot
            .with_credentials(generation, credentials)
            .with_tls_keys(tls_keys);
        let idle = plan.ops.is_empty() && found.hash == next.hash;
        let summary = match idle && !plan.idle.is_empty() {
            true => &plan.idle,
            false => &plan.summary,
        };
        Prepared {
            summary: summary.clone(),
            steps: plan.steps.clone(),
            changed: is_generation || !idle,
            diff: diff::unified(before, &next.text),
            snapshot: Arc::new(snapshot),
            found,
            keep: None,
            next,
            plan,
        }
    }
}

/// The plan saw the same text, so this is where the text says the same thing in a way that an edit
/// cannot change.
fn edit_failed(error: EditError) -> AdminError {
    AdminError::Local(format!("edit mox.toml: {error}"))
}

fn being_removed(account: &AccountName) -> Diagnostic {
    Diagnostic {
        code: "account.being_removed".to_owned(),
        path: format!("accounts.{account}"),
        position: None,
        message: format!("account {account} is being removed"),
        hint: "add it again when nothing is left of it".to_owned(),
    }
}
