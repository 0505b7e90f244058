//! What the control plane keeps in the control database `DATA_DIR/control.redb`: credentials, TLS public
//! keys, the admin password, removals under way, generations of the configuration, requests without one.
//!
//! Only [`crate::admin`] writes here. Rows that last are enums of versions: a row that gets new fields (SCRAM
//! verifiers, say) gets a new variant beside the old, and a new format version if old rows must change.

mod credential;
mod generation;
mod request;
mod text;
mod tls_key;

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::addr::AccountName;
use crate::db::{Db, DbError, Format, KeyRange, Options, Order, Rows, Write};
use crate::x509::{Certificate, Fingerprint};

pub use credential::{Credential, Credentials};
pub use generation::{ContentHash, Generation, NewGeneration};
pub use request::Fulfilled;
pub use tls_key::{TlsKey, TlsKeys};

/// Generations that are kept: the newest.
pub const KEPT_GENERATIONS: u64 = 100;

/// Accounts and files in a row of what was begun: with the longest names they fit.
const BEGUN_PIECE: usize = 100;

const FORMAT: Format = Format::first("mox control");

/// Why the control database would not do it. All is of blame Local.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
    /// A row that is not what it should be.
    #[error("the control database has a {0} that cannot be read")]
    Damaged(&'static str),
    /// The system has none.
    #[error("no randomness")]
    Randomness,
}

/// One change of what is kept.
#[derive(Debug, Clone)]
pub enum Op {
    /// An account's password.
    SetCredential(AccountName, Arc<Credential>),
    /// No password any more.
    DropCredential(AccountName),
    /// The password of the admin pages.
    SetAdminPassword(Arc<Credential>),
    /// A TLS public key with its certificate; replaces one with the same fingerprint.
    AddTlsKey(Arc<TlsKey>, Certificate),
    /// What else is known of a key that is there.
    SetTlsKey(Arc<TlsKey>),
    /// A key goes.
    DropTlsKey(Fingerprint),
    /// All keys of an account go.
    DropTlsKeys(AccountName),
    /// When keys that are there were last used.
    UseTlsKeys(Vec<(Fingerprint, Timestamp)>),
    /// The intent to remove an account; its credentials and keys go with it.
    BeginRemoval(AccountName),
    /// Nothing is left of the account.
    EndRemoval(AccountName),
    /// What is about to be made outside of the database for a change.
    Begin(Begun),
    /// That change is done, or undone.
    End,
    /// Whose request this is, where no generation says so.
    Fulfill(Fulfilled),
}

/// What is made outside of the database for a change before the change itself is committed: taken
/// away again when it is not.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Begun {
    /// New files, by their names relative to mox.toml.
    pub files: Vec<String>,
    /// Accounts that get a mail folder.
    pub accounts: Vec<AccountName>,
}

impl Begun {
    /// Whether nothing is made.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty() && self.accounts.is_empty()
    }
}

/// The control database. One a data directory; whoever has it holds the directory's lock.
pub struct State {
    db: Db,
    cache: Mutex<Cache>,
}

struct Cache {
    credentials: Arc<Credentials>,
    tls_keys: Arc<TlsKeys>,
    admin: Option<Arc<Credential>>,
    next_serial: u64,
    last: Option<Last>,
}

/// The newest generation, and what the next is told apart from.
#[derive(Clone)]
struct Last {
    generation: Generation,
    text: Arc<str>,
    depth: u64,
}

impl State {
    /// Opens the database or makes it, and reads what every snapshot needs, in one scan.
    pub fn open(path: &Path) -> Result<State, StateError> {
        let db = Db::open(path, Options::new(FORMAT))?;
        make_login_secret(&db)?;
        let cache = Mutex::new(Cache::load(&db)?);
        Ok(State { db, cache })
    }

    /// The credentials of all accounts.
    pub fn credentials(&self) -> Arc<Credentials> {
        self.with_cache(|cache| Arc::clone(&cache.credentials))
    }

    /// The TLS public keys of all accounts.
    pub fn tls_keys(&self) -> Arc<TlsKeys> {
        self.with_cache(|cache| Arc::clone(&cache.tls_keys))
    }

    /// The certificate that a key came in, in DER.
    pub fn tls_certificate(&self, key: &Fingerprint) -> Result<Option<Vec<u8>>, StateError> {
        tls_key::certificate(&self.db.read()?, key)
    }

    /// When keys were last used, of those that ever were.
    pub fn tls_keys_used(&self) -> Result<HashMap<Fingerprint, Timestamp>, StateError> {
        tls_key::last_used(&self.db.read()?)
    }

