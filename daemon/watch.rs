//! Watching mox.toml: by the folder it is in, since editors rename over the file, and where it is a
//! symlink by the target's folder too. A change counts when the file has been still for a moment.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use mox::fsio::folder_of;
use notify::event::{AccessKind, AccessMode};
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use tracing::{debug, warn};

/// The file has to be still for so long.
const STILL: Duration = Duration::from_millis(100);

/// File systems without notification (some network ones) are looked at so often.
const LOOK: Duration = Duration::from_secs(5);

/// Tells of changes of one file.
pub(crate) struct FileWatch {
    file: PathBuf,
    /// Where it led to when that was last looked at.
    target: Option<PathBuf>,
    events: mpsc::UnboundedReceiver<()>,
    /// Kept, for dropping it ends the watch.
    watcher: Option<RecommendedWatcher>,
    seen: Option<Stamp>,
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
    pub(crate) fn new(file: &Path) -> FileWatch {
        let (events, watcher) = begin(file);
        FileWatch {
            file: file.to_owned(),
            target: fs::canonicalize(file).ok(),
            events,
            watcher,
            seen: Stamp::of(file),
        }
    }

    /// Returns when the file has changed and been still.
    pub(crate) async fn changed(&mut self) {
        loop {
            // Either way look: a notification may be of something else in the folder.
            let _ = timeout(LOOK, self.event()).await;
            self.follow();
            if Stamp::of(&self.file) == self.seen {
                continue;
            }
            while timeout(STILL, self.event()).await.is_ok() {}
            // What it leads to may have come only now.
            self.follow();
            self.seen = Stamp::of(&self.file);
            debug!(file = %self.file.display(), "changed on disk");
            return;
        }
    }

    /// The file may have become a symlink, or one to another place.
    fn follow(&mut self) {
        let target = fs::canonicalize(&self.file).ok();
        if self.watcher.is_some() && target.is_some() && target != self.target {
            self.target = target;
            (self.events, self.watcher) = begin(&self.file);
        }
    }

    async fn event(&mut self) {
        if self.events.recv().await.is_none() {
            // No watcher: only the looking is left.
            sleep(LOOK).await;
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

fn begin(file: &Path) -> (mpsc::UnboundedReceiver<()>, Option<RecommendedWatcher>) {
    let (send, events) = mpsc::unbounded_channel();
    let watcher = watcher(file, send)
        .inspect_err(|error| warn!(file = %file.display(), %error, "no file notification"))
        .ok();
    (events, watcher)
}

fn watcher(file: &Path, send: mpsc::UnboundedSender<()>) -> notify::Result<RecommendedWatcher> {
    let mut places: BTreeSet<PathBuf> = BTreeSet::new();
    places.insert(folder_of(file).to_owned());
    let mut names: Vec<OsString> = file.file_name().map(OsString::from).into_iter().collect();
    if let Ok(target) = fs::canonicalize(file) {
        places.insert(folder_of(&target).to_owned());
        names.extend(target.file_name().map(OsString::from));
    }
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        let ours = match event {
            Ok(event) => {
                !only_read(event.kind)
                    && (event.paths.is_empty()
                        || event.paths.iter().any(|path| {
                            path.file_name()
                                .is_some_and(|name| names.iter().any(|n| n == name))
                        }))
            }
            // Events were lost: look.
            Err(_) => true,
        };
        if ours {
            let _ = send.send(());
        }
    })?;
    for place in &places {
        watcher.watch(place, RecursiveMode::NonRecursive)?;
    }
    Ok(watcher)
}

/// Our own reading of the file must not wake us.
fn only_read(kind: EventKind) -> bool {
    match kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => false,
        EventKind::Access(_) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENOUGH: Duration = Duration::from_secs(30);

    #[tokio::test]
    async fn writing_and_renaming_over_are_told_and_reading_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("mox.toml");
        fs::write(&file, "a").unwrap();
        let mut watch = FileWatch::new(&file);
        fs::write(&file, "ab").unwrap();
        timeout(ENOUGH, watch.changed()).await.unwrap();
        let other = dir.path().join("mox.toml.new");
        fs::write(&other, "abc").unwrap();
        fs::rename(&other, &file).unwrap();
        timeout(ENOUGH, watch.changed()).await.unwrap();
        fs::read(&file).unwrap();
        assert!(timeout(STILL * 2, watch.changed()).await.is_err());
    }

    #[tokio::test]
    async fn the_target_of_a_symlink_is_watched() {
        let dir = tempfile::tempdir().unwrap();
        let (here, there) = (dir.path().join("here"), dir.path().join("there"));
        fs::create_dir(&here).unwrap();
        fs::create_dir(&there).unwrap();
        fs::write(there.join("real.toml"), "a").unwrap();
        std::os::unix::fs::symlink(there.join("real.toml"), here.join("mox.toml")).unwrap();
        let mut watch = FileWatch::new(&here.join("mox.toml"));
        fs::write(there.join("real.toml"), "ab").unwrap();
        timeout(ENOUGH, watch.changed()).await.unwrap();
    }

    #[tokio::test]
    async fn the_target_of_a_new_symlink_is_watched() {
        let dir = tempfile::tempdir().unwrap();
        let (file, real) = (dir.path().join("mox.toml"), dir.path().join("real.toml"));
        fs::write(&file, "a").unwrap();
        let mut watch = FileWatch::new(&file);
        fs::write(&real, "ab").unwrap();
        fs::remove_file(&file).unwrap();
        std::os::unix::fs::symlink("real.toml", &file).unwrap();
        timeout(ENOUGH, watch.changed()).await.unwrap();
        // In less time than it takes to look without being told.
        fs::write(&real, "abc").unwrap();
        timeout(LOOK / 2, watch.changed()).await.unwrap();
    }
}
