//! What comments and texts say: references to RFCs in one form, no licence headers, no places of
//! one machine; and what tests must not do.

use super::source::{Source, top, tree};
use super::support::transcript;
use super::{caught, none};

/// References that are not in the form `RFC 9051 §6.3.13`.
fn references(files: &[Source]) -> Vec<String> {
    let mut violations = Vec::new();
    for file in files {
        for (number, line) in file.lines() {
            for (at, _) in line.match_indices(&['R', 'F', 'C'].iter().collect::<String>()) {
                if let Some(problem) = malformed(&line[..at], &line[at + 3..]) {
                    violations.push(file.at(number, problem));
                }
            }
        }
    }
    violations
}

/// What is wrong with the reference whose letters stand between these two texts, if it is one.
fn malformed(before: &str, after: &str) -> Option<&'static str> {
    if before.ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '/') {
        return None; // part of another word
    }
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let Some(rest) = after.strip_prefix(' ') else {
        let glued = after.trim_start_matches(['-', ':', '\u{a0}']);
        // RFC822, RFC822.SIZE and so on are names of IMAP.
        let name = digits(after) == 3 && after.starts_with("822");
        return (digits(glued) > 0 && !name).then_some("write: RFC, space, number");
    };
    let n = digits(rest);
    if n == 0 {
        return None;
    }
    let rest = &rest[n..];
    let spaced = rest.strip_prefix(' ').unwrap_or("");
    if let Some(section) = spaced.strip_prefix('§') {
        let numbered = section.starts_with(|c: char| c.is_ascii_digit() || c.is_ascii_uppercase());
        return (!numbered).then_some("write the number right after §");
    }
    let lower = rest.trim_start_matches([',', '(', ' ', ':']).to_lowercase();
    let other_form = ["section", "sec.", "sect", "§", "appendix"];
    if other_form.iter().any(|form| lower.starts_with(form)) {
        return Some("write: RFC, number, space, § and the section");
    }
    let bare = spaced.starts_with(|c: char| c.is_ascii_digit()) && spaced.contains('.');
    bare.then_some("write § before the section")
}

/// Licence headers: the LICENSE file speaks for all.
fn licences(files: &[Source]) -> Vec<String> {
    let marks = ["copyright", "spdx-license", "licensed under"];
    let mut violations = Vec::new();
    for file in files.iter().filter(|file| file.is_rust()) {
        for (number, line) in file.lines().take(12) {
            let line = line.to_lowercase();
            if line.starts_with("//") && marks.iter().any(|mark| line.contains(mark)) {
                violations.push(file.at(number, "a licence header"));
            }
        }
    }
    violations
}

/// Paths that exist only where these are the folders of the repository and of the user.
fn places(files: &[Source], folders: &[String]) -> Vec<String> {
    let mut violations = Vec::new();
    for file in files {
        for (number, line) in file.lines() {
            if folders.iter().any(|folder| line.contains(folder.as_str())) {
                violations.push(file.at(number, "a path of one machine"));
            }
        }
    }
    violations
}

/// Tests that sleep instead of waiting for what they wait for.
fn sleeps(files: &[Source]) -> Vec<String> {
    let mark = ["sleep", "("].concat();
    let mut violations = Vec::new();
    for file in files {
        let script = file.path.starts_with("tests/") && !file.is_rust();
        let tests = match file.text.find("#[cfg(test)]") {
            _ if file.is_test() => file.text.as_str(),
            Some(at) if file.is_rust() => &file.text[at..],
            _ => continue,
        };
        let first = file.text.lines().count() - tests.lines().count();
        for (i, line) in tests.lines().enumerate() {
            let shell = script && line.starts_with(&format!("$ {}", &mark[..5]));
            let call = line
                .match_indices(&mark)
                .any(|(at, _)| !line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_'));
            if call || shell {
                violations.push(file.at(first + i + 1, "a test waits for events, not for time"));
            }
        }
    }
    violations
}

#[test]
fn references_to_rfcs_have_one_form() {
    none(references(&tree()));
}

#[test]
fn another_form_of_reference_is_found() {
    let rfc = ['R', 'F', 'C'].iter().collect::<String>();
    for bad in [
        "9051",
        "-9051",
        " 9051, section 6.3",
        " 9051 section 6.3",
        " 9051§6.3",
        " 9051, §6.3",
        " 9051 (section 6)",
        " 9051 6.3.13",
        " 9051 § 6.3",
    ] {
        let files = [Source::new("src/x.rs", &format!("\n/// See {rfc}{bad}.\n"))];
        caught(&references(&files), "src/x.rs:2:");
    }
    for good in [
        " 9051 §6.3.13",
        " 5321 §4.5.3.1.10",
        " 9051",
        "822.SIZE",
        " 6376 §A.2",
        "s",
    ] {
        none(references(&[Source::new(
            "src/x.rs",
            &format!("/// {rfc}{good}, or\n"),
        )]));
    }
}

#[test]
fn files_have_no_licence_headers() {
    none(licences(&tree()));
    let planted = Source::new("src/x.rs", "// Copyright 2001 Somebody\n//! Does x.\n");
    caught(&licences(&[planted]), "src/x.rs:1:");
}

#[test]
fn no_file_names_a_place_of_one_machine() {
    let top = top().canonicalize().unwrap();
    let repository = format!("{}/", top.display());
    let parent = format!("{}/", top.parent().unwrap().display());
    let home = std::env::var("HOME").unwrap_or_default();
    let home = format!("{}/", home.trim_end_matches('/'));
    // A folder right below the root, such as /tmp/ or /src/, is a place of every machine.
    let mut folders = vec![repository];
    folders.extend([parent].into_iter().filter(|p| p.matches('/').count() > 2));
    folders.extend([home].into_iter().filter(|h| h.len() > 1 && h != "/tmp/"));
    none(places(&tree(), &folders));
    let planted = Source::new("src/x.rs", &format!("\nlet p = \"{}x\";\n", folders[0]));
    caught(&places(&[planted], &folders), "src/x.rs:2:");
}

#[test]
fn tests_do_not_sleep() {
    none(sleeps(&tree()));
    let call = ["thread::sleep", "(second);"].concat();
    let module = format!("fn f() {{ {call} }}\n#[cfg(test)]\nmod tests {{\n{call}\n}}\n");
    caught(&sleeps(&[Source::new("src/x.rs", &module)]), "src/x.rs:4:");
    caught(
        &sleeps(&[Source::new("tests/x.rs", &call)]),
        "tests/x.rs:1:",
    );
    let script = ["time.sleep", "(1)\n"].concat();
    caught(
        &sleeps(&[Source::new("tests/clients/x.py", &script)]),
        "tests/clients/x.py:1:",
    );
    let transcript = ["$ sl", "eep 1\n"].concat();
    caught(
        &sleeps(&[Source::new("tests/x.txt", &transcript)]),
        "tests/x.txt:1:",
    );
}

/// `tests/transcripts.rs` runs what [`transcript::files`] finds: all of it has to be there.
#[test]
fn every_transcript_is_run() {
    let run = transcript::files(&top().join("tests"));
    let all: Vec<_> = tree()
        .into_iter()
        .filter(|file| file.path.starts_with("tests/") && file.path.ends_with(".txt"))
        .map(|file| top().join(file.path))
        .collect();
    assert_eq!(run, all);
}
