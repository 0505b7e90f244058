//! Going back to an earlier generation, and what differs between them.

use std::fs;

use super::support::{World, account, address, domain, make};
use super::*;

fn disable(name: &str) -> Change {
    Change::DomainSetDisabled {
        domain: domain(name),
        disabled: true,
    }
}

fn back(admin: &Admin, generation: u64) -> Result<Committed, AdminError> {
    make(admin, &Change::Rollback { generation })
}

fn conflict(result: Result<Committed, AdminError>) -> (String, String) {
    match result {
        Err(AdminError::Conflict { message, hint }) => (message, hint),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_old_text_is_a_new_generation() {
    let world = World::new();
    let admin = world.loaded();
    let first = world.text();
    make(&admin, &disable("example.org")).expect("committed");
    let planned = admin
        .prepare(&Change::Rollback { generation: 1 })
        .expect("a plan");
    assert!(
        planned.changed && planned.diff.contains("-disabled = true\n"),
        "{}",
        planned.diff
    );
    assert_ne!(world.text(), first, "only planned");
    let done = back(&admin, 1).expect("committed");
    assert_eq!((done.changed, done.generation), (true, 3));
    assert_eq!(done.summary, "configuration rolled back to generation 1");
    assert_eq!(world.text(), first);
    let again = back(&admin, 1).expect("nothing to do");
    assert_eq!((again.changed, again.generation), (false, 3));
    let history = admin.history().expect("it reads");
    assert_eq!(
        (history[0].actor.as_str(), history[0].command.as_str()),
        ("root", "mox test")
    );
}

#[test]
fn a_broken_file_is_kept_beside_the_new_one() {
    let world = World::new();
    let admin = world.loaded();
    let good = world.text();
    make(&admin, &disable("example.org")).expect("committed");
    let newest = world.text();
    // Not TOML, and not UTF-8 either.
    let broken = [newest.as_bytes(), b"[accounts.\xff\n"].concat();
    fs::write(world.file(), &broken).expect("written");
    // To the newest generation, which makes none.
    let done = back(&admin, 2).expect("committed");
    assert_eq!((done.changed, done.generation), (true, 2));
    assert_eq!(world.text(), newest);
    let kept = world.path("config/mox.toml.replaced-2");
    assert_eq!(fs::read(&kept).expect("it is kept"), broken);
    // To an older one; the name is taken.
    fs::write(world.file(), "nonsense").expect("written");
    let done = back(&admin, 1).expect("committed");
    assert_eq!(done.generation, 3);
    assert!(
        done.summary
            .ends_with("what the file held is in mox.toml.replaced-2-2"),
        "{}",
        done.summary
    );
    assert_eq!(
        fs::read(world.path("config/mox.toml.replaced-2-2")).expect("kept"),
        b"nonsense"
    );
    assert_eq!(world.text(), good);
    // A valid edit that nobody loaded is kept as well.
    world.edit("# what a person wrote", "# what a person wrote since");
    let edited = world.text();
    back(&admin, 2).expect("committed");
    let kept = world.path("config/mox.toml.replaced-3");
    assert_eq!(fs::read_to_string(kept).expect("kept"), edited);
    assert_eq!(world.text(), newest);
}

#[test]
fn accounts_are_neither_orphaned_nor_brought_back_to_life() {
    let world = World::new();
    let admin = world.loaded();
    let change = Change::AccountAdd {
        account: account("carol"),
        address: address("carol@example.org"),
    };
    make(&admin, &change).expect("committed");
    let (message, hint) = conflict(back(&admin, 1));
    assert_eq!(
        message,
        "cannot go back to generation 1: account carol did not exist then"
    );
    assert!(hint.contains("account rm"));

    // Being removed; then gone, and back as another one without a password.
    let carol = Change::AccountRemove {
        account: account("carol"),
    };
    let password = Change::PasswordSet {
        account: account("carol"),
        password: Secret("correct horse".to_owned()),
    };
    make(&admin, &password).expect("set");
    make(&admin, &carol).expect("committed");
    let (message, _) = conflict(back(&admin, 2));
    assert!(
        message.ends_with("account carol is being removed"),
        "{message}"
    );
    admin.finish_removals().expect("it ends");
    let done = back(&admin, 2).expect("committed");
    assert!(
        done.summary
            .ends_with("account carol is new: it has no password"),
        "{}",
        done.summary
    );
    assert!(
        admin
            .load()
            .expect("loaded")
            .credential(&account("carol"))
            .is_none()
    );
    assert_eq!(world.folders(), ["alice", "bob", "carol"]);

    // Taken out by hand: its folder is still there, and is not given to an account of that name.
    let with_carol = admin.generation();
    fs::write(world.file(), admin.generation_text(1).expect("kept")).expect("written");
    make(&admin, &Change::Adopt).expect("loaded");
    let (message, hint) = conflict(back(&admin, with_carol));
    assert!(
        message.contains("carol would come back to the mail folder"),
        "{message}"
    );
    assert!(hint.contains("by hand"), "{hint}");
}

#[test]
fn what_is_not_valid_today_is_refused_with_its_place() {
    let world = World::new();
    let admin = world.loaded();
    let change = Change::DomainAdd {
        domain: domain("new.example"),
        account: account("alice"),
        localpart: None,
        disabled: false,
    };
    make(&admin, &change).expect("committed");
    make(
        &admin,
        &Change::DomainRemove {
            domain: domain("new.example"),
        },
    )
    .expect("committed");
    let key = world.keys()[0].clone();
    fs::remove_file(world.path("config/dkim").join(&key)).expect("removed");
    let before = world.text();
    let Err(AdminError::Invalid(problems)) = back(&admin, 2) else {
        panic!("accepted");
    };
    let place = problems[0].position.as_ref().expect("a place");
    assert_eq!(place.file, "generation 2");
    assert!(problems[0].message.contains(&key), "{problems:?}");
    assert_eq!(world.text(), before);
    assert!(matches!(back(&admin, 77), Err(AdminError::NotFound { .. })));
    assert!(matches!(back(&admin, 0), Err(AdminError::NotFound { .. })));
}

#[test]
fn another_data_directory_is_refused() {
    let world = World::with(&super::support::TEXT.replace(
        "hostname = \"mail.example.org\"",
        "hostname = \"mail.example.org\"\ndata_dir = \"../data\"",
    ));
    let admin = world.loaded();
    world.edit("../data", "../data2");
    make(&admin, &Change::Adopt).expect("a reload that asks for a restart");
    world.edit("../data2", "../data");
    make(&admin, &Change::Adopt).expect("loaded");
    let (message, _) = conflict(back(&admin, 2));
    assert!(message.contains("another data directory"), "{message}");
}

#[test]
fn differences_have_names() {
    let world = World::new();
    let admin = world.loaded();
    make(&admin, &disable("example.org")).expect("committed");
    let newest_to_file = admin.difference(Side::Newest, Side::File).expect("there");
    assert_eq!(
        (newest_to_file.from.as_str(), newest_to_file.to.as_str()),
        ("generation 2", "file")
    );
    assert_eq!(newest_to_file.diff, "");
    fs::write(world.file(), "[server\n").expect("written");
    let broken = admin.difference(Side::Newest, Side::File).expect("there");
    assert!(
        broken.diff.starts_with("--- generation 2\n+++ file\n@@"),
        "{}",
        broken.diff
    );
    assert!(broken.diff.contains("\n+[server\n"));
    let since = admin
        .difference(Side::Generation(1), Side::Newest)
        .expect("there");
    assert!(since.diff.contains("+disabled = true\n"), "{}", since.diff);
    let gone = admin.difference(Side::Generation(3), Side::File);
    assert!(matches!(gone, Err(AdminError::NotFound { hint, .. }) if hint.contains("1 to 2")));
}
