//! Applying a file: it is read against mox.toml as it is on disk, planned, and made as one change.

use crate::config::desired;

use super::{Admin, AdminError, Prepared};

impl Admin {
    pub(super) fn prepare_apply(
        &self,
        text: &str,
        name: &str,
        prune: bool,
    ) -> Result<Prepared, AdminError> {
        let base = self.read_current()?;
        let read = desired::read(text, name, &self.file, &self.disk, base.config(), prune);
        let desired = read.map_err(AdminError::Invalid)?;
        let plan = self.with_facts(&base, |facts| facts.apply(&desired))?;
        let prepared = self.compile(base, plan)?;
        // The edits are many and of every kind: they are not believed, they are checked.
        let left = desired.differences(prepared.next.config());
        match left.first() {
            None => Ok(prepared),
            Some(left) => Err(AdminError::Local(format!(
                "edit mox.toml: {} could not be made as {name} has it",
                left.path.join(".")
            ))),
        }
    }
}
