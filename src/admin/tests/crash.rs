//! A process that is killed at every step of a change, and at every step of the recovery from that:
//! the old generation is there or the new one, whole, file and database agreeing, and nothing that
//! neither of them refers to.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::support::{Folders, World, account, actor, domain, make};
use super::*;
use crate::fsio::fault;
use crate::state::ContentHash;

const FOLDER: &str = "MOX_TEST_CRASH_FOLDER";
const FAULTS: &str = "MOX_TEST_CRASH_FAULTS";
const CHANGE: &str = "MOX_TEST_CRASH_CHANGE";

/// What makes a file invalid.
const BROKEN: &str = "\n[accounts.carol\n";

/// What the other process does: a change as JSON, or nothing but starting.
#[test]
#[ignore = "runs in a process of its own, to be killed"]
fn child() {
    let folder = PathBuf::from(std::env::var(FOLDER).expect("a folder"));
    let change = std::env::var(CHANGE).expect("a change");
    let faults = std::env::var(FAULTS).expect("faults");
    let file = folder.join("config/mox.toml");
    let open = || {
        let mail = Arc::new(Folders::of(&folder));
        let admin = Admin::open_with(&file, Some(mail)).expect("it opens");
        admin.load().expect("it loads");
        admin
    };
    if change.is_empty() {
        fault::arm(&faults).expect("faults");
        open().finish_removals().expect("it ends");
    } else {
        let admin = open();
        let change: Change = serde_json::from_str(&change).expect("a change");
        if let Change::Adopt = change {
            let more = "\n[accounts.carol]\ndomain = \"example.net\"\n";
            let text = fs::read_to_string(&file).expect("it reads") + more;
            fs::write(&file, text).expect("it is written");
        }
        if folder.join("break").exists() {
            let text = fs::read_to_string(&file).expect("it reads") + BROKEN;
            fs::write(&file, text).expect("it is written");
        }
        fault::arm(&faults).expect("faults");
        make(&admin, &change).expect("committed");
        admin.finish_removals().expect("it ends");
    }
    let passes: String = fault::passes()
        .into_iter()
        .map(|(point, count)| format!("{point} {count}\n"))
        .collect();
    fs::write(folder.join("passes"), passes).expect("it is written");
}

/// Runs the child; none when it was killed, else how often it passed each point.
fn run(folder: &Path, faults: &str, change: &str) -> Option<Vec<(String, u64)>> {
    let status = Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", "admin::tests::crash::child", "--ignored"])
        .env(FOLDER, folder)
        .env(FAULTS, faults)
        .env(CHANGE, change)
        .output()
        .expect("it runs");
    if !status.status.success() {
        let said = String::from_utf8_lossy(&status.stdout).into_owned();
        assert!(!said.contains("panicked"), "{faults}: {said}");
        return None;
    }
    let passes = fs::read_to_string(folder.join("passes")).expect("it reads");
    let passes = passes.lines().map(|line| {
        let (point, count) = line.split_once(' ').expect("a point and a count");
        (point.to_owned(), count.parse().expect("a number"))
    });
    Some(passes.collect())
}

/// Every point with every pass.
fn places(passes: &[(String, u64)]) -> impl Iterator<Item = String> {
    passes
        .iter()
        .flat_map(|(point, count)| (1..=*count).map(move |n| format!("{point}:{n}")))
}

