//! The order of the library's modules, and who may name what.

use super::source::{Source, top, tree};
use super::{caught, none};

/// The modules in the order in which src/lib.rs lists them, bottom up.
fn ranks(lib: &str) -> Vec<String> {
    lib.lines()
        .filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'))
        .map(str::to_owned)
        .collect()
}

/// Uses of a module that stands below the using one in the list, or is not in it.
fn module_order(files: &[Source], ranks: &[String]) -> Vec<String> {
    let rank = |name: &str| ranks.iter().position(|r| r == name);
    let mut violations = Vec::new();
    for file in files {
        let Some(inside) = file.path.strip_prefix("src/") else {
            continue;
        };
        let parts: Vec<&str> = inside.trim_end_matches(".rs").split('/').collect();
        if !file.is_rust() || file.is_test() || parts == ["lib"] {
            continue;
        }
        let Some(own) = rank(parts[0]) else {
            violations.push(file.at(1, "its module is not in the list of src/lib.rs"));
            continue;
        };
        for (at, used) in uses(&file.code, parts.len()) {
            if rank(&used).is_some_and(|r| r > own) {
                let line = file.code[..at].matches('\n').count() + 1;
                let module = parts[0];
                violations.push(file.at(line, &format!("{module} uses {used}, which is above it")));
            }
        }
    }
    violations
}

/// The names of top-level modules that code uses, through `crate::` or enough `super::`, and where.
fn uses(code: &str, depth: usize) -> Vec<(usize, String)> {
    let roots = ["crate::".to_owned(), "super::".repeat(depth)];
    let mut found = Vec::new();
    for root in &roots {
        for (at, _) in code.match_indices(root.as_str()) {
            let before = code[..at].chars().next_back().unwrap_or(' ');
            if before.is_alphanumeric() || matches!(before, '_' | ':') {
                continue;
            }
            let rest = &code[at + root.len()..];
            match rest.strip_prefix('{') {
                Some(group) => found.extend(group_heads(group).map(|name| (at, name))),
                None => found.push((at, word(rest).to_owned())),
            }
        }
    }
    found
}

/// The first names inside the braces of a `use` group.
fn group_heads(group: &str) -> impl Iterator<Item = String> {
    let mut depth = 0;
    let mut pieces = vec![String::new()];
    for c in group.chars() {
        match c {
            '}' if depth == 0 => break,
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => pieces.push(String::new()),
            _ => {}
        }
        if let Some(piece) = pieces.last_mut() {
            piece.push(c);
        }
    }
    pieces
        .into_iter()
        .map(|piece| word(piece.trim_start_matches([',', ' ', '\n'])).to_owned())
}

fn word(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_');
    &text[..end.unwrap_or(text.len())]
}

/// Words that only some files may use.
struct Reserved {
    what: &'static str,
    words: &'static [&'static str],
    /// Folders and files (beginnings of paths) that the rule is about.
    within: &'static [&'static str],
    /// Those among them that may.
    except: &'static [&'static str],
}

const RESERVED: [Reserved; 7] = [
    Reserved {
        what: "only config::edit changes TOML documents",
        words: &["DocumentMut"],
        within: &["src/", "daemon/", "cli/"],
        except: &["src/config/edit"],
    },
    Reserved {
        what: "only db names the engine",
        words: &["redb"],
        within: &["src/", "daemon/", "cli/"],
        except: &["src/db.rs", "src/db/"],
    },
    Reserved {
        what: "only clock asks for the time of day",
        words: &["Timestamp::now", "SystemTime::now", "Zoned::now"],
        within: &["src/", "daemon/", "cli/"],
        except: &["src/clock.rs"],
    },
    Reserved {
        what: "only cli/ui prints",
        words: &[
            "println!",
            "print!",
            "eprintln!",
            "eprint!",
            "dbg!",
            "stdout()",
        ],
        within: &["src/", "daemon/", "cli/"],
        except: &["cli/ui"],
    },
    Reserved {
        what: "the library and the daemon never end the process",
        words: &["process::exit", "process::abort", "exit("],
        within: &["src/", "daemon/"],
        except: &["src/fsio/fault"],
    },
    Reserved {
        what: "the library never reads the environment",
        words: &["std::env", "env::var", "env::args"],
        within: &["src/"],
        except: &["src/fsio/fault"],
    },
    Reserved {
        what: "finished code has no such marks",
        words: &["todo!", "unimplemented!"],
        within: &["src/", "daemon/", "cli/", "tests/", "benches/"],
        except: &[],
    },
];

fn reserved(files: &[Source], rule: &Reserved) -> Vec<String> {
    let in_any = |path: &str, list: &[&str]| list.iter().any(|p| path.starts_with(p));
    let mut violations = Vec::new();
    for file in files {
        if !in_any(&file.path, rule.within) || in_any(&file.path, rule.except) {
            continue;
        }
        for (number, line) in file.code_lines() {
            let found = rule.words.iter().find(|word| has_word(line, word));
            if let Some(word) = found {
                violations.push(file.at(number, &format!("{word}: {}", rule.what)));
            }
        }
    }
    violations
}

/// Whether the word stands in the line by itself.
fn has_word(line: &str, word: &str) -> bool {
    let part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    line.match_indices(word).any(|(at, _)| {
        let after = &line[at + word.len()..];
        let open_end = !word.ends_with(|c: char| c.is_alphanumeric());
        !part(line[..at].chars().next_back()) && (open_end || !part(after.chars().next()))
    })
}

#[test]
fn modules_use_only_those_below() {
    let lib = std::fs::read_to_string(top().join("src/lib.rs")).unwrap();
    let ranks = ranks(&lib);
    assert!(ranks.len() > 5, "no list of modules in src/lib.rs");
    none(module_order(&tree(), &ranks));
}

#[test]
fn a_use_of_a_higher_module_is_found() {
    let ranks = ["addr", "smtp", "config"].map(str::to_owned);
    for planted in [
        "use crate::config::Model;",
        "use crate::{addr::Domain, config};",
        "use super::super::config;",
        "fn f(x: crate::config::Model) {}",
    ] {
        let files = [
            Source::new(
                "src/smtp/reply.rs",
                &format!("use crate::addr::A;\n{planted}\n"),
            ),
            Source::new("src/config.rs", "use crate::{addr, smtp::Reply};\n"),
        ];
        caught(&module_order(&files, &ranks), "src/smtp/reply.rs:2:");
    }
    let stray = [Source::new("src/stray.rs", "")];
    caught(&module_order(&stray, &ranks), "src/stray.rs:1:");
}

#[test]
fn reserved_words_stay_where_they_belong() {
    let files = tree();
    none(
        RESERVED
            .iter()
            .flat_map(|rule| reserved(&files, rule))
            .collect(),
    );
}

#[test]
fn a_reserved_word_elsewhere_is_found() {
    for rule in &RESERVED {
        for (word, folder) in rule.words.iter().zip(rule.within.iter().cycle()) {
            let path = format!("{folder}planted.rs");
            let text = format!("// {word}\nlet s = \"{word}\";\nfn f() {{ x::{word}; }}\n");
            if folder == &"tests/" {
                continue; // unit tests of this file
            }
            let violations = reserved(&[Source::new(&path, &text)], rule);
            caught(&violations, &format!("{path}:3:"));
        }
        for allowed in rule.except {
            let path = format!("{}/x.rs", allowed.trim_end_matches(['/']));
            let text = format!("fn f() {{ {} }}\n", rule.words[0]);
            if path.starts_with(allowed) {
                none(reserved(&[Source::new(&path, &text)], rule));
            }
        }
    }
}
