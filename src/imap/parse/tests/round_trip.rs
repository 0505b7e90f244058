//! Any command, written and parsed again.

use proptest::prelude::*;

use crate::imap::command::{
    Command, CommandBody, FetchItem, ListCommand, MailboxArg, SearchCommand, SearchKey,
    SearchOptions, Section, SectionText, StatusItem,
};
use crate::imap::compose;
use crate::imap::parse::{append_next, command};
use crate::imap::sequence::{SeqNumber, SequenceSet};
use crate::mailbox::{FlagChange, Flags, SpecialUse, SystemFlag};

fn text() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        "[a-zA-Z0-9/.]{1,8}".prop_map(String::into_bytes),
        "\\PC{0,8}".prop_map(String::into_bytes),
        proptest::collection::vec(1u8..=255, 0..12),
    ]
}

fn atom() -> impl Strategy<Value = String> {
    "[A-Z][A-Z0-9=-]{0,6}"
}

fn sequence_set() -> impl Strategy<Value = SequenceSet> {
    let number = || {
        prop_oneof![
            3 => (1..=u32::MAX).prop_map(SeqNumber::Number),
            1 => Just(SeqNumber::Last),
        ]
    };
    let range = prop_oneof![(number(), number()), number().prop_map(|n| (n, n))];
    prop_oneof![
        5 => proptest::collection::vec(range, 1..5).prop_map(SequenceSet::Ranges),
        1 => Just(SequenceSet::Saved),
    ]
}

fn flags() -> impl Strategy<Value = Flags> {
    (0u8..32, proptest::collection::vec("[$a-z]{1,5}", 0..3)).prop_map(|(system, words)| {
        let mut flags = Flags {
            system,
            ..Flags::default()
        };
        for word in &words {
            flags.insert_keyword(word);
        }
        flags
    })
}

fn number() -> impl Strategy<Value = u64> {
    0..1u64 << 63
}

fn status_items() -> impl Strategy<Value = Vec<StatusItem>> {
    use StatusItem::*;
    let all = vec![
        Messages,
        Recent,
        UidNext,
        UidValidity,
        Unseen,
        Deleted,
        Size,
        HighestModSeq,
        AppendLimit,
    ];
    proptest::sample::subsequence(all, 1..=9)
}

fn list_command() -> impl Strategy<Value = ListCommand> {
    let bits = proptest::array::uniform8(any::<bool>());
    let patterns = prop_oneof![text(), "[a-z%*]{1,5}".prop_map(String::into_bytes)];
    let patterns = proptest::collection::vec(patterns, 1..4);
    (bits, text(), patterns, proptest::option::of(status_items())).prop_map(
        |([extended, a, b, c, d, e, f, g], reference, mut patterns, status)| {
            if !extended {
                patterns.truncate(1);
                return ListCommand {
                    reference,
                    patterns,
                    ..ListCommand::default()
                };
            }
            ListCommand {
                reference,
                patterns,
                extended,
                select_subscribed: a,
                select_remote: b,
                select_recursive_match: c && (a || d),
                select_special_use: d,
                return_subscribed: e,
                return_children: f,
                return_special_use: g,
                return_status: status,
            }
        },
    )
}

