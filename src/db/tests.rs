use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

const FORMAT: Format = Format::first("test");

fn open(dir: &tempfile::TempDir) -> Db {
    Db::open(&dir.path().join("x.redb"), Options::new(FORMAT)).unwrap()
}

fn rows(rows: &impl Rows, range: KeyRange, order: Order) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut all = Vec::new();
    rows.scan(range, order, &mut |key, value| {
        all.push((key.to_vec(), value.to_vec()));
        true
    })
    .unwrap();
    all
}

#[test]
fn writes_are_there_after_reopening() {
    let dir = tempfile::tempdir().unwrap();
    {
        let db = open(&dir);
        let before = db.read().unwrap();
        db.write(|w| {
            w.put(b"a", b"1")?;
            w.put(b"b", b"2")
        })
        .unwrap();
        assert_eq!(before.get(b"a").unwrap(), None);
        db.write_logged(|w| w.put(b"c", b"3"), |_, _| Ok(()))
            .unwrap();
        let failed = db.write(|w| {
            w.put(b"d", b"4")?;
            Err::<(), _>(DbError::Closed)
        });
        assert!(failed.is_err());
        let failed = db.write_logged(|w| w.put(b"e", b"5"), |_, _| Err(DbError::Closed));
        assert!(failed.is_err());
    }
    let keys: Vec<_> = rows(
        &open(&dir).read().unwrap(),
        KeyRange::all(),
        Order::Ascending,
    );
    let keys: Vec<_> = keys.iter().map(|(key, _)| key.as_slice()).collect();
    assert_eq!(keys, [b"a", b"b", b"c"]);
}

#[test]
fn only_one_has_it_open_and_close_ends_it() {
    let dir = tempfile::tempdir().unwrap();
    let db = open(&dir);
    let path = db.path().to_owned();
    let second = Db::open(&path, Options::new(FORMAT));
    assert!(matches!(second, Err(DbError::InUse(_))), "{second:?}");
    let snapshot = db.read().unwrap();
    db.close().unwrap();
    assert!(matches!(db.read(), Err(DbError::Closed)));
    assert!(matches!(
        db.write(|w| w.put(b"a", b"")),
        Err(DbError::Closed)
    ));
    let third = open(&dir);
    drop(snapshot);
    third.write(|w| w.put(b"a", b"")).unwrap();
}

#[test]
fn foreign_and_missing_files_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.redb");
    let options = Options {
        create: false,
        ..Options::new(FORMAT)
    };
    assert!(matches!(
        Db::open(&path, options),
        Err(DbError::NotFound(_))
    ));
    std::fs::write(&path, b"[server]\nhostname = \"mail.example\"\n").unwrap();
    let error = Db::open(&path, options).unwrap_err();
    assert!(error.to_string().contains("x.redb"), "{error}");
    std::fs::remove_file(&path).unwrap();
    drop(open(&dir));
    let other = Options::new(Format::first("other"));
    assert!(matches!(
        Db::open(&path, other),
        Err(DbError::Damaged { .. })
    ));
}

#[test]
fn older_formats_are_migrated_and_newer_refused() {
    let dir = tempfile::tempdir().unwrap();
    open(&dir).write(|w| w.put(b"name", b"x")).unwrap();
    let path = dir.path().join("x.redb");
    let second = Format {
        name: "test",
        version: 2,
        migrate: |from, w| {
            assert_eq!(from, 1);
            let old = w.get(b"name")?.unwrap_or_default();
            w.delete(b"name");
            w.put(b"names", &old)
        },
    };
    for _ in 0..2 {
        let db = Db::open(&path, Options::new(second)).unwrap();
        assert_eq!(db.read().unwrap().get(b"names").unwrap().unwrap(), b"x");
        assert_eq!(db.read().unwrap().get(b"name").unwrap(), None);
    }
    let error = Db::open(&path, Options::new(FORMAT)).unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("version 2, newer than this program's (1)"),
        "{text}"
    );
}

