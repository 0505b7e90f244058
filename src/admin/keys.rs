//! Making DKIM keys. An RSA key takes longer than all the rest of a change, so it can be made before, while
//! other changes go on.

use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use zeroize::Zeroizing;

use crate::fsio::{self, FsError};
use crate::x509::{X509Error, dkim};

use super::plan::KeyKind;
use super::{Admin, AdminError, Change};

/// RSA keys that were made and are not used yet, PEM.
#[derive(Default)]
pub(super) struct KeyStock(Mutex<Vec<Zeroizing<String>>>);

/// Keys that lie ready at most.
const MOST: usize = 4;

impl KeyStock {
    fn take(&self) -> Option<Zeroizing<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }
}

impl Change {
    /// Whether it makes an RSA key.
    pub fn needs_rsa_key(&self) -> bool {
        matches!(
            self,
            Change::DomainAdd { .. }
                | Change::DkimAdd {
                    kind: KeyKind::Rsa,
                    ..
                }
        )
    }
}

impl Admin {
    /// Makes an RSA key for a change to come, unless one lies ready. Needs no lock, and may be called beside
    /// anything; a failure is one of the change that finds no key.
    pub fn make_key_ahead(&self) {
        let stock = || self.keys.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !stock().is_empty() {
            return;
        }
        if let Ok(pem) = dkim::generate_rsa() {
            let pem = Zeroizing::new(pem);
            let mut stock = stock();
            if stock.len() < MOST {
                stock.push(pem);
            }
        }
    }

    /// Makes a key's file, never over one that is there.
    pub(super) fn make_key(&self, kind: KeyKind, path: &Path) -> Result<(), AdminError> {
        let failed = |error: X509Error| AdminError::Local(error.to_string());
        let pem = match kind {
            KeyKind::Rsa => match self.keys.take() {
                Some(ready) => ready,
                None => Zeroizing::new(dkim::generate_rsa().map_err(failed)?),
            },
            KeyKind::Ed25519 => Zeroizing::new(dkim::generate_ed25519().map_err(failed)?),
        };
        let folder = fsio::folder_of(path);
        match fs::DirBuilder::new().mode(0o700).create(folder) {
            Ok(()) => fsio::sync_dir(fsio::folder_of(folder))?,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(FsError::at("create", folder)(error).into()),
        }
        Ok(fsio::create(path, pem.as_bytes(), 0o600)?)
    }
}