/// The generation that is there; that it is whole is asserted.
fn check(world: &World, place: &str) -> u64 {
    let admin = world.admin();
    let snapshot = admin.load().expect("it loads");
    admin.finish_removals().expect("it ends");
    let text = world.text();
    let last = admin.state.last_generation().expect("one");
    assert_eq!(last.after, ContentHash::of(text.as_bytes()), "{place}");
    assert_eq!(admin.state.last_text().as_deref(), Some(&*text), "{place}");
    assert_eq!(admin.state.begun().expect("it reads"), None, "{place}");
    assert_eq!(admin.state.removals().expect("it reads"), [], "{place}");
    let accounts: Vec<&str> = snapshot
        .config
        .accounts
        .keys()
        .map(AccountName::as_str)
        .collect();
    assert_eq!(world.folders(), accounts, "{place}");
    let keys: Vec<String> = snapshot
        .config
        .domains
        .values()
        .flat_map(|domain| domain.dkim.selectors.values())
        .map(|key| {
            key.key_file
                .file_name()
                .expect("a name")
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    assert_eq!(world.keys(), keys, "{place}");
    let mut left: Vec<String> = fs::read_dir(world.path("config"))
        .expect("it reads")
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .filter(|name| name != "mox.toml" && name != "dkim")
        .collect();
    // Temporary files of fsio go with the next file that is written there.
    left.retain(|name| !name.ends_with(".mox-tmp"));
    assert_eq!(left, [""; 0], "{place}");
    last.number
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("it reads") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        match entry.file_type().expect("a type").is_dir() {
            true => copy(&entry.path(), &target),
            false => {
                fs::copy(entry.path(), target).expect("copied");
            }
        }
    }
}

fn world() -> World {
    let world = World::new();
    world.edit("[\"bob2@example.org\"]", "[\"alice@example.org\"]");
    drop(world.loaded());
    world
}

/// Kills at every place of a change, and for each of those at every place of the recovery.
fn kill_everywhere(change: &Change, generation: bool) {
    kill_everywhere_in(world, 1, change, generation);
}

/// The same in a world that is at this generation.
fn kill_everywhere_in(world: fn() -> World, first: u64, change: &Change, generation: bool) {
    let change = serde_json::to_string(change).expect("JSON");
    let whole = world();
    let passes = run(whole.folder(), "hold", &change).expect("it ends");
    assert!(
        passes
            .iter()
            .any(|(point, _)| point == "admin.commit.renamed"),
        "{passes:?}"
    );
    assert_eq!(check(&whole, "no crash"), first + u64::from(generation));
    let (mut old, mut new) = (0, 0);
    for place in places(&passes) {
        let faults = format!("hold,abort@{place}");
        let crashed = world();
        assert!(run(crashed.folder(), &faults, &change).is_none(), "{place}");
        if place.starts_with("admin.") {
            kill_recovery(&crashed, &place);
        }
        match check(&crashed, &place) == first {
            true => old += 1,
            false => new += 1,
        }
    }
    assert!(old > 0 && (new > 0 || !generation), "{old} old, {new} new");
}

fn kill_recovery(crashed: &World, place: &str) {
    let again = |faults: &str| {
        let world = World::new();
        fs::remove_dir_all(world.path("config")).expect("removed");
        copy(crashed.folder(), world.folder());
        let ended = run(world.folder(), faults, "");
        (world, ended)
    };
    let (recovered, passes) = again("hold");
    let which = check(&recovered, place);
    let mut passes = passes.expect("it ends");
    passes.retain(|(point, _)| point.starts_with("admin.") || point == "fsio.db.synced");
    for second in places(&passes) {
        let both = format!("{place}, then {second}");
        let (crashed, ended) = again(&format!("hold,abort@{second}"));
        assert!(ended.is_none(), "{both}");
        assert_eq!(check(&crashed, &both), which, "{both}");
    }
}

#[test]
fn adding_a_domain_with_an_account() {
    kill_everywhere(
        &Change::DomainAdd {
            domain: domain("new.example"),
            account: account("carol"),
            localpart: Some(Localpart::parse("carol").expect("a localpart")),
            disabled: false,
        },
        true,
    );
}

#[test]
fn adding_a_dkim_key() {
    kill_everywhere(
        &Change::DkimAdd {
            domain: domain("example.org"),
            selector: "k1".to_owned(),
            kind: KeyKind::Ed25519,
        },
        true,
    );
}

#[test]
fn disabling_a_domain() {
    kill_everywhere(
        &Change::DomainSetDisabled {
            domain: domain("example.org"),
            disabled: true,
        },
        true,
    );
}

#[test]
fn removing_an_account() {
    kill_everywhere(
        &Change::AccountRemove {
            account: account("bob"),
        },
        true,
    );
}

/// A domain with keys and an account come, another account goes, an alias changes: all or nothing.
#[test]
fn applying_a_file() {
    kill_everywhere(
        &Change::Apply {
            text: "[domains.\"example.org\".aliases.team]\naddresses = [\"alice@example.org\"]\n\
                   [domains.\"example.net\"]\n[domains.\"new.example\"]\n\
                   [accounts.alice]\ndomain = \"example.org\"\n\
                   destinations = { \"alice@example.org\" = {} }\n\
                   [accounts.carol]\ndomain = \"new.example\"\n\
                   destinations = { \"carol@new.example\" = {} }\n"
                .to_owned(),
            name: "mail.toml".to_owned(),
            prune: true,
        },
        true,
    );
}

/// Generation 3 as long as nothing happens: bob was removed, and the domain disabled.
fn without_bob() -> World {
    let world = world();
    let admin = world.loaded();
    for change in [
        Change::AccountRemove {
            account: account("bob"),
        },
        Change::DomainSetDisabled {
            domain: domain("example.org"),
            disabled: true,
        },
    ] {
        make(&admin, &change).expect("committed");
    }
    admin.finish_removals().expect("it ends");
    drop(admin);
    world
}

#[test]
fn rolling_back_to_an_account_that_was_removed() {
    kill_everywhere_in(without_bob, 3, &Change::Rollback { generation: 1 }, true);
}

/// From a file that is not even valid: it is the old one or the new one, and what it held is there.
#[test]
fn rolling_back_from_a_broken_file() {
    let change = serde_json::to_string(&Change::Rollback { generation: 1 }).expect("JSON");
    let breaking = || {
        let world = without_bob();
        fs::write(world.path("break"), "").expect("written");
        world
    };
    let passes = run(breaking().folder(), "hold", &change).expect("it ends");
    assert!(
        passes.iter().any(|(point, _)| point == "admin.commit.kept"),
        "{passes:?}"
    );
    let (mut old, mut new) = (0, 0);
    for place in places(&passes) {
        let crashed = breaking();
        let broken = crashed.text() + BROKEN;
        let first = crashed.admin().generation_text(1).expect("it is kept");
        let faults = format!("hold,abort@{place}");
        assert!(run(crashed.folder(), &faults, &change).is_none(), "{place}");
        let admin = crashed.admin();
        let kept = fs::read_to_string(crashed.path("config/mox.toml.replaced-3")).ok();
        match crashed.text() {
            text if text == broken => {
                old += 1;
                make(&admin, &Change::Rollback { generation: 1 }).expect("again");
            }
            text => {
                assert_eq!((&text, kept.as_ref()), (&first, Some(&broken)), "{place}");
                new += 1;
            }
        }
        drop(admin);
        fs::remove_file(crashed.path("config/mox.toml.replaced-3")).expect("it was kept");
        assert_eq!(check(&crashed, &place), 4, "{place}");
        assert_eq!(crashed.text(), first, "{place}");
    }
    assert!(old > 0 && new > 0, "{old} old, {new} new");
}

#[test]
fn setting_a_password() {
    kill_everywhere(
        &Change::PasswordSet {
            account: account("bob"),
            password: Secret("correct horse".to_owned()),
        },
        false,
    );
}

#[test]
fn adding_a_tls_public_key() {
    let pem = include_bytes!("../../../tests/samples/certificates/ed25519.pem");
    kill_everywhere(
        &Change::TlsKeyAdd {
            address: "bob@example.org".parse().expect("an address"),
            name: "laptop".to_owned(),
            no_imap_preauth: false,
            certificate: Certificate::read(pem).expect("a certificate"),
        },
        false,
    );
}

/// Loading makes the generation that was not recorded, so that there is always the new one.
#[test]
fn adopting_a_hand_edit() {
    let change = serde_json::to_string(&Change::Adopt).expect("JSON");
    let passes = run(world().folder(), "hold", &change).expect("it ends");
    for place in places(&passes) {
        let crashed = world();
        let faults = format!("hold,abort@{place}");
        assert!(run(crashed.folder(), &faults, &change).is_none(), "{place}");
        assert_eq!(check(&crashed, &place), 2, "{place}");
    }
}

/// A mox.toml put back by hand after a change was done is no change that was cut off.
#[test]
fn a_file_put_back_is_a_hand_edit() {
    let world = world();
    let admin = world.loaded();
    let before = world.text();
    let change = Change::DomainSetDisabled {
        domain: domain("example.org"),
        disabled: true,
    };
    admin
        .commit(admin.prepare(&change).expect("a plan"), &actor())
        .expect("committed");
    drop(admin);
    fs::write(world.file(), &before).expect("written");
    let admin = world.loaded();
    assert_eq!(world.text(), before);
    assert_eq!(admin.generation(), 3);
}

/// A disk that is full at any step: the change is refused and nothing of it is there, or it is made.
#[test]
fn a_full_disk_leaves_nothing_half_done() {
    let change = Change::DomainAdd {
        domain: domain("new.example"),
        account: account("carol"),
        localpart: Some(Localpart::parse("carol").expect("a localpart")),
        disabled: false,
    };
    let change = serde_json::to_string(&change).expect("JSON");
    let passes = run(world().folder(), "", &change).expect("it ends");
    let mut refused = 0;
    for place in places(&passes) {
        let full = world();
        let status = Command::new(std::env::current_exe().expect("this program"))
            .args(["--exact", "admin::tests::crash::full_child", "--ignored"])
            .env(FOLDER, full.folder())
            .env(FAULTS, format!("full@{place}"))
            .env(CHANGE, &change)
            .output()
            .expect("it runs");
        let said = String::from_utf8_lossy(&status.stdout).into_owned();
        assert!(status.status.success(), "{place}: {said}");
        let made = full.path("made").exists();
        refused += u32::from(!made);
        // What was recorded is finished by the next start, whatever was answered.
        let recorded = [
            "recorded",
            "swapping",
            "exchanged",
            "unsynced",
            "renamed",
            "fsio.dir.sync",
        ];
        let late = recorded.iter().any(|point| place.contains(point));
        assert!((check(&full, &place) == 2) == made || late, "{place}");
    }
    assert!(refused > 10, "{refused}");
}

/// A change on a full disk.
#[test]
#[ignore = "runs in a process of its own"]
fn full_child() {
    let folder = PathBuf::from(std::env::var(FOLDER).expect("a folder"));
    let change = std::env::var(CHANGE).expect("a change");
    let change: Change = serde_json::from_str(&change).expect("a change");
    let mail = Arc::new(Folders::of(&folder));
    let file = folder.join("config/mox.toml");
    let admin = Admin::open_with(&file, Some(mail)).expect("it opens");
    admin.load().expect("it loads");
    fault::arm(&std::env::var(FAULTS).expect("faults")).expect("faults");
    match make(&admin, &change) {
        Ok(_) => fs::write(folder.join("made"), "").expect("written"),
        Err(AdminError::Local(_)) => {}
        Err(other) => panic!("{other:?}"),
    }
}