#[test]
fn too_long_keys_and_values_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let db = open(&dir);
    let key = vec![b'k'; MAX_KEY];
    let value = vec![b'v'; MAX_VALUE];
    db.write(|w| w.put(&key, &value)).unwrap();
    assert_eq!(db.read().unwrap().get(&key).unwrap().unwrap(), value);
    let long = [key.as_slice(), b"k"].concat();
    assert!(db.write(|w| w.put(&long, b"")).is_err());
    let long = [value.as_slice(), b"v"].concat();
    assert!(db.write(|w| w.put(b"k", &long)).is_err());
}

#[derive(Debug, Clone)]
enum Step {
    Put(Vec<u8>, Vec<u8>),
    Delete(Vec<u8>),
    Clear(Vec<u8>, Vec<u8>),
    Scan(Vec<u8>, Vec<u8>, bool, usize),
    Prefix(Vec<u8>),
    Mark,
    Back,
    Forget,
    Commit,
    Abort,
}

fn key() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(prop::sample::select(vec![0, 1, 0xfe, 0xff]), 0..3)
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (key(), key()).prop_map(|(k, v)| Step::Put(k, v)),
        3 => key().prop_map(Step::Delete),
        1 => (key(), key()).prop_map(|(a, b)| Step::Clear(a, b)),
        4 => (key(), key(), any::<bool>(), 1..6_usize).prop_map(|(a, b, up, n)| Step::Scan(a, b, up, n)),
        2 => key().prop_map(Step::Prefix),
        2 => Just(Step::Mark),
        1 => Just(Step::Back),
        1 => Just(Step::Forget),
        1 => Just(Step::Commit),
        1 => Just(Step::Abort),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// A write transaction over a snapshot is an ordered map, whatever is laid over what.
    #[test]
    fn is_an_ordered_map(steps in prop::collection::vec(step(), 1..60)) {
        let dir = tempfile::tempdir().unwrap();
        let db = open(&dir);
        let mut stored = BTreeMap::new();
        let mut steps = steps.into_iter();
        let mut more = true;
        while more {
            more = false;
            let mut model = stored.clone();
            let done = db.write_logged(
                |w| {
                    let mut marks = Vec::new();
                    for step in steps.by_ref() {
                        match step {
                            Step::Put(k, v) => {
                                w.put(&k, &v)?;
                                model.insert(k, v);
                            }
                            Step::Delete(k) => {
                                w.delete(&k);
                                model.remove(&k);
                            }
                            Step::Clear(a, b) => {
                                w.clear(KeyRange::from_to(&a, &b))?;
                                model.retain(|k, _| !(a <= *k && *k < b));
                            }
                            Step::Scan(a, b, up, n) => {
                                let order = if up { Order::Ascending } else { Order::Descending };
                                let mut got = Vec::new();
                                w.scan(KeyRange::from_to(&a, &b), order, &mut |k, v| {
                                    got.push((k.to_vec(), v.to_vec()));
                                    got.len() < n
                                })?;
                                let mut expected: Vec<_> = model
                                    .iter()
                                    .filter(|(k, _)| a <= **k && **k < b)
                                    .map(|(k, v)| (k.clone(), v.clone()))
                                    .collect();
                                if !up {
                                    expected.reverse();
                                }
                                expected.truncate(n);
                                assert_eq!(got, expected);
                            }
                            Step::Prefix(p) => {
                                let got = rows(w, KeyRange::prefix(&p), Order::Ascending).len();
                                assert_eq!(got, model.keys().filter(|k| k.starts_with(&p)).count());
                            }
                            Step::Mark => marks.push((w.mark(), model.clone())),
                            Step::Back => if let Some((mark, old)) = marks.pop() {
                                w.back_to(mark);
                                model = old;
                            },
                            Step::Forget => if let Some((mark, _)) = marks.pop() {
                                w.forget(mark);
                            },
                            Step::Commit => {
                                more = true;
                                break;
                            }
                            Step::Abort => {
                                more = true;
                                return Err(DbError::Closed);
                            }
                        }
                    }
                    Ok(())
                },
                |_, _| Ok(()),
            );
            if done.is_ok() {
                stored = model;
            }
            let got = rows(&db.read().unwrap(), KeyRange::all(), Order::Ascending);
            let expected: Vec<_> = stored.clone().into_iter().collect();
            assert_eq!(got, expected);
        }
    }
}
