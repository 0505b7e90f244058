//! mox.toml on disk: hand edits, links, races.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use super::support::{World, account, actor, domain, make};
use super::*;
use crate::state::{Begun, Op};

fn disable(name: &str) -> Change {
    Change::DomainSetDisabled {
        domain: domain(name),
        disabled: true,
    }
}

#[test]
fn a_hand_edit_is_adopted() {
    let world = World::new();
    let admin = world.loaded();
    let done = make(&admin, &Change::Adopt).expect("nothing to do");
    assert_eq!((done.changed, done.generation), (false, 1));
    world.edit("disabled = true # not yet", "# open");
    let prepared = admin.prepare(&Change::Adopt).expect("a plan");
    assert!(
        prepared
            .diff
            .contains("-disabled = true # not yet\n+# open\n"),
        "{}",
        prepared.diff
    );
    let done = admin.commit(prepared, &actor()).expect("committed");
    assert_eq!((done.changed, done.generation), (true, 2));
    let text = admin.state.text(2).expect("it reads").expect("kept");
    assert_eq!(text, world.text());
}

#[test]
fn a_hand_edit_makes_folders_of_new_accounts() {
    let world = World::new();
    let admin = world.loaded();
    let added = "\n[accounts.carol]\ndomain = \"example.net\"\n";
    fs::write(world.file(), world.text() + added).expect("written");
    make(&admin, &Change::Adopt).expect("committed");
    assert_eq!(world.folders(), ["alice", "bob", "carol"]);
}

#[test]
fn an_account_that_raced_with_a_hand_edit_can_be_added_again() {
    let world = World::new();
    let admin = world.loaded();
    let file = world.file();
    let edited = world.text() + "# by hand\n";
    let written = edited.clone();
    *world.mail.meanwhile.lock().expect("not poisoned") = Some(Box::new(move || {
        fs::write(file, written).expect("written");
    }));
    let add = Change::DomainAdd {
        domain: domain("new.example"),
        account: account("carol"),
        localpart: Some(Localpart::parse("carol").expect("a localpart")),
        disabled: false,
    };
    let raced = make(&admin, &add);
    assert!(matches!(raced, Err(AdminError::Raced)), "{raced:?}");
    assert_eq!(world.text(), edited);
    assert_eq!(world.folders(), ["alice", "bob"]);
    assert_eq!(world.keys(), [""; 0]);
    assert_eq!(admin.generation(), 1);
    make(&admin, &add).expect("committed");
    assert_eq!(world.folders(), ["alice", "bob", "carol"]);
    assert_eq!(world.keys().len(), 2);
}