    /// The password of the admin pages.
    pub fn admin_password(&self) -> Option<Arc<Credential>> {
        self.with_cache(|cache| cache.admin.clone())
    }

    /// Random octets, made with the database: what logins show for users who are not there is made of
    /// them, and stays the same from start to start.
    pub fn login_secret(&self) -> Result<[u8; 32], StateError> {
        let row = self.db.read()?.get(keys::LOGIN_SECRET)?;
        let row = row.ok_or(StateError::Damaged("login secret"))?;
        row.as_slice()
            .try_into()
            .map_err(|_| StateError::Damaged("login secret"))
    }

    /// A serial that no credential has had.
    pub fn next_serial(&self) -> u64 {
        self.with_cache(|cache| cache.next_serial)
    }

    /// Accounts whose removal is not finished.
    pub fn removals(&self) -> Result<Vec<AccountName>, StateError> {
        let mut removals = Vec::new();
        let mut damaged = false;
        self.db.read()?.scan(
            KeyRange::prefix(keys::REMOVAL),
            Order::Ascending,
            &mut |key, _| {
                match keys::account(key) {
                    Some(account) => removals.push(account),
                    None => damaged = true,
                }
                true
            },
        )?;
        match damaged {
            true => Err(StateError::Damaged("removal")),
            false => Ok(removals),
        }
    }

    /// What was begun and neither committed nor undone.
    pub fn begun(&self) -> Result<Option<Begun>, StateError> {
        let mut all: Option<Begun> = None;
        let mut failed = None;
        let range = KeyRange::prefix(keys::BEGUN);
        self.db.read()?.scan(
            range,
            Order::Ascending,
            &mut |_, row| match decode::<Begun>(row, "begun change") {
                Ok(piece) => {
                    let all = all.get_or_insert_default();
                    all.files.extend(piece.files);
                    all.accounts.extend(piece.accounts);
                    true
                }
                Err(error) => {
                    failed = Some(error);
                    false
                }
            },
        )?;
        failed.map_or(Ok(all), Err)
    }

    /// A request that was carried out without a generation, if it is one of the newest of them.
    pub fn fulfilled(&self, request: &str) -> Result<Option<Fulfilled>, StateError> {
        request::find(&self.db.read()?, request)
    }

    /// The newest generation.
    pub fn last_generation(&self) -> Option<Generation> {
        self.with_cache(|cache| cache.last.as_ref().map(|last| last.generation.clone()))
    }

    /// The newest generation's text of mox.toml.
    pub fn last_text(&self) -> Option<Arc<str>> {
        self.with_cache(|cache| cache.last.as_ref().map(|last| Arc::clone(&last.text)))
    }

    /// All generations that are kept, newest first.
    pub fn generations(&self) -> Result<Vec<Generation>, StateError> {
        generation::load_all(&self.db.read()?)
    }

    /// The text of mox.toml in a generation; none if it is not kept.
    pub fn text(&self, generation: u64) -> Result<Option<String>, StateError> {
        generation::load_text(&self.db.read()?, generation)
    }

    /// Makes changes and, with them, a generation: all or nothing, durable on return. Gives the
    /// number of the newest generation, 0 if there is none.
    pub fn commit(
        &self,
        ops: &[Op],
        generation: Option<&NewGeneration>,
    ) -> Result<u64, StateError> {
        let last = self.with_cache(|cache| cache.last.clone());
        let written = self.db.write(|write| {
            for op in ops {
                apply(write, op)?;
            }
            generation
                .map(|new| generation::append(write, new, last.as_ref()))
                .transpose()
        });
        let new_last = match written {
            Ok(new_last) => new_last,
            Err(error) => {
                // Whether the disk has it all the same is not known before it is read again.
                if let Ok(cache) = Cache::load(&self.db) {
                    self.with_cache(|known| *known = cache);
                }
                return Err(error);
            }
        };
        Ok(self.with_cache(|cache| {
            for op in ops {
                cache.apply(op);
            }
            if new_last.is_some() {
                cache.last = new_last;
            }
            cache.last.as_ref().map_or(0, |last| last.generation.number)
        }))
    }

