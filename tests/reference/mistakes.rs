//! Every mistake in mox.toml has a sample in `tests/mistakes` and beside it what is told about it, to the
//! letter: `UPDATE=1` writes that anew. The source says which mistakes there are.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{mox, top};

/// Mistakes that no file can show, and why.
const NOT_SHOWN: [(&str, &str); 3] = [
    ("incomplete", "only a bug of the reader would say so"),
    (
        "the file is larger than {MAX_LEN} bytes",
        "a file of a gigabyte",
    ),
    (
        "file.inaccessible",
        "shown by tests/cli/user.txt: it depends on modes",
    ),
];

fn samples() -> Vec<PathBuf> {
    let folder = top().join("tests/mistakes");
    let files = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut samples: Vec<PathBuf> = files.filter(|f| f.extension().unwrap() == "toml").collect();
    samples.sort();
    assert!(samples.len() > 30);
    samples
}

fn name(sample: &Path) -> String {
    sample.file_name().unwrap().to_string_lossy().into_owned()
}

#[test]
fn each_mistake_is_told_as_it_should_be() {
    let mut wrong = Vec::new();
    for sample in samples() {
        let output = mox(&["config", "test", &name(&sample)]);
        assert_eq!(output.status.code(), Some(6), "{}", sample.display());
        assert_eq!(output.stdout, b"");
        let told = String::from_utf8(output.stderr).unwrap();
        let file = sample.with_extension("message");
        if std::env::var_os("UPDATE").is_some() {
            fs::write(&file, &told).unwrap();
        }
        let expected = fs::read_to_string(&file).unwrap_or_default();
        if told != expected {
            wrong.push(format!(
                "{}:\n{told}--- expected\n{expected}",
                sample.display()
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Problems with a place show the line with a caret under it.
#[test]
fn places_are_shown() {
    for sample in samples() {
        let output = mox(&["config", "test", "--json", &name(&sample)]);
        let error: Value = serde_json::from_slice(&output.stderr).unwrap();
        let problems = error["error"]["diagnostics"].as_array().unwrap();
        let text = fs::read(&sample).unwrap();
        let text = String::from_utf8_lossy(&text);
        for problem in problems {
            let Some(line) = problem["position"]["line"].as_u64() else {
                assert_eq!(
                    problem["code"],
                    "key.missing",
                    "{}: {problem}",
                    sample.display()
                );
                continue;
            };
            let shown = text.lines().nth(line as usize - 1).unwrap_or_default();
            assert_eq!(problem["position"]["text"], shown, "{problem}");
        }
    }
}

#[test]
fn no_mistake_of_the_source_is_without_a_sample() {
    let mut codes = BTreeSet::new();
    let mut messages = Vec::new();
    for sample in samples() {
        let output = mox(&["config", "test", "--json", &name(&sample)]);
        let error: Value = serde_json::from_slice(&output.stderr).unwrap();
        for problem in error["error"]["diagnostics"].as_array().unwrap() {
            codes.insert(problem["code"].as_str().unwrap().to_owned());
            messages.push(problem["message"].as_str().unwrap().to_owned());
        }
    }
    let not_shown = |text: &str| NOT_SHOWN.iter().any(|(shown, _)| *shown == text);
    let mut missing = BTreeSet::new();
    let mut found = 0;
    for (code, message) in mistakes() {
        found += 1;
        if !codes.contains(&code) && !not_shown(&code) {
            missing.insert(format!("code {code}"));
        }
        if let Some(message) = message
            && !not_shown(&message)
            && !not_shown(&code)
            && !messages.iter().any(|told| fits(&message, told))
        {
            missing.insert(format!("{code}: {message}"));
        }
    }
    assert!(found > 40, "only {found} mistakes were found in the source");
    assert!(missing.is_empty(), "without a sample: {missing:#?}");
}

/// Code and message, where that is written beside it, of every problem that the reader adds.
fn mistakes() -> Vec<(String, Option<String>)> {
    let mut files = vec![top().join("src/config.rs")];
    let mut folders = vec![top().join("src/config")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false => files.push(path),
            }
        }
    }
    files.push(top().join("daemon/privileges/access.rs"));
    let mut all = Vec::new();
    for file in files {
        // That of sendmail.toml has tests of its own.
        if file.ends_with("tests.rs") || file.ends_with("submission.rs") {
            continue;
        }
        let text = fs::read_to_string(&file).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        for call in [
            "refuse(",
            "refuse_hint(",
            "refuse::<()>(",
            "refuse_hint::<()>(",
            ".add(",
            "diagnostic(",
        ] {
            for (at, _) in code.match_indices(call) {
                all.extend(problem(&code[at + call.len()..]));
            }
        }
        for (at, _) in code.match_indices("let message = format!(\"") {
            let rest = &code[at + "let message = format!(".len()..];
            if let Some((message, _)) = literal(rest) {
                all.push(("key.missing".to_owned(), Some(message)));
            }
        }
    }
    all
}

/// The literals that arguments start with.
fn problem(arguments: &str) -> Option<(String, Option<String>)> {
    let (code, rest) = literal(arguments.trim_start())?;
    let rest = rest.trim_start_matches([',', ' ', '\n']);
    let rest = rest.strip_prefix("format!(").unwrap_or(rest).trim_start();
    Some((code, literal(rest).map(|(message, _)| message)))
}

fn literal(text: &str) -> Option<(String, &str)> {
    let text = text.strip_prefix('"')?;
    let mut end = 0;
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => drop(chars.next()),
            '"' => {
                end = at;
                break;
            }
            _ => {}
        }
    }
    Some((text[..end].replace("\\\"", "\""), &text[end + 1..]))
}

/// Whether a text can be what the format makes: its fixed parts stand in it, in order.
fn fits(format: &str, text: &str) -> bool {
    let mut rest = text;
    let parts = format.split(['{', '}']);
    // Every second part is inside braces.
    for part in parts.step_by(2) {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    true
}