fn search_key() -> impl Strategy<Value = SearchKey> {
    let system = proptest::sample::select(SystemFlag::ALL.to_vec());
    let day = || -25_000i64..100_000;
    let leaf = prop_oneof![
        Just(SearchKey::All),
        sequence_set().prop_map(SearchKey::Sequence),
        sequence_set().prop_map(SearchKey::Uid),
        (system, any::<bool>()).prop_map(|(flag, is)| SearchKey::Flag(flag, is)),
        ("[$a-z]{1,5}", any::<bool>()).prop_map(|(word, is)| SearchKey::Keyword(word, is)),
        proptest::sample::select(vec![SearchKey::New, SearchKey::Old, SearchKey::Recent]),
        (0..7, text()).prop_map(|(which, text)| match which {
            0 => SearchKey::Bcc(text),
            1 => SearchKey::Cc(text),
            2 => SearchKey::From(text),
            3 => SearchKey::To(text),
            4 => SearchKey::Subject(text),
            5 => SearchKey::Body(text),
            _ => SearchKey::Text(text),
        }),
        (text(), text()).prop_map(|(name, text)| SearchKey::Header(name, text)),
        (0..6, day()).prop_map(|(which, day)| match which {
            0 => SearchKey::Before(day),
            1 => SearchKey::On(day),
            2 => SearchKey::Since(day),
            3 => SearchKey::SentBefore(day),
            4 => SearchKey::SentOn(day),
            _ => SearchKey::SentSince(day),
        }),
        (0..3, number()).prop_map(|(which, number)| match which {
            0 => SearchKey::Larger(number),
            1 => SearchKey::Smaller(number),
            _ => SearchKey::ModSeq(number),
        }),
    ];
    leaf.prop_recursive(4, 16, 4, |key| {
        prop_oneof![
            key.clone().prop_map(|key| SearchKey::Not(Box::new(key))),
            (key.clone(), key.clone()).prop_map(|(a, b)| SearchKey::Or(Box::new(a), Box::new(b))),
            proptest::collection::vec(key, 1..4).prop_map(SearchKey::And),
        ]
    })
}

fn search_command() -> impl Strategy<Value = SearchCommand> {
    let options =
        proptest::array::uniform5(any::<bool>()).prop_map(|[min, max, all, count, save]| {
            SearchOptions {
                min,
                max,
                all: all || !(min || max || count || save),
                count,
                save,
            }
        });
    (
        any::<bool>(),
        proptest::option::of(options),
        proptest::option::of(atom()),
        proptest::collection::vec(search_key(), 1..4),
    )
        .prop_map(|(uid, options, charset, keys)| SearchCommand {
            uid,
            options,
            charset,
            keys,
        })
}

fn fetch_item() -> impl Strategy<Value = FetchItem> {
    let part = || proptest::collection::vec(1..=u32::MAX, 0..4);
    let partial = || proptest::option::of((number(), 1..1u64 << 63));
    let names = || proptest::collection::vec(text(), 1..4);
    let section_text = prop_oneof![
        Just(SectionText::Header),
        Just(SectionText::Text),
        Just(SectionText::Mime),
        names().prop_map(SectionText::HeaderFields),
        names().prop_map(SectionText::HeaderFieldsNot),
    ];
    let section = (part(), proptest::option::of(section_text)).prop_map(|(part, text)| {
        let text = text.filter(|text| *text != SectionText::Mime || !part.is_empty());
        Section { part, text }
    });
    prop_oneof![
        proptest::sample::select(vec![
            FetchItem::Uid,
            FetchItem::Flags,
            FetchItem::InternalDate,
            FetchItem::Rfc822Size,
            FetchItem::Envelope,
            FetchItem::BodyStructure,
            FetchItem::BodyStructureShort,
            FetchItem::ModSeq,
            FetchItem::Rfc822,
            FetchItem::Rfc822Header,
            FetchItem::Rfc822Text,
        ]),
        (section, partial(), any::<bool>()).prop_map(|(section, partial, peek)| FetchItem::Body {
            section,
            partial,
            peek
        }),
        (part(), partial(), any::<bool>()).prop_map(|(part, partial, peek)| FetchItem::Binary {
            part,
            partial,
            peek
        }),
        part().prop_map(|part| FetchItem::BinarySize { part }),
    ]
}

fn mailbox_arg() -> impl Strategy<Value = MailboxArg> {
    text().prop_map(MailboxArg)
}

