//! Fault points of builds with the feature `faults`.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

#[derive(Default)]
struct Faults {
    rules: Vec<Rule>,
    hold: bool,
    tear: Option<u64>,
    nosync: Vec<String>,
    trace: Option<File>,
    passes: BTreeMap<String, u64>,
    /// Writes not yet synced, by device and inode, as a page cache has them.
    held: BTreeMap<(u64, u64), Arc<Mutex<Held>>>,
}

struct Rule {
    action: Action,
    point: String,
    at: u64,
    onwards: bool,
}

#[derive(Clone, Copy)]
enum Action {
    Abort,
    Error,
    Full,
}

static FAULTS: Mutex<Option<Faults>> = Mutex::new(None);

fn faults() -> MutexGuard<'static, Option<Faults>> {
    FAULTS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Sets the faults of this process, in place of those set before (what is held stays held), and
/// counts passes from 0 again. The error says which word is wrong.
pub fn arm(spec: &str) -> Result<(), String> {
    let mut new = Faults::default();
    for word in spec.split(',').filter(|word| !word.is_empty()) {
        let wrong = || format!("{word:?} is no fault");
        if word == "hold" {
            new.hold = true;
        } else if let Some(rest) = word.strip_prefix("tear") {
            let seed = rest.strip_prefix(':').unwrap_or("1");
            new.tear = Some(seed.parse().map_err(|_| wrong())?);
        } else if let Some(path) = word.strip_prefix("trace:") {
            let file = File::options().create(true).append(true).open(path);
            new.trace = Some(file.map_err(|e| format!("{word:?}: {e}"))?);
        } else if let Some(kind) = word.strip_prefix("nosync@") {
            new.nosync.push(kind.to_owned());
        } else {
            let (action, place) = word.split_once('@').ok_or_else(wrong)?;
            let action = match action {
                "abort" => Action::Abort,
                "error" => Action::Error,
                "full" => Action::Full,
                _ => return Err(wrong()),
            };
            let (point, count) = place.split_once(':').unwrap_or((place, "1"));
            let onwards = count.ends_with('+');
            new.rules.push(Rule {
                action,
                point: point.to_owned(),
                at: count.trim_end_matches('+').parse().map_err(|_| wrong())?,
                onwards,
            });
        }
    }
    let mut faults = faults();
    if let Some(old) = faults.take() {
        new.held = old.held;
    }
    *faults = Some(new);
    Ok(())
}

/// How often each point was passed since [`arm`], by name: a test that wants to abort at every one
/// learns of them here.
pub fn passes() -> BTreeMap<String, u64> {
    faults()
        .as_ref()
        .map(|faults| faults.passes.clone())
        .unwrap_or_default()
}

/// Passes a fault point; counts for nothing before [`arm`].
pub fn point(name: &str) -> io::Result<()> {
    let mut guard = faults();
    let Some(faults) = guard.as_mut() else {
        return Ok(());
    };
    let count = faults.passes.entry(name.to_owned()).or_default();
    *count += 1;
    let count = *count;
    if let Some(mut file) = faults.trace.as_ref() {
        writeln!(file, "{name}")?;
    }
    let hit = faults
        .rules
        .iter()
        .find(|rule| rule.point == name && (rule.at == count || (rule.onwards && rule.at < count)));
    match hit.map(|rule| rule.action) {
        None => Ok(()),
        Some(Action::Error) => Err(io::Error::other(format!("fault at {name}"))),
        Some(Action::Full) => Err(io::ErrorKind::StorageFull.into()),
        Some(Action::Abort) => {
            if let Some(seed) = faults.tear {
                tear(faults, seed);
            }
            // The lock is kept: no other thread does anything more than it has done.
            let own = rustix::process::getpid();
            let killed = rustix::process::kill_process(own, rustix::process::Signal::KILL);
            debug_assert!(killed.is_ok());
            std::process::abort()
        }
    }
}

/// Whether syncs of this kind of file are left out.
pub(in crate::fsio) fn skips_sync(kind: &str) -> bool {
    faults()
        .as_ref()
        .is_some_and(|faults| faults.nosync.iter().any(|word| word == kind))
}

