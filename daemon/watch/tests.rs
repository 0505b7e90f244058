//! What editors, tools and people do to a file, and what must be noticed of it. Each step has to be told
//! of sooner than looking without being told would find it.

use std::os::unix::fs::symlink;

use super::*;

/// Less than [`LOOK`].
const TOLD: Duration = Duration::from_secs(4);

struct Folder {
    dir: tempfile::TempDir,
    watch: FileWatch,
}

impl Folder {
    /// Watches `etc/mox.toml`, made by `begin`.
    fn new(begin: impl FnOnce(&Path)) -> Folder {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("etc")).unwrap();
        begin(dir.path());
        let watch = FileWatch::new([dir.path().join("etc/mox.toml")]);
        Folder { dir, watch }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// In a shell, as others do it.
    fn sh(&self, script: &str) {
        let status = std::process::Command::new("sh")
            .args(["-ec", script])
            .current_dir(self.dir.path())
            .status();
        assert!(status.unwrap().success(), "{script}");
    }

    #[track_caller]
    fn told(&mut self) -> impl Future<Output = ()> {
        let place = std::panic::Location::caller();
        async move {
            let told = timeout(TOLD, self.watch.changed()).await;
            assert!(told.is_ok(), "not told of the step at {place}");
        }
    }

    async fn silent(&mut self) {
        assert!(timeout(STILL * 3, self.watch.changed()).await.is_err());
    }
}

fn plain(root: &Path) {
    fs::write(root.join("etc/mox.toml"), "a").unwrap();
}

#[tokio::test]
async fn writing_in_place_and_renaming_over_are_told_and_reading_is_not() {
    let mut folder = Folder::new(plain);
    for script in [
        // echo, and vim with backupcopy=yes
        "echo b > etc/mox.toml",
        // the same bytes in the same place
        "echo b > etc/mox.toml",
        // sed -i, mox itself
        "sed -i s/b/c/ etc/mox.toml",
        // vim with backupcopy=no: the file goes, a new one comes, the old is removed
        "echo 1 > etc/4913; rm etc/4913; mv etc/mox.toml etc/mox.toml~; echo d > etc/mox.toml; rm etc/mox.toml~",
        // emacs: the backup is a rename, then a new file
        "ln -s me@host etc/.#mox.toml; mv etc/mox.toml etc/mox.toml~; echo e > etc/mox.toml; rm etc/.#mox.toml",
        // nano: truncated and written, with a lock file beside
        "echo > etc/.mox.toml.swp; printf f > etc/mox.toml; rm etc/.mox.toml.swp",
        // cp -p, rsync, install
        "cp -p etc/mox.toml etc/new; echo g >> etc/new; touch -d 2001-01-01 etc/new; mv etc/new etc/mox.toml",
        "cp etc/mox.toml etc/new; ln -f etc/new etc/mox.toml; rm etc/new",
        // only the modes
        "chmod 600 etc/mox.toml",
    ] {
        folder.sh(script);
        timeout(TOLD, folder.watch.changed())
            .await
            .unwrap_or_else(|_| panic!("not told of: {script}"));
    }
    fs::read(folder.at("etc/mox.toml")).unwrap();
    folder.sh("echo other > etc/other; cat etc/mox.toml > /dev/null; rm etc/other");
    folder.silent().await;
}

#[tokio::test]
async fn a_file_that_is_removed_and_made_again_is_told_twice() {
    let mut folder = Folder::new(plain);
    folder.sh("rm etc/mox.toml");
    folder.told().await;
    folder.sh("echo b > etc/mox.toml");
    folder.told().await;
}

#[tokio::test]
async fn a_folder_that_is_replaced_is_followed() {
    let mut folder = Folder::new(plain);
    folder.sh("cp -r etc new; echo b > new/mox.toml; mv etc old; mv new etc");
    folder.told().await;
    folder.sh("echo c > etc/mox.toml");
    folder.told().await;
    folder.sh("echo c > old/mox.toml");
    folder.silent().await;
    // Gone for a while, and very likely the same inode when it is back.
    folder.sh("rm -r etc");
    folder.told().await;
    folder.sh("mkdir etc; echo d > etc/mox.toml");
    folder.told().await;
    folder.sh("echo ee > etc/mox.toml");
    folder.told().await;
}

