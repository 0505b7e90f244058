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
        let credential = self.new_credential(password)?;
        plan.ops
            .push(Op::SetCredential(account.clone(), credential));
        Ok(plan)
    }

    pub(super) fn admin_password_set(&self, password: &Secret) -> Result<Plan, AdminError> {
        let mut plan = Plan::new("admin password set".to_owned());
        plan.ops
            .push(Op::SetAdminPassword(self.new_credential(password)?));
        Ok(plan)
    }

    fn new_credential(&self, password: &Secret) -> Result<Arc<Credential>, AdminError> {
        let argon2 = password::hash(&password.0).map_err(|error| match error {
            PasswordError::Short | PasswordError::Unusable => AdminError::Usage(error.to_string()),
            PasswordError::Hash(_) => AdminError::Local(error.to_string()),
        })?;
        Ok(Arc::new(Credential {
            serial: self.next_serial,
            argon2: argon2.into(),
        }))
    }
}
