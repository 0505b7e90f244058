//! Making DKIM keys. An RSA key takes longer than all the rest of a change, and a change may need a thousand:
//! they can be made before, on several threads, while other changes go on.

use std::fs;
use std::io;
use std::num::NonZero;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use zeroize::Zeroizing;

use crate::fsio::{self, FsError};
use crate::x509::{X509Error, dkim};

use super::plan::KeyKind;
use super::{Admin, AdminError, Prepared};

/// RSA keys that were made and are not used yet.
#[derive(Default)]
pub(super) struct KeyStock(Mutex<Stock>);

#[derive(Default)]
struct Stock {
    /// PEM.
    ready: Vec<Zeroizing<String>>,
    /// Threads that are making one.
    making: usize,
    /// How many the changes that wait for them want.
    promised: usize,
}

/// Keys that lie ready at most when nobody waits for them.
const MOST: usize = 4;

impl KeyStock {
    fn lock(&self) -> MutexGuard<'_, Stock> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self) -> Option<Zeroizing<String>> {
        self.lock().ready.pop()
    }

    /// Makes keys, one after the other, until there are as many as are wanted.
    fn fill(&self, wanted: impl Fn(&Stock) -> usize) -> Result<(), X509Error> {
        loop {
            {
                let mut stock = self.lock();
                if stock.ready.len() + stock.making >= wanted(&stock) {
                    return Ok(());
                }
                stock.making += 1;
            }
            let made = dkim::generate_rsa();
            let mut stock = self.lock();
            stock.making -= 1;
            stock.ready.push(Zeroizing::new(made?));
        }
    }
}

/// RSA keys that are kept for one change, until this is dropped.
pub struct KeyPromise {
    admin: Arc<Admin>,
    count: usize,
}

impl KeyPromise {
    /// How many.
    pub fn count(&self) -> usize {
        self.count
    }

    /// So many more. They are there once [`Admin::make_keys_ahead`] has made them.
    pub fn add(&mut self, more: usize) {
        self.count += more;
        self.admin.keys.lock().promised += more;
    }
}

impl Drop for KeyPromise {
    fn drop(&mut self) {
        let mut stock = self.admin.keys.lock();
        stock.promised -= self.count;
        let most = stock.promised + MOST;
        stock.ready.truncate(most);
    }
}

impl Admin {
    /// A promise of no keys yet.
    pub fn promise_keys(self: &Arc<Admin>) -> KeyPromise {
        KeyPromise {
            admin: Arc::clone(self),
            count: 0,
        }
    }

    /// Makes RSA keys for changes to come: those that are promised, and `spare` more. Needs no lock, may run
    /// beside anything, and faster on several threads; a failure is one of the change that finds no key.
    pub fn make_keys_ahead(&self, spare: usize) {
        let _ = self.keys.fill(|stock| stock.promised + spare);
    }

    /// How many RSA keys a change needs that are not there yet for whoever was promised so many.
    pub fn keys_missing(&self, prepared: &Prepared, promised: usize) -> usize {
        let stock = self.keys.lock();
        let others = stock.promised.saturating_sub(promised);
        let free = stock.ready.len().saturating_sub(others);
        prepared.rsa_keys().saturating_sub(free)
    }

    /// Makes the RSA keys that a change needs and that do not lie ready, on all processors.
    pub(super) fn make_rsa_keys(&self, count: usize) -> Result<(), AdminError> {
        let missing = count.saturating_sub(self.keys.lock().ready.len());
        if missing < 2 {
            return Ok(());
        }
        let threads = thread::available_parallelism().map_or(1, NonZero::get);
        let made = thread::scope(|scope| {
            let all: Vec<_> = (0..threads.min(missing))
                .map(|_| scope.spawn(|| self.keys.fill(|_| count)))
                .collect();
            all.into_iter()
                .map(|thread| thread.join())
                .collect::<Vec<_>>()
        });
        for made in made.into_iter().flatten() {
            made.map_err(failed)?;
        }
        Ok(())
    }

    /// Makes a key's file, never over one that is there.
    pub(super) fn make_key(&self, kind: KeyKind, path: &Path) -> Result<(), AdminError> {
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

fn failed(error: X509Error) -> AdminError {
    AdminError::Local(error.to_string())
}