#[tokio::test]
async fn symbolic_links_are_followed_wherever_they_lead() {
    let mut folder = Folder::new(|root| {
        fs::create_dir_all(root.join("git/mail")).unwrap();
        fs::write(root.join("git/mail/real.toml"), "a").unwrap();
        fs::write(root.join("git/mail/next.toml"), "other").unwrap();
        symlink("../git/mail/real.toml", root.join("etc/mox.toml")).unwrap();
    });
    folder.sh("echo b > git/mail/real.toml");
    folder.told().await;
    // Pointed elsewhere, in one step as ln -sfn of a careful script does it.
    folder.sh("ln -s ../git/mail/next.toml etc/x; mv -T etc/x etc/mox.toml");
    folder.told().await;
    folder.sh("echo c > git/mail/next.toml");
    folder.told().await;
    folder.sh("echo c > git/mail/real.toml");
    folder.silent().await;
    // A plain file in the link's place.
    folder.sh("rm etc/mox.toml; echo d > etc/mox.toml");
    folder.told().await;
    folder.sh("echo ee > etc/mox.toml");
    folder.told().await;
}

#[tokio::test]
async fn a_link_to_a_folder_on_the_way_is_pointed_elsewhere() {
    // As Kubernetes mounts a ConfigMap: mox.toml -> ..data/mox.toml, ..data -> a folder by date.
    let mut folder = Folder::new(|root| {
        for (date, text) in [("one", "a"), ("two", "bb")] {
            fs::create_dir(root.join("etc").join(date)).unwrap();
            fs::write(root.join("etc").join(date).join("mox.toml"), text).unwrap();
        }
        symlink("one", root.join("etc/..data")).unwrap();
        symlink("..data/mox.toml", root.join("etc/mox.toml")).unwrap();
    });
    folder.sh("ln -s two etc/..tmp; mv -T etc/..tmp etc/..data; rm -r etc/one");
    folder.told().await;
    folder.sh("echo ccc > etc/two/mox.toml");
    folder.told().await;
}

#[tokio::test]
async fn a_loop_of_links_is_a_missing_file() {
    let mut folder = Folder::new(plain);
    folder.sh("rm etc/mox.toml; ln -s mox.toml etc/mox.toml");
    folder.told().await;
    folder.sh("rm etc/mox.toml; echo b > etc/mox.toml");
    folder.told().await;
}

#[tokio::test]
async fn of_several_files_each_counts() {
    let dir = tempfile::tempdir().unwrap();
    let files = ["cert.pem", "key.pem"].map(|name| dir.path().join(name));
    // The second is still to come.
    fs::write(&files[0], "a").unwrap();
    let mut watch = FileWatch::new(files.clone());
    for file in &files {
        fs::write(file, "b").unwrap();
        timeout(TOLD, watch.changed()).await.unwrap();
    }
}

/// A clock of its own, and events by hand: nothing of it depends on how busy the machine is.
#[tokio::test(start_paused = true)]
async fn a_file_that_is_being_written_is_not_told_of_before_it_is_still() {
    let mut folder = Folder::new(plain);
    let (send, events) = mpsc::unbounded_channel();
    folder.watch.events = events;
    let file = folder.at("etc/mox.toml");
    let begun = tokio::time::Instant::now();
    let writer = async {
        let mut text = String::new();
        for _ in 0..20 {
            text.push('x');
            fs::write(&file, &text).unwrap();
            send.send(Event::Name).unwrap();
            tokio::time::advance(STILL - Duration::from_millis(1)).await;
        }
        tokio::time::Instant::now()
    };
    let (written, told) = tokio::join!(writer, async {
        folder.watch.changed().await;
        tokio::time::Instant::now()
    });
    assert!(told >= written, "{:?}", told - begun);
    assert!(told <= written + STILL, "{:?}", told - written);
    drop(send);
}