/// What is held of a file, if files are held.
pub(in crate::fsio) fn held(file: &File) -> io::Result<Option<Arc<Mutex<Held>>>> {
    let mut guard = faults();
    let Some(faults) = guard.as_mut().filter(|faults| faults.hold) else {
        return Ok(None);
    };
    let meta = file.metadata()?;
    let id = (meta.dev(), meta.ino());
    // A file that nobody has open and whose writes are all synced may go, and its inode be another's.
    faults
        .held
        .retain(|_, held| Arc::strong_count(held) > 1 || !lock(held).ops.is_empty());
    if let Some(held) = faults.held.get(&id) {
        return Ok(Some(held.clone()));
    }
    let held = Arc::new(Mutex::new(Held {
        file: file.try_clone()?,
        ops: Vec::new(),
    }));
    faults.held.insert(id, held.clone());
    Ok(Some(held))
}

fn lock(held: &Mutex<Held>) -> MutexGuard<'_, Held> {
    held.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Lets some of what is held reach the files, as a disk does on its own before the power goes.
fn tear(faults: &Faults, seed: u64) {
    let mut state = seed | 1;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    for held in faults.held.values() {
        let Ok(held) = held.try_lock() else { continue };
        for op in &held.ops {
            let Op::Write(offset, bytes) = op else {
                if random().is_multiple_of(2) {
                    drop(op.apply(&held.file));
                }
                continue;
            };
            match random() % 3 {
                0 => {}
                1 => drop(op.apply(&held.file)),
                _ => {
                    let cut = random() as usize % (bytes.len() + 1);
                    drop(held.file.write_all_at(&bytes[..cut], *offset));
                }
            }
        }
    }
}

/// Writes to a file that are not synced yet.
pub(in crate::fsio) struct Held {
    file: File,
    ops: Vec<Op>,
}

enum Op {
    Write(u64, Vec<u8>),
    Len(u64),
}

impl Op {
    fn apply(&self, file: &File) -> io::Result<()> {
        match self {
            Op::Write(offset, bytes) => file.write_all_at(bytes, *offset),
            Op::Len(len) => file.set_len(*len),
        }
    }
}

impl Held {
    pub(in crate::fsio) fn write(&mut self, bytes: &[u8], offset: u64) {
        self.ops.push(Op::Write(offset, bytes.to_vec()));
    }

    pub(in crate::fsio) fn set_len(&mut self, len: u64) {
        self.ops.push(Op::Len(len));
    }

    pub(in crate::fsio) fn len(&self) -> io::Result<u64> {
        let on_disk = self.file.metadata()?.len();
        Ok(self.ops.iter().fold(on_disk, |len, op| match op {
            Op::Len(new) => *new,
            Op::Write(offset, bytes) => len.max(offset + bytes.len() as u64),
        }))
    }

    pub(in crate::fsio) fn read(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let len = self.len()?;
        let want = (buf.len() as u64).min(len.saturating_sub(offset)) as usize;
        let buf = &mut buf[..want];
        buf.fill(0);
        let mut got = 0;
        while got < want {
            match self.file.read_at(&mut buf[got..], offset + got as u64)? {
                0 => break,
                n => got += n,
            }
        }
        let end = offset + want as u64;
        for op in &self.ops {
            match op {
                // Cut and grown again: zeros from here on.
                Op::Len(new) if *new < end => {
                    buf[new.saturating_sub(offset) as usize..].fill(0);
                }
                Op::Len(_) => {}
                Op::Write(at, bytes) => {
                    let from = (*at).max(offset);
                    let to = (at + bytes.len() as u64).min(end);
                    if from < to {
                        let part = &bytes[(from - at) as usize..(to - at) as usize];
                        buf[(from - offset) as usize..(to - offset) as usize].copy_from_slice(part);
                    }
                }
            }
        }
        Ok(want)
    }

    /// Lets all of it reach the file: it survives a kill from here on. No sync of the disk itself,
    /// since nothing but the process is killed.
    pub(in crate::fsio) fn release(&mut self) -> io::Result<()> {
        for op in self.ops.drain(..) {
            op.apply(&self.file)?;
        }
        Ok(())
    }
}