fn short_command() -> impl Strategy<Value = CommandBody> {
    let special_use = proptest::option::of(proptest::sample::select(SpecialUse::ALL.to_vec()));
    prop_oneof![
        proptest::sample::select(vec![
            CommandBody::Capability,
            CommandBody::Noop,
            CommandBody::Logout,
            CommandBody::StartTls,
            CommandBody::Namespace,
            CommandBody::Idle,
            CommandBody::Close,
            CommandBody::Unselect,
            CommandBody::Expunge,
            CommandBody::Check,
        ]),
        proptest::collection::vec((text(), proptest::option::of(text())), 0..3)
            .prop_map(CommandBody::Id),
        (atom(), proptest::option::of("[a-zA-Z0-9+/]{1,8}={0,2}")).prop_map(
            |(mechanism, initial)| CommandBody::Authenticate {
                mechanism,
                initial: initial.map(String::into_bytes),
            }
        ),
        (text(), text()).prop_map(|(user, password)| CommandBody::Login { user, password }),
        proptest::collection::vec(atom(), 1..4).prop_map(CommandBody::Enable),
        (mailbox_arg(), any::<bool>(), any::<bool>()).prop_map(|(mailbox, condstore, examine)| {
            CommandBody::Select {
                mailbox,
                condstore,
                examine,
            }
        }),
        (mailbox_arg(), special_use).prop_map(|(mailbox, special_use)| CommandBody::Create {
            mailbox,
            special_use
        }),
        (0..3, mailbox_arg()).prop_map(|(which, mailbox)| match which {
            0 => CommandBody::Delete(mailbox),
            1 => CommandBody::Subscribe(mailbox),
            _ => CommandBody::Unsubscribe(mailbox),
        }),
        (mailbox_arg(), mailbox_arg()).prop_map(|(from, to)| CommandBody::Rename { from, to }),
        (mailbox_arg(), text())
            .prop_map(|(reference, pattern)| CommandBody::Lsub { reference, pattern }),
        (mailbox_arg(), status_items())
            .prop_map(|(mailbox, items)| CommandBody::Status { mailbox, items }),
    ]
}

fn command_body() -> impl Strategy<Value = CommandBody> {
    let date = (-60_000_000_000i64..250_000_000_000, -1_439i16..1_440);
    let fetch_items = proptest::collection::vec(fetch_item(), 1..4);
    let change = (0..3, flags()).prop_map(|(which, flags)| match which {
        0 => FlagChange::Add(flags),
        1 => FlagChange::Remove(flags),
        _ => FlagChange::Replace(flags),
    });
    prop_oneof![
        4 => short_command(),
        2 => list_command().prop_map(CommandBody::List),
        1 => (mailbox_arg(), flags(), proptest::option::of(date), number(), any::<bool>(), any::<bool>())
            .prop_map(|(mailbox, flags, date, size, binary, utf8)| CommandBody::Append {
                mailbox, flags, date, size, binary: binary || utf8, utf8,
            }),
        1 => sequence_set().prop_map(CommandBody::UidExpunge),
        4 => search_command().prop_map(CommandBody::Search),
        3 => (any::<bool>(), sequence_set(), fetch_items, proptest::option::of(number()))
            .prop_map(|(uid, set, items, changed_since)| CommandBody::Fetch { uid, set, items, changed_since }),
        2 => (any::<bool>(), sequence_set(), change, any::<bool>(), proptest::option::of(number()))
            .prop_map(|(uid, set, change, silent, unchanged_since)| CommandBody::Store {
                uid, set, change, silent, unchanged_since,
            }),
        1 => (any::<bool>(), any::<bool>(), sequence_set(), mailbox_arg()).prop_map(|(copy, uid, set, mailbox)| match copy {
            true => CommandBody::Copy { uid, set, mailbox },
            false => CommandBody::Move { uid, set, mailbox },
        }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn what_is_written_is_parsed(tag in "[a-zA-Z0-9.]{1,5}", body in command_body()) {
        let whole = Command { tag, body };
        let mut written = Vec::new();
        compose::command(&whole, &mut written);
        prop_assert_eq!(command(&written), Ok(whole));
    }

    #[test]
    fn damaged_commands_do_not_panic(body in command_body(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut written = Vec::new();
        compose::command(&Command { tag: "a".to_owned(), body }, &mut written);
        let at = at.index(written.len());
        written[at] = byte;
        drop(command(&written));
        drop(command(&written[..at]));
        drop(append_next(&written[at..], byte & 1 == 0));
    }

    #[test]
    fn any_bytes_do_not_panic(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
        drop(command(&bytes));
        let mut line = b"a SEARCH ".to_vec();
        line.extend_from_slice(&bytes);
        drop(command(&line));
    }
}
