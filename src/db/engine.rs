//! The engine: redb on a [`DurableFile`].

use std::io;
use std::ops::Bound;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockWriteGuard};

use redb::{
    Database, Durability, ReadOnlyTable, ReadableDatabase, StorageBackend, StorageError,
    TableDefinition, WriteTransaction,
};

use super::{DbError, Format, KeyRange, Op, Order, Rows, Write};
use crate::fsio::{DurableFile, FsError, folder_of, sync_dir};

const ROWS: TableDefinition<&[u8], &[u8]> = TableDefinition::new("rows");
const FORMAT: TableDefinition<&str, u32> = TableDefinition::new("format");

/// How a database is opened.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// What is in it.
    pub format: Format,
    /// Make it when it is not there.
    pub create: bool,
    /// Bytes of pages kept in memory. Half a megabyte does as well as 64 here (see `benches/store.rs`), and many
    /// may be open at once.
    pub cache: usize,
    /// Whether synced commits note which pages are free, at the cost of one more sync each. Measured
    /// (`benches/store.rs`): opening an account of 100,000 messages after a crash takes 8 to 16 ms with it and 120 to
    /// 140 without, growing with the file; deliveries, which commit with a sync at checkpoints only, are as fast.
    pub quick_repair: bool,
}

impl Options {
    /// For a database of this format: made when absent, a small cache, quick to repair.
    pub fn new(format: Format) -> Options {
        Options {
            format,
            create: true,
            cache: 512 << 10,
            quick_repair: true,
        }
    }
}

/// An open database. Shared between threads by reference; one writes at a time.
pub struct Db {
    path: PathBuf,
    options: Options,
    /// None once closed. Who sets it holds `writing` too, so that a writer's closure may read.
    engine: RwLock<Option<Database>>,
    writing: Mutex<()>,
}

impl Db {
    /// Opens a database file, or makes one; recovers it after a crash; migrates it when its format is
    /// older. Mode 0600. A process has it for itself.
    pub fn open(path: &Path, options: Options) -> Result<Db, DbError> {
        let engine = open_engine(path, options)?;
        let db = Db {
            path: path.to_owned(),
            options,
            engine: RwLock::new(Some(engine)),
            writing: Mutex::new(()),
        };
        db.check_format()?;
        Ok(db)
    }