    fn with_cache<T>(&self, with: impl FnOnce(&mut Cache) -> T) -> T {
        with(&mut self.cache.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Cache {
    fn load(db: &Db) -> Result<Cache, StateError> {
        let read = db.read()?;
        Ok(Cache {
            credentials: Arc::new(credential::load(&read)?),
            tls_keys: Arc::new(tls_key::load(&read)?),
            admin: match read.get(keys::ADMIN)? {
                Some(row) => Some(Arc::new(credential::decode(&row)?)),
                None => None,
            },
            next_serial: match read.get(keys::SERIAL)? {
                Some(row) => decode(&row, "serial")?,
                None => 1,
            },
            last: generation::load_last(&read)?,
        })
    }

    fn apply(&mut self, op: &Op) {
        op.change_credentials(&mut self.credentials);
        op.change_tls_keys(&mut self.tls_keys);
        match op {
            Op::SetCredential(_, credential) => {
                self.next_serial = self.next_serial.max(credential.serial + 1);
            }
            Op::SetAdminPassword(credential) => {
                self.next_serial = self.next_serial.max(credential.serial + 1);
                self.admin = Some(Arc::clone(credential));
            }
            _ => {}
        }
    }
}

impl Op {
    /// Does to credentials what it does to their rows.
    pub(crate) fn change_credentials(&self, all: &mut Arc<Credentials>) {
        match self {
            Op::SetCredential(account, credential) => {
                Arc::make_mut(all).insert(account.clone(), Arc::clone(credential));
            }
            Op::DropCredential(account) | Op::BeginRemoval(account)
                if all.contains_key(account) =>
            {
                Arc::make_mut(all).remove(account);
            }
            _ => {}
        }
    }

    /// Does to TLS public keys what it does to their rows.
    pub(crate) fn change_tls_keys(&self, all: &mut Arc<TlsKeys>) {
        match self {
            Op::AddTlsKey(key, _) | Op::SetTlsKey(key) => {
                Arc::make_mut(all).insert(Arc::clone(key));
            }
            Op::DropTlsKey(fingerprint) if all.get(fingerprint).is_some() => {
                Arc::make_mut(all).remove(fingerprint);
            }
            Op::DropTlsKeys(account) | Op::BeginRemoval(account) if all.has_account(account) => {
                Arc::make_mut(all).remove_account(account);
            }
            _ => {}
        }
    }
}

fn make_login_secret(db: &Db) -> Result<(), StateError> {
    if db.read()?.get(keys::LOGIN_SECRET)?.is_some() {
        return Ok(());
    }
    let mut secret = [0; 32];
    getrandom::fill(&mut secret).map_err(|_| StateError::Randomness)?;
    db.write(|write| Ok::<_, StateError>(write.put(keys::LOGIN_SECRET, &secret)?))
}

fn apply(write: &mut Write, op: &Op) -> Result<(), StateError> {
    match op {
        Op::SetCredential(account, credential) => {
            raise_serial(write, credential.serial)?;
            let row = credential::encode(credential)?;
            write.put(&keys::of(keys::CREDENTIAL, account), &row)?;
        }
        Op::DropCredential(account) => write.delete(&keys::of(keys::CREDENTIAL, account)),
        Op::SetAdminPassword(credential) => {
            raise_serial(write, credential.serial)?;
            write.put(keys::ADMIN, &credential::encode(credential)?)?;
        }
        Op::AddTlsKey(key, certificate) => {
            tls_key::delete(write, &key.fingerprint);
            tls_key::put(write, key)?;
            tls_key::put_certificate(write, &key.fingerprint, certificate.der())?;
        }
        Op::SetTlsKey(key) => tls_key::put(write, key)?,
        Op::DropTlsKey(fingerprint) => tls_key::delete(write, fingerprint),
        Op::DropTlsKeys(account) => tls_key::delete_account(write, account)?,
        Op::UseTlsKeys(used) => {
            for (fingerprint, time) in used {
                tls_key::put_last_used(write, fingerprint, *time)?;
            }
        }
        Op::BeginRemoval(account) => {
            write.delete(&keys::of(keys::CREDENTIAL, account));
            tls_key::delete_account(write, account)?;
            let since = crate::clock::now().as_millisecond();
            let row = encode(&RemovalRow::V1 { since })?;
            write.put(&keys::of(keys::REMOVAL, account), &row)?;
        }
        Op::EndRemoval(account) => write.delete(&keys::of(keys::REMOVAL, account)),
        Op::Begin(begun) => begin(write, begun)?,
        Op::End => write.clear(KeyRange::prefix(keys::BEGUN))?,
        Op::Fulfill(request) => request::append(write, request)?,
    }
    Ok(())
}

/// Ten thousand accounts can be new at once: more than a row can hold.
fn begin(write: &mut Write, begun: &Begun) -> Result<(), StateError> {
    let mut files = begun.files.chunks(BEGUN_PIECE);
    let mut accounts = begun.accounts.chunks(BEGUN_PIECE);
    let mut piece = || {
        let (files, accounts) = (files.next(), accounts.next());
        (files.is_some() || accounts.is_some()).then(|| Begun {
            files: files.unwrap_or_default().to_vec(),
            accounts: accounts.unwrap_or_default().to_vec(),
        })
    };
    write.put(keys::BEGUN, &encode(&piece().unwrap_or_default())?)?;
    for (number, piece) in (1..).zip(std::iter::from_fn(piece)) {
        write.put(&keys::begun_piece(number), &encode(&piece)?)?;
    }
    Ok(())
}

fn raise_serial(write: &mut Write, used: u64) -> Result<(), StateError> {
    let next: u64 = match write.get(keys::SERIAL)? {
        Some(row) => decode(&row, "serial")?,
        None => 1,
    };
    write.put(keys::SERIAL, &encode(&next.max(used + 1))?)?;
    Ok(())
}

#[derive(Serialize, Deserialize)]
enum RemovalRow {
    V1 {
        /// Milliseconds since 1970.
        since: i64,
    },
}

fn encode(row: &impl Serialize) -> Result<Vec<u8>, StateError> {
    postcard::to_allocvec(row).map_err(|_| StateError::Damaged("row"))
}

fn decode<T: DeserializeOwned>(row: &[u8], what: &'static str) -> Result<T, StateError> {
    postcard::from_bytes(row).map_err(|_| StateError::Damaged(what))
}

/// Where rows are: a letter for the kind, then what tells rows of the kind apart.
mod keys {
    use crate::addr::AccountName;
    use crate::x509::Fingerprint;

    pub(super) const ADMIN: &[u8] = b"a";
    /// Alone for the first piece; with a number, four bytes, for the others.
    pub(super) const BEGUN: &[u8] = b"b";
    /// Account name.
    pub(super) const CREDENTIAL: &[u8] = b"c";
    /// Fingerprint, 32 bytes: the certificate of a TLS public key.
    pub(super) const CERTIFICATE: &[u8] = b"d";
    /// Number, eight bytes, big end first.
    pub(super) const GENERATION: &[u8] = b"g";
    /// Fingerprint, 32 bytes: a TLS public key.
    pub(super) const TLS_KEY: &[u8] = b"k";
    /// Number, eight bytes, big end first: a request that made no generation.
    pub(super) const REQUEST: &[u8] = b"q";
    /// Account name.
    pub(super) const REMOVAL: &[u8] = b"r";
    /// 32 octets.
    pub(super) const LOGIN_SECRET: &[u8] = b"l";
    pub(super) const SERIAL: &[u8] = b"s";
    /// Number of the generation; for a piece of a whole text its number, four bytes.
    pub(super) const TEXT: &[u8] = b"t";
    /// Fingerprint, 32 bytes: when a TLS public key was used.
    pub(super) const LAST_USED: &[u8] = b"u";

    pub(super) fn of(kind: &[u8], account: &AccountName) -> Vec<u8> {
        [kind, account.as_str().as_bytes()].concat()
    }

    pub(super) fn numbered(kind: &[u8], number: u64) -> Vec<u8> {
        [kind, &number.to_be_bytes()].concat()
    }

    pub(super) fn number(key: &[u8]) -> Option<u64> {
        Some(u64::from_be_bytes(key.get(1..)?.try_into().ok()?))
    }

    pub(super) fn piece(generation: u64, piece: u32) -> Vec<u8> {
        [TEXT, &generation.to_be_bytes(), &piece.to_be_bytes()].concat()
    }

    pub(super) fn begun_piece(number: u32) -> Vec<u8> {
        [BEGUN, &number.to_be_bytes()].concat()
    }

    pub(super) fn of_tls_key(kind: &[u8], fingerprint: &Fingerprint) -> Vec<u8> {
        [kind, fingerprint.as_bytes()].concat()
    }

    pub(super) fn fingerprint(key: &[u8]) -> Option<Fingerprint> {
        Some(Fingerprint::from_bytes(key.get(1..)?.try_into().ok()?))
    }

    pub(super) fn account(key: &[u8]) -> Option<AccountName> {
        AccountName::parse(std::str::from_utf8(key.get(1..)?).ok()?).ok()
    }
}

#[cfg(test)]
mod tests;
