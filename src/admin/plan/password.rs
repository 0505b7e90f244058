//! Passwords.

use std::sync::Arc;

use crate::addr::AccountName;
use crate::admin::Secret;
use crate::login::password::{self, PasswordError};
use crate::state::{Credential, Op};

use super::{AdminError, Facts, Plan};

impl Facts<'_> {
    /// Always a change, also to the same password: sessions opened with it end.
    pub(super) fn password_set(
        &self,
        account: &AccountName,
        password: &Secret,
    ) -> Result<Plan, AdminError> {
        self.account(account)?;
        let mut plan = Plan::new(format!("password set: {account}"));
        let cram_md5 = self.snapshot.config.auth.cram_md5;
        let credential =
            password::credential(self.next_serial, &password.0, cram_md5).map_err(refused)?;
        plan.ops
            .push(Op::SetCredential(account.clone(), Arc::new(credential)));
        Ok(plan)
    }

    pub(super) fn admin_password_set(&self, password: &Secret) -> Result<Plan, AdminError> {
        let mut plan = Plan::new("admin password set".to_owned());
        // The web pages are the only place for it: no mechanism needs more than the hash.
        let argon2 = password::hash(&password.0).map_err(refused)?;
        let credential = Credential::of_hash(self.next_serial, argon2.into());
        plan.ops.push(Op::SetAdminPassword(Arc::new(credential)));
        Ok(plan)
    }
}

fn refused(error: PasswordError) -> AdminError {
    match error {
        PasswordError::Short | PasswordError::Unusable => AdminError::Usage(error.to_string()),
        PasswordError::Hash(_) => AdminError::Local(error.to_string()),
    }
}