    /// A database in memory that is gone when dropped: for rows that are made to go elsewhere.
    pub fn in_memory(format: Format) -> Result<Db, DbError> {
        let path = PathBuf::from("(memory)");
        let engine = || -> Result<Database, redb::Error> {
            let engine =
                Database::builder().create_with_backend(redb::backends::InMemoryBackend::new())?;
            let transaction = engine.begin_write()?;
            transaction.open_table(ROWS)?;
            note_format(&transaction, format)?;
            transaction.commit()?;
            Ok(engine)
        };
        let engine = engine().map_err(|e| db_error("create", &path, e))?;
        Ok(Db {
            path,
            options: Options::new(format),
            engine: RwLock::new(Some(engine)),
            writing: Mutex::new(()),
        })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A snapshot: all that was written before, nothing of what is written after.
    pub fn read(&self) -> Result<Read, DbError> {
        self.with_engine(|engine| self.read_from(engine))
    }

    /// Runs `change` and makes what it has put and deleted durable, all or nothing; an error of the
    /// closure leaves nothing behind. Waits for other writers. `change` may be run again.
    pub fn write<T, E: From<DbError>>(
        &self,
        mut change: impl FnMut(&mut Write) -> Result<T, E>,
    ) -> Result<T, E> {
        let _writing = self.lock();
        self.reopen_if_broken()?;
        let mut write = Write::new(self.read()?);
        let answer = change(&mut write)?;
        if !write.is_unchanged() {
            self.commit(write.ops(), Durability::Immediate)?;
        }
        Ok(answer)
    }

    /// Runs `change`, then `log`, which makes its operations durable elsewhere, then makes them visible
    /// here without a sync. They become durable here with the next [`Db::write`] or
    /// [`Db::harden`]; after a crash before that the caller puts them in again from its log. `log` may
    /// write more rows, which it need not log, such as how far the log has got. An error of `log`
    /// leaves nothing behind; so does one of the commit, and the database must be opened anew then.
    pub fn write_logged<T, E: From<DbError>>(
        &self,
        mut change: impl FnMut(&mut Write) -> Result<T, E>,
        log: impl FnOnce(&mut T, &mut Write) -> Result<(), E>,
    ) -> Result<T, E> {
        let _writing = self.lock();
        let mut write = Write::new(self.read()?);
        let mut answer = change(&mut write)?;
        log(&mut answer, &mut write)?;
        if !write.is_unchanged() {
            self.commit(write.ops(), Durability::None)?;
        }
        Ok(answer)
    }

    /// Makes all that was written so far durable.
    pub fn harden(&self) -> Result<(), DbError> {
        let _writing = self.lock();
        self.commit(std::iter::empty(), Durability::Immediate)
    }

    /// Closes the file; reads and writes fail with [`DbError::Closed`] from then on, those of
    /// snapshots too. What was written without a sync is hardened by the engine on the way.
    pub fn close(&self) -> Result<(), DbError> {
        let _writing = self.lock();
        match self.slot().take() {
            Some(engine) => engine.close().map_err(|e| self.error("close", e)),
            None => Ok(()),
        }
    }

    fn lock(&self) -> MutexGuard<'_, ()> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn slot(&self) -> RwLockWriteGuard<'_, Option<Database>> {
        self.engine.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn with_engine<T>(
        &self,
        use_it: impl FnOnce(&Database) -> Result<T, DbError>,
    ) -> Result<T, DbError> {
        let engine = self.engine.read().unwrap_or_else(PoisonError::into_inner);
        use_it(engine.as_ref().ok_or(DbError::Closed)?)
    }

    fn read_from(&self, engine: &Database) -> Result<Read, DbError> {
        let failed = |e: redb::Error| self.error("read", e);
        let transaction = engine.begin_read().map_err(|e| failed(e.into()))?;
        let table = transaction.open_table(ROWS).map_err(|e| failed(e.into()))?;
        Ok(Read { table })
    }

    /// After an I/O error the engine refuses everything, in case its memory and the file differ; what
    /// it had made durable is in the file.
    fn reopen_if_broken(&self) -> Result<(), DbError> {
        let broken = self.with_engine(|engine| {
            Ok(match engine.begin_write() {
                Ok(transaction) => transaction.abort().is_err(),
                Err(_) => true,
            })
        })?;
        if broken {
            let mut slot = self.slot();
            // Closed first, for its lock on the file.
            *slot = None;
            *slot = Some(open_engine(&self.path, self.options)?);
        }
        Ok(())
    }

    fn commit<'a>(
        &self,
        ops: impl Iterator<Item = Op<'a>>,
        how: Durability,
    ) -> Result<(), DbError> {
        self.with_engine(|engine| {
            let commit = || -> Result<(), redb::Error> {
                let mut transaction = engine.begin_write()?;
                transaction.set_durability(how)?;
                let quick = self.options.quick_repair && matches!(how, Durability::Immediate);
                transaction.set_quick_repair(quick);
                apply(&transaction, ops)?;
                Ok(transaction.commit()?)
            };
            commit().map_err(|e| self.error("write", e))
        })
    }

    fn check_format(&self) -> Result<(), DbError> {
        let format = self.options.format;
        let found = self.with_engine(|engine| self.format_of(engine))?;
        if found == format.version {
            return Ok(());
        }
        if found > format.version {
            return Err(DbError::Newer {
                path: self.path.clone(),
                found,
                known: format.version,
            });
        }
        let mut write = Write::new(self.read()?);
        (format.migrate)(found, &mut write)?;
        self.with_engine(|engine| {
            let migrate = || -> Result<(), redb::Error> {
                let transaction = engine.begin_write()?;
                apply(&transaction, write.ops())?;
                note_format(&transaction, format)?;
                Ok(transaction.commit()?)
            };
            migrate().map_err(|e| self.error("migrate", e))
        })
    }

    fn format_of(&self, engine: &Database) -> Result<u32, DbError> {
        let name = self.options.format.name;
        let version = || -> Result<Option<u32>, redb::Error> {
            let table = engine.begin_read()?.open_table(FORMAT)?;
            Ok(table.get(name)?.map(|version| version.value()))
        };
        match version() {
            Ok(Some(version)) => Ok(version),
            Ok(None) => Err(self.damaged(format!("it is not of the format {name:?}"))),
            Err(redb::Error::TableDoesNotExist(_)) => {
                Err(self.damaged("it does not say of which format it is".to_owned()))
            }
            Err(e) => Err(self.error("read", e)),
        }
    }

    fn damaged(&self, why: String) -> DbError {
        DbError::Damaged {
            path: self.path.clone(),
            why,
        }
    }

    fn error(&self, verb: &'static str, e: impl Into<redb::Error>) -> DbError {
        db_error(verb, &self.path, e.into())
    }
}

impl std::fmt::Debug for Db {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Db({})", self.path.display())
    }
}

/// A snapshot of a database.
pub struct Read {
    table: ReadOnlyTable<&'static [u8], &'static [u8]>,
}

impl Rows for Read {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, DbError> {
        let value = self.table.get(key).map_err(read_error)?;
        Ok(value.map(|value| value.value().to_vec()))
    }

    fn scan(
        &self,
        range: KeyRange,
        order: Order,
        each: &mut dyn FnMut(&[u8], &[u8]) -> bool,
    ) -> Result<(), DbError> {
        if range.is_void() {
            return Ok(());
        }
        let bounds = (as_slice(&range.from), as_slice(&range.to));
        let mut rows = self.table.range::<&[u8]>(bounds).map_err(read_error)?;
        let mut next = || match order {
            Order::Ascending => rows.next(),
            Order::Descending => rows.next_back(),
        };
        while let Some(row) = next() {
            let (key, value) = row.map_err(read_error)?;
            if !each(key.value(), value.value()) {
                break;
            }
        }
        Ok(())
    }
}