/// An editor that writes all the time finds each of its lines again, whatever is changed beside it.
#[test]
fn no_hand_edit_is_lost_to_a_change() {
    const EDITS: usize = 400;
    let world = World::new();
    let admin = world.loaded();
    let file = world.file();
    let editor = std::thread::spawn(move || {
        let beside = file.with_extension("new");
        let mut lines: Vec<String> = Vec::new();
        for n in 0..EDITS {
            let text = fs::read_to_string(&file).expect("mox.toml is always there");
            for line in &lines {
                assert!(text.contains(line.as_str()), "{line:?} was lost");
            }
            let line = format!("# edit {n}.\n");
            fs::write(&beside, text + &line).expect("written");
            fs::rename(&beside, &file).expect("renamed");
            lines.push(line);
        }
    });
    let mut changes = 0;
    while !editor.is_finished() {
        for disabled in [true, false] {
            let change = Change::DomainSetDisabled {
                domain: domain("example.org"),
                disabled,
            };
            match make(&admin, &change) {
                Ok(_) => changes += 1,
                Err(AdminError::Raced) => {}
                Err(error) => panic!("{error:?}"),
            }
        }
    }
    editor.join().expect("nothing was lost");
    assert!(changes > 0);
    make(&admin, &Change::Adopt).expect("committed");
    let text = admin.state.text(admin.generation());
    assert_eq!(text.expect("it reads"), Some(world.text()));
    let left: Vec<_> = fs::read_dir(world.file().parent().expect("a folder"))
        .expect("it lists")
        .map(|entry| entry.expect("a file").file_name())
        .filter(|name| name.to_string_lossy().starts_with('.'))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn what_a_crash_left_of_an_exchange_is_sorted_out() {
    let world = World::new();
    let swap = world.file().with_file_name(".mox.toml.swap");
    let before = world.text();
    let admin = world.loaded();
    make(&admin, &disable("example.org")).expect("committed");
    drop(admin);
    let after = world.text();
    let by_hand = format!("{before}# by hand\n");
    // What is mox.toml, what is beside it, what is mox.toml after the next start.
    for (target, beside, then) in [
        (&before, &after, &after),
        (&after, &before, &after),
        (&after, &by_hand, &by_hand),
        (&by_hand, &after, &by_hand),
    ] {
        fs::write(world.file(), target).expect("written");
        fs::write(&swap, beside).expect("written");
        drop(world.admin());
        assert_eq!(world.text(), *then);
        assert!(!swap.exists());
    }
}

#[test]
fn what_was_made_for_many_new_accounts_is_taken_away_again() {
    let world = World::new();
    let admin = world.loaded();
    let names: Vec<_> = (10..99).map(|n| account(&format!("new{n}"))).collect();
    let tables = names
        .iter()
        .map(|name| format!("\n[accounts.{name}]\ndomain = \"example.net\"\n"));
    fs::write(world.file(), world.text() + &tables.collect::<String>()).expect("written");
    make(&admin, &Change::Adopt).expect("committed");
    assert_eq!(world.folders().len(), 2 + names.len());
    fs::write(world.path("data/accounts/new42/other"), "x").expect("written");
    let begun = Begun {
        files: Vec::new(),
        accounts: names,
    };
    admin
        .state
        .commit(&[Op::Begin(begun)], None)
        .expect("it commits");
    drop(admin);
    let admin = world.admin();
    // The folder of the tests removes an empty one only; that of the store, all.
    assert_eq!(world.folders(), ["alice", "bob", "new42"]);
    assert_eq!(admin.state.begun().expect("it reads"), None);
}

#[test]
fn who_may_not_give_the_file_away_keeps_what_it_can() {
    if !rustix::process::geteuid().is_root() {
        return; // Only root can become another user.
    }
    let world = World::new();
    let (user, group) = (Some(65_534), Some(65_533));
    for path in ["", "config", "config/mox.toml"] {
        std::os::unix::fs::chown(world.path(path), user, group).expect("given");
    }
    fs::set_permissions(world.file(), fs::Permissions::from_mode(0o664)).expect("set");
    // This thread alone, which ends with the test.
    let uid = rustix::process::Uid::from_raw(65_534);
    rustix::thread::set_thread_groups(&[]).expect("no groups");
    rustix::thread::set_thread_res_uid(uid, uid, uid).expect("another user");
    let admin = world.loaded();
    let done = make(&admin, &disable("example.org")).expect("committed");
    assert!(done.changed);
    let meta = fs::metadata(world.file()).expect("there");
    // Those in the other group had no more than all the others are given.
    assert_eq!((meta.uid(), meta.mode() & 0o777), (65_534, 0o644));
    assert_eq!(
        world.text(),
        admin.read_current().expect("it reads").text.as_ref()
    );
}

#[test]
fn an_invalid_file_is_refused_and_changes_nothing() {
    let world = World::new();
    let admin = world.loaded();
    world.edit("disabled = true", "disabeld = true");
    for change in [Change::Adopt, disable("example.org")] {
        let Err(AdminError::Invalid(problems)) = admin.prepare(&change) else {
            panic!("not refused");
        };
        let position = problems[0].position.as_ref().expect("a place");
        assert_eq!(position.text, "disabeld = true # not yet");
    }
    assert!(matches!(admin.load(), Err(AdminError::Invalid(_))));
    assert_eq!(admin.generation(), 1);
    fs::remove_file(world.file()).expect("removed");
    assert!(matches!(admin.load(), Err(AdminError::Local(_))));
    fs::write(world.file(), b"\xff").expect("written");
    assert!(matches!(admin.load(), Err(AdminError::Invalid(_))));
}

#[test]
fn a_change_starts_from_the_file_as_it_is() {
    let world = World::new();
    let admin = world.loaded();
    world.edit("# what a person wrote", "# what a person wrote, and more");
    make(&admin, &disable("example.org")).expect("committed");
    let text = world.text();
    assert!(
        text.starts_with("# what a person wrote, and more\n"),
        "{text}"
    );
    assert!(text.contains("disabled = true\n"), "{text}");
    assert_eq!(admin.generation(), 2, "one for both");
    assert_eq!(
        make(&admin, &Change::Adopt)
            .expect("nothing to do")
            .generation,
        2
    );
}

#[test]
fn a_password_comes_with_the_hand_edit_before_it() {
    let world = World::new();
    let admin = world.loaded();
    world.edit("# what a person wrote", "# else");
    let set = Change::PasswordSet {
        account: account("bob"),
        password: Secret("correct horse".to_owned()),
    };
    let prepared = admin.prepare(&set).expect("a plan");
    assert_eq!(prepared.snapshot.generation, 2);
    assert_eq!(
        admin
            .commit(prepared, &actor())
            .expect("committed")
            .generation,
        2
    );
}

#[test]
fn a_hand_edit_under_way_is_not_lost() {
    let world = World::new();
    let admin = world.loaded();
    let prepared = admin.prepare(&disable("example.org")).expect("a plan");
    world.edit("# what a person wrote", "# else");
    let text = world.text();
    assert!(matches!(
        admin.commit(prepared, &actor()),
        Err(AdminError::Raced)
    ));
    assert_eq!(world.text(), text);
    assert_eq!(admin.generation(), 1);
    make(&admin, &disable("example.org")).expect("the next time it works");
    assert!(world.text().starts_with("# else"));
}

#[test]
fn a_file_that_an_account_under_removal_comes_back_in_is_refused() {
    let world = World::new();
    world.edit("[\"bob2@example.org\"]", "[\"alice@example.org\"]");
    let admin = world.loaded();
    let before = world.text();
    let remove = Change::AccountRemove {
        account: account("bob"),
    };
    make(&admin, &remove).expect("committed");
    fs::write(world.file(), &before).expect("written");
    let Err(AdminError::Invalid(problems)) = admin.prepare(&Change::Adopt) else {
        panic!("not refused");
    };
    assert_eq!(problems[0].message, "account bob is being removed");
    drop(admin);
    // At a start it is what a crash may have left: the intent holds.
    let admin = world.admin();
    let snapshot = admin.load().expect("it loads");
    assert!(snapshot.account(&account("bob")).is_none());
    assert_eq!(admin.finish_removals().expect("it ends"), [account("bob")]);
    assert!(!world.text().contains("[accounts.bob]"));
}

#[test]
fn links_owner_and_mode_stay() {
    let world = World::new();
    let real = world.path("real.toml");
    fs::rename(world.file(), &real).expect("moved");
    std::os::unix::fs::symlink("../real.toml", world.file()).expect("a link");
    fs::set_permissions(&real, fs::Permissions::from_mode(0o640)).expect("a mode");
    let admin = world.loaded();
    make(&admin, &disable("example.org")).expect("committed");
    assert!(
        fs::symlink_metadata(world.file())
            .expect("there")
            .is_symlink()
    );
    assert_eq!(fs::metadata(&real).expect("there").mode() & 0o777, 0o640);
    assert!(
        fs::read_to_string(&real)
            .expect("read")
            .contains("disabled = true\n")
    );
    let left = fs::read_dir(world.path("")).expect("read").count();
    assert_eq!(left, 3, "config, data, real.toml");
}

#[test]
fn a_file_that_is_not_there_makes_nothing() {
    let dir = tempfile::tempdir().expect("a folder");
    let opened = Admin::open(&dir.path().join("config/mox.toml"));
    let Err(AdminError::Local(message)) = opened else {
        panic!("it opened");
    };
    assert!(
        message.starts_with("read ") && message.contains("mox.toml"),
        "{message}"
    );
    assert_eq!(fs::read_dir(dir.path()).expect("it reads").count(), 0);
}
