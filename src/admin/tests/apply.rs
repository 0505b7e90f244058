//! Applying a file of domains and accounts.

use super::support::{World, account, address, make};
use super::*;

fn file(text: &str, prune: bool) -> Change {
    Change::Apply {
        text: text.to_owned(),
        name: "mail.toml".to_owned(),
        prune,
    }
}

/// What the tests' mox.toml has, as a file may ask for it.
pub(super) const SAME: &str = r#"
[domains."example.org".aliases.team]
addresses = ["bob@example.org", "alice@example.org"]
[domains."example.org".aliases.only-bob]
addresses = ["bob2@example.org"]
[domains."example.net"]
[accounts.alice]
domain = "example.org"
destinations = { "alice@example.org" = {}, "@example.org" = {} }
[accounts.bob]
domain = "example.org"
destinations = { "bob@example.org" = {}, "bob2@example.org" = {}, "Bob3@example.org" = {} }
"#;

fn plan(done: &[Step]) -> Vec<String> {
    done.iter().map(ToString::to_string).collect()
}

fn conflict(world: &World, admin: &Admin, text: &str, prune: bool) -> (String, String) {
    let before = world.text();
    let refused = match make(admin, &file(text, prune)) {
        Err(AdminError::Conflict { message, hint }) => (message, hint),
        other => panic!("{other:?}"),
    };
    assert_eq!(world.text(), before);
    refused
}

#[test]
fn what_is_so_already_is_nothing_to_do() {
    let world = World::new();
    let admin = world.loaded();
    let before = world.text();
    for prune in [false, true] {
        let done = make(&admin, &file(SAME, prune)).expect("nothing to do");
        assert_eq!((done.changed, done.generation), (false, 1));
        assert_eq!(plan(&done.steps), [""; 0]);
    }
    // An empty file has nothing to say about anything.
    assert!(!make(&admin, &file("", true)).expect("nothing").changed);
    assert_eq!(world.text(), before);
}

#[test]
fn everything_is_one_generation() {
    let world = World::new();
    let admin = world.loaded();
    let text = SAME.replace(
        "\"bob2@example.org\" = {}, ",
        "\"bob2@example.org\" = { mailbox = \"Two\" }, ",
    ) + "[accounts.carol]\ndomain = \"new.example\"\nquota = \"1GB\"\ndestinations = { \"carol@new.example\" = {} }\n[domains.\"new.example\"]\n";
    let done = make(&admin, &file(&text, false)).expect("committed");
    assert_eq!((done.changed, done.generation), (true, 2));
    assert_eq!(
        plan(&done.steps),
        [
            "+ domain new.example (with new DKIM keys)",
            "~ address bob2@example.org: mailbox: \"Inbox\" -> \"Two\" (of account bob)",
            "+ account carol (it has no password)",
            "+ address carol@new.example (of account carol)",
        ]
    );
    assert_eq!(done.summary, "applied: 3 added, 1 changed, 0 removed");
    assert_eq!(world.folders(), ["alice", "bob", "carol"]);
    assert_eq!(world.keys().len(), 2);
    assert!(world.text().starts_with("# what a person wrote\n"));
    let again = make(&admin, &file(&text, false)).expect("nothing to do");
    assert!(!again.changed);
}

