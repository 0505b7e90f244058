//! Watching files on disk: mox.toml, and the certificates that it names.
//!
//! A file is watched by the folder it is in, since editors rename over it, and by every symbolic link on
//! the way to it with that link's folder: certbot points one of them elsewhere, others point a folder of
//! releases elsewhere. A change counts when all has been still for a moment, so that a file that is being
//! written, or a certificate whose key is still to come, is not taken for the whole.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use mox::fsio::folder_of;
use notify::event::{AccessKind, AccessMode, ModifyKind};
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use tracing::{debug, warn};

/// The files have to be still for so long.
const STILL: Duration = Duration::from_millis(100);

/// File systems without notification (some network ones) are looked at so often.
const LOOK: Duration = Duration::from_secs(5);

/// The same while a file or a folder on the way to it is missing: nobody tells of a folder that is not
/// there yet.
const LOOK_FOR_MISSING: Duration = Duration::from_millis(250);

/// A longer chain of symbolic links is a loop (path_resolution(7)).
const LINKS: usize = 40;

/// Tells of changes of some files.
pub(crate) struct FileWatch {
    files: Vec<PathBuf>,
    /// What the files were when that was last told of.
    seen: Vec<Option<Stamp>>,
    /// Folders that are watched.
    places: Places,
    events: mpsc::UnboundedReceiver<Event>,
    /// Kept, for dropping it ends the watch. None: there is no notification here.
    watcher: Option<RecommendedWatcher>,
}

/// Folders: which they are, and the names in them that matter.
type Places = BTreeMap<PathBuf, (Option<Identity>, BTreeSet<OsString>)>;

/// Which folder it is: another of the same name may take its place, even with the same inode.
type Identity = (u64, u64, Option<SystemTime>);

/// What the kernel told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Event {
    /// Something with a name that matters.
    Name,
    /// A folder itself was moved or removed: it is not the one to watch any more.
    Folder,
}

/// What differs when a file was written or replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl FileWatch {
    /// Watches from now on. Without notification it looks by itself now and then.
    pub(crate) fn new(files: impl IntoIterator<Item = PathBuf>) -> FileWatch {
        let mut watch = FileWatch {
            files: files.into_iter().collect(),
            seen: Vec::new(),
            places: Places::new(),
            events: mpsc::unbounded_channel().1,
            watcher: None,
        };
        watch.follow();
        watch.seen = watch.look();
        watch
    }

    /// Returns when one of the files has changed and all have been still.
    pub(crate) async fn changed(&mut self) {
        loop {
            // Either way look: a notification may be of something else in the folder.
            let _ = timeout(self.patience(), self.event()).await;
            self.follow();
            if self.look() == self.seen {
                continue;
            }
            while timeout(STILL, self.event()).await.is_ok() {}
            // What a link leads to may have come only now.
            self.follow();
            let now = self.look();
            if now == self.seen {
                continue; // It is again what it was.
            }
            self.seen = now;
            debug!(files = ?self.files, "changed on disk");
            return;
        }
    }

    fn look(&self) -> Vec<Option<Stamp>> {
        self.files.iter().map(|file| Stamp::of(file)).collect()
    }

    fn patience(&self) -> Duration {
        let missing = self.seen.iter().any(Option::is_none)
            || self.places.values().any(|(identity, _)| identity.is_none());
        match missing {
            true => LOOK_FOR_MISSING,
            false => LOOK,
        }
    }

    /// The files may be in other folders now, by way of other links.
    fn follow(&mut self) {
        let places = places(&self.files);
        if places == self.places {
            return;
        }
        let (send, events) = mpsc::unbounded_channel();
        self.events = events;
        self.watcher = watcher(&places, send)
            .inspect_err(|error| warn!(%error, "no file notification"))
            .ok();
        self.places = places;
    }

    async fn event(&mut self) {
        match self.events.recv().await {
            Some(Event::Name) => {}
            Some(Event::Folder) => self.places.clear(),
            // No watcher: only the looking is left.
            None => sleep(LOOK).await,
        }
    }
}

impl Stamp {
    fn of(file: &Path) -> Option<Stamp> {
        let meta = fs::metadata(file).ok()?;
        Some(Stamp {
            device: meta.dev(),
            inode: meta.ino(),
            size: meta.size(),
            modified: (meta.mtime(), meta.mtime_nsec()),
            changed: (meta.ctime(), meta.ctime_nsec()),
        })
    }
}

/// Where to look for changes of what these names lead to.
fn places(files: &[PathBuf]) -> Places {
    let mut places = Places::new();
    for file in files {
        for step in trail(file) {
            let folder = folder_of(&step).to_owned();
            let identity = fs::metadata(&folder).ok();
            let identity = identity.map(|meta| (meta.dev(), meta.ino(), meta.created().ok()));
            let (_, names) = places
                .entry(folder)
                .or_insert_with(|| (identity, BTreeSet::new()));
            names.extend(step.file_name().map(OsString::from));
        }
    }
    places
}

/// Every symbolic link on the way to a file, and the file itself.
fn trail(file: &Path) -> Vec<PathBuf> {
    let mut path = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
    let mut trail = Vec::new();
    while trail.len() < LINKS {
        let Some((link, target)) = first_link(&path) else {
            break;
        };
        let rest = path.strip_prefix(&link).unwrap_or(Path::new(""));
        let mut next = folder_of(&link).join(target);
        // Joining nothing would add a slash.
        if rest != Path::new("") {
            next.push(rest);
        }
        trail.push(link);
        path = next;
    }
    trail.push(path);
    trail
}

/// The first part of the path that is a symbolic link, and what stands in it.
fn first_link(path: &Path) -> Option<(PathBuf, PathBuf)> {
    let mut part = PathBuf::new();
    for component in path.components() {
        part.push(component);
        if let Ok(target) = fs::read_link(&part) {
            return Some((part, target));
        }
    }
    None
}

fn watcher(
    places: &Places,
    send: mpsc::UnboundedSender<Event>,
) -> notify::Result<RecommendedWatcher> {
    let watched = places.clone();
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        // Events that were lost may have been ours.
        let told = event.map_or(Some(Event::Name), |event| matters(&watched, &event));
        if let Some(told) = told {
            let _ = send.send(told);
        }
    })?;
    for (folder, (identity, _)) in places {
        if identity.is_none() {
            continue; // Not there: looked for now and then.
        }
        if let Err(error) = watcher.watch(folder, RecursiveMode::NonRecursive) {
            warn!(folder = %folder.display(), %error, "no notification of changes in this folder");
        }
    }
    Ok(watcher)
}

fn matters(places: &Places, event: &notify::Event) -> Option<Event> {
    // Our own reading of the files must not wake us.
    let written = EventKind::Access(AccessKind::Close(AccessMode::Write));
    if event.kind.is_access() && event.kind != written {
        return None;
    }
    let is_name = |path: &PathBuf| {
        let place = places.get(folder_of(path));
        let name = path.file_name();
        place.is_some_and(|(_, names)| name.is_some_and(|name| names.contains(name)))
    };
    let goes =
        event.kind.is_remove() || matches!(event.kind, EventKind::Modify(ModifyKind::Name(_)));
    if goes && event.paths.iter().any(|path| places.contains_key(path)) {
        return Some(Event::Folder);
    }
    (event.paths.is_empty() || event.paths.iter().any(is_name)).then_some(Event::Name)
}

#[cfg(test)]
mod tests;