fn as_slice(bound: &Bound<Vec<u8>>) -> Bound<&[u8]> {
    match bound {
        Bound::Included(key) => Bound::Included(key.as_slice()),
        Bound::Excluded(key) => Bound::Excluded(key.as_slice()),
        Bound::Unbounded => Bound::Unbounded,
    }
}

fn apply<'a>(
    transaction: &WriteTransaction,
    ops: impl Iterator<Item = Op<'a>>,
) -> Result<(), redb::Error> {
    let mut table = transaction.open_table(ROWS)?;
    for op in ops {
        match op {
            Op::Put(key, value) => drop(table.insert(key, value)?),
            Op::Delete(key) => drop(table.remove(key)?),
        }
    }
    Ok(())
}

fn note_format(transaction: &WriteTransaction, format: Format) -> Result<(), redb::Error> {
    let mut table = transaction.open_table(FORMAT)?;
    table.insert(format.name, format.version)?;
    Ok(())
}

fn open_engine(path: &Path, options: Options) -> Result<Database, DbError> {
    match DurableFile::open(path, "db") {
        Ok(file) => start(path, file, options),
        Err(e) if e.kind() == io::ErrorKind::NotFound && options.create => make(path, options),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Err(DbError::NotFound(path.to_owned())),
        Err(e) => Err(io_error("open", path, &e)),
    }
}

/// Makes the file under another name first: under its own it is whole or not there.
fn make(path: &Path, options: Options) -> Result<Database, DbError> {
    let mut new = path.as_os_str().to_owned();
    new.push(".new");
    let new = PathBuf::from(new);
    match std::fs::remove_file(&new) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => {
            return Err(io_error("remove", &new, &e));
        }
        _ => {}
    }
    let file = DurableFile::create(&new, "db").map_err(|e| io_error("create", &new, &e))?;
    let engine = start(&new, file, options)?;
    let format = || -> Result<(), redb::Error> {
        let transaction = engine.begin_write()?;
        transaction.open_table(ROWS)?;
        note_format(&transaction, options.format)?;
        Ok(transaction.commit()?)
    };
    format().map_err(|e| db_error("write", &new, e))?;
    std::fs::rename(&new, path).map_err(|e| io_error("rename", &new, &e))?;
    sync_dir(folder_of(path)).map_err(|e: FsError| io_error(e.verb, &e.path, &e.source))?;
    Ok(engine)
}

fn start(path: &Path, file: DurableFile, options: Options) -> Result<Database, DbError> {
    match file.try_lock() {
        Ok(true) => {}
        Ok(false) => return Err(DbError::InUse(path.to_owned())),
        Err(e) => return Err(io_error("lock", path, &e)),
    }
    let mut builder = Database::builder();
    builder.set_cache_size(options.cache);
    let damaged = |why: String| DbError::Damaged {
        path: path.to_owned(),
        why,
    };
    // The engine trusts its own pages after a crash it can repair, and may panic where a file was
    // altered by others.
    match catch_unwind(AssertUnwindSafe(|| {
        builder.create_with_backend(Backend(file))
    })) {
        Ok(Ok(engine)) => Ok(engine),
        Ok(Err(e)) => Err(match redb::Error::from(e) {
            redb::Error::Corrupted(why) => damaged(why),
            redb::Error::Io(e) if e.kind() == io::ErrorKind::InvalidData => damaged(e.to_string()),
            other => db_error("open", path, other),
        }),
        Err(_) => Err(damaged("the engine cannot make sense of it".to_owned())),
    }
}

fn io_error(verb: &'static str, path: &Path, e: &io::Error) -> DbError {
    DbError::Io {
        verb,
        path: path.to_owned(),
        why: e.to_string(),
    }
}

fn db_error(verb: &'static str, path: &Path, e: redb::Error) -> DbError {
    match e {
        redb::Error::DatabaseClosed => DbError::Closed,
        redb::Error::DatabaseAlreadyOpen => DbError::InUse(path.to_owned()),
        redb::Error::Corrupted(why) => DbError::Damaged {
            path: path.to_owned(),
            why,
        },
        e => DbError::Io {
            verb,
            path: path.to_owned(),
            why: e.to_string(),
        },
    }
}

fn read_error(e: StorageError) -> DbError {
    db_error("read", Path::new("the database"), e.into())
}

#[derive(Debug)]
struct Backend(DurableFile);

impl StorageBackend for Backend {
    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.read_exact_at(out, offset)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.write_all_at(data, offset)
    }

    fn close(&self) -> io::Result<()> {
        // Snapshots may keep the file open for longer; nobody else need wait for them.
        self.0.unlock()
    }
}