#[test]
fn what_is_not_named_is_pruned() {
    let world = World::new();
    let admin = world.loaded();
    let password = Change::PasswordSet {
        account: account("bob"),
        password: Secret("correct horse".to_owned()),
    };
    make(&admin, &password).expect("set");
    // Only accounts: aliases lose the members that go.
    world.edit(
        "[\"bob2@example.org\"]",
        "[\"bob2@example.org\", \"alice@example.org\"] # two",
    );
    let text = "[accounts.alice]\ndomain = \"example.org\"\ndestinations = { \"alice@example.org\" = {} }\n";
    let done = make(&admin, &file(text, true)).expect("committed");
    assert_eq!(
        plan(&done.steps),
        [
            "- address @example.org (of account alice)",
            "- account bob (with all of its mail)",
            "- address Bob3@example.org (of account bob)",
            "- address bob2@example.org (of account bob)",
            "- address bob@example.org (of account bob)",
            "~ alias only-bob@example.org: addresses: [\"bob2@example.org\",\"alice@example.org\"] -> [\"alice@example.org\"]",
            "~ alias team@example.org: addresses: [\"alice@example.org\",\"bob@example.org\"] -> [\"alice@example.org\"]",
        ]
    );
    assert!(
        world
            .text()
            .contains("addresses = [\"alice@example.org\"] # two\n")
    );
    assert_eq!(admin.finish_removals().expect("it ends"), [account("bob")]);
    assert_eq!(world.folders(), ["alice"]);
    let snapshot = admin.load().expect("loaded");
    assert!(snapshot.credential(&account("bob")).is_none());
    assert!(snapshot.lookup(&address("bob@example.org")).is_none());
    // Only domains: those without anything at them.
    let text = "[domains.\"example.org\"]\n";
    let done = make(&admin, &file(text, true)).expect("committed");
    assert_eq!(plan(&done.steps).len(), 3, "{:?}", plan(&done.steps));
}

#[test]
fn an_address_moves_only_with_prune() {
    let world = World::new();
    let admin = world.loaded();
    let text = SAME.replace("\"Bob3@example.org\" = {} ", "").replace(
        "\"@example.org\" = {} }",
        "\"@example.org\" = {}, \"bob3@example.org\" = {} }",
    );
    let (message, hint) = conflict(&world, &admin, &text, false);
    assert_eq!(
        message,
        "nothing was applied: bob3@example.org belongs to account bob"
    );
    assert!(hint.contains("--prune"));
    make(&admin, &file(&text, true)).expect("committed");
    let owner = admin
        .load()
        .expect("loaded")
        .lookup(&address("bob3@example.org"));
    assert!(format!("{owner:?}").contains("alice"), "{owner:?}");
}

#[test]
fn everything_that_stands_in_the_way_is_named() {
    let world = World::new();
    let admin = world.loaded();
    std::fs::create_dir(world.path("data/accounts/carol")).expect("a folder");
    let carol = "[accounts.carol]\ndomain = \"example.org\"\n";
    let (message, _) = conflict(&world, &admin, carol, true);
    assert_eq!(
        message,
        "nothing was applied: account carol has a mail folder already; \
         account alice gets the mail to postmaster (server.postmaster); \
         alias only-bob@example.org would have no member left; \
         alias team@example.org would have no member left"
    );
    let (message, _) = conflict(&world, &admin, "[accounts]\n", true);
    assert!(message.contains("no account would be left"), "{message}");
    let (message, _) = conflict(&world, &admin, "[domains.\"example.net\"]\n", true);
    assert!(
        message.contains("domain example.org is the domain of account alice"),
        "{message}"
    );
    assert!(
        message.contains("@example.org is an address of account alice"),
        "{message}"
    );
    let team = "[accounts.alice]\ndomain = \"example.org\"\ndestinations = { \"team@example.org\" = {} }\n";
    let (message, _) = conflict(&world, &admin, team, false);
    assert_eq!(
        message,
        "nothing was applied: team@example.org is the alias team@example.org"
    );
    let alias = "[domains.\"example.org\".aliases.Bob3]\naddresses = [\"alice@example.org\"]\n";
    match make(&admin, &file(alias, false)) {
        Err(AdminError::Invalid(problems)) => {
            assert_eq!(
                problems[0].position.as_ref().map(|p| p.line),
                Some(1),
                "{problems:?}"
            );
        }
        other => panic!("{other:?}"),
    }
    // Being removed.
    world.edit("[\"bob2@example.org\"]", "[\"alice@example.org\"]");
    make(
        &admin,
        &Change::AccountRemove {
            account: account("bob"),
        },
    )
    .expect("committed");
    let bob = "[accounts.bob]\ndomain = \"example.org\"\n";
    let (message, _) = conflict(&world, &admin, bob, false);
    assert_eq!(message, "nothing was applied: account bob is being removed");
}
