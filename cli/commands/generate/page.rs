//! A manual page in mdoc(7): prose by hand, and holes that are filled from the grammar.
//!
//! A line `@options@` becomes the options that every command has, `@commands@` the commands beneath
//! the page's own that have no page themselves, `@see@` the other pages.

use clap::{Arg, ArgAction, Command};
use mox::config::reference::Row;

/// Longest line of a page's source (mandoc(1), "style").
const WIDTH: usize = 78;

/// The page for a command, `mox-config-domain`.
pub(super) fn fill(template: &str, name: &str, grammar: &Command, pages: &[&str]) -> String {
    let mut page = String::new();
    for line in template.lines() {
        match line {
            "@see@" => see(&mut page, name, pages),
            "@options@" => options(&mut page, grammar.get_arguments()),
            "@commands@" => {
                page.push_str(".Bl -tag -width Ds\n");
                if let Some(node) = find(grammar, name) {
                    commands(&mut page, node, &name.replace('-', " "), pages);
                }
                page.push_str(".El\n");
            }
            _ => {
                page.push_str(line);
                page.push('\n');
            }
        }
    }
    page
}

/// The page of mox.toml: a line `@keys@` becomes all its keys.
pub(super) fn keys(template: &str, rows: &[Row], pages: &[&str]) -> String {
    let mut page = String::new();
    for line in template.lines() {
        if line == "@see@" {
            see(&mut page, "mox.toml", pages);
            continue;
        }
        if line != "@keys@" {
            page.push_str(line);
            page.push('\n');
            continue;
        }
        let mut listing = false;
        for row in rows {
            let name = row.key.rsplit('.').next().unwrap_or(&row.key);
            if row.header.is_empty() {
                if !std::mem::replace(&mut listing, true) {
                    page.push_str(".Bl -tag -width Ds\n");
                }
                page.push_str(&format!(".It Ic {name}\n"));
            } else {
                if std::mem::take(&mut listing) {
                    page.push_str(".El\n");
                }
                page.push_str(&format!(".Ss {}\n", row.header));
            }
            text(&mut page, &row.description);
            if row.header.is_empty() {
                let kind = row.kind[..1].to_uppercase() + &row.kind[1..];
                let otherwise = match (row.required, row.default.as_str()) {
                    (true, _) => " Required.".to_owned(),
                    (false, "") => String::new(),
                    (false, default) => format!(" By default {default}."),
                };
                text(&mut page, &format!("{kind}.{otherwise}"));
            }
        }
        if listing {
            page.push_str(".El\n");
        }
    }
    page
}

/// The other pages, by section and name.
fn see(page: &mut String, own: &str, pages: &[&str]) {
    let mut others: Vec<&str> = pages.iter().copied().filter(|name| *name != own).collect();
    others.sort_unstable();
    let mut names: Vec<String> = others.iter().map(|name| format!("{name} 1")).collect();
    if own != "mox.toml" {
        names.push("mox.toml 5".to_owned());
    }
    page.push_str(&format!(".Xr {}\n", names.join(" ,\n.Xr ")));
}

/// The command of a page.
fn find<'a>(grammar: &'a Command, page: &str) -> Option<&'a Command> {
    let mut node = grammar;
    for word in page.split('-').skip(1) {
        node = node.find_subcommand(word)?;
    }
    Some(node)
}

fn commands(page: &mut String, node: &Command, path: &str, pages: &[&str]) {
    for command in node.get_subcommands() {
        let path = format!("{path} {}", command.get_name());
        let has_page = pages.contains(&path.replace(' ', "-").as_str());
        if command.is_hide_set() || command.get_name() == "help" || has_page {
            continue;
        }
        if command.has_subcommands() {
            commands(page, command, &path, pages);
        } else {
            verb(page, command, &path);
        }
    }
}

/// One command: how it is written, what it does, its options and examples.
fn verb(page: &mut String, command: &Command, path: &str) {
    page.push_str(&format!(".It Xo\n.Nm {path}\n"));
    for arg in own(command) {
        page.push_str(&format!("{}\n", usage(arg)));
    }
    page.push_str(".Xc\n");
    let about = command.get_about().map(ToString::to_string);
    let long = command.get_long_about().map(ToString::to_string);
    text(page, &sentence(&long.or(about).unwrap_or_default()));
    let described: Vec<&Arg> = own(command).filter(|arg| !arg.is_positional()).collect();
    if !described.is_empty() {
        options(page, described.into_iter());
    }
    if let Some(examples) = command.get_after_help().map(ToString::to_string) {
        let lines = examples.lines().filter_map(|line| line.strip_prefix("  "));
        page.push_str(".Bd -literal -offset indent\n");
        for line in lines {
            page.push_str(&format!("{}\n", literal(line)));
        }
        page.push_str(".Ed\n");
    }
}

/// Without those that every command has.
fn own(command: &Command) -> impl Iterator<Item = &Arg> {
    command
        .get_arguments()
        .filter(|arg| !arg.is_global_set() && arg.get_id() != "help" && arg.get_id() != "version")
}

fn usage(arg: &Arg) -> String {
    let value = value_name(arg);
    match (arg.get_long(), arg.is_required_set()) {
        (Some(long), false) => format!(".Op {}", flag(arg, long)),
        (Some(long), true) => format!(".{}", flag(arg, long)),
        (None, true) => format!(".Ar {value}"),
        (None, false) => format!(".Op Ar {value}"),
    }
}

fn flag(arg: &Arg, long: &str) -> String {
    match arg.get_action() {
        ArgAction::Set | ArgAction::Append => format!("Fl -{long} Ar {}", value_name(arg)),
        _ => format!("Fl -{long}"),
    }
}

fn value_name(arg: &Arg) -> String {
    let names = arg.get_value_names().unwrap_or_default();
    match names.first() {
        Some(name) => name.to_string(),
        None => arg.get_id().to_string().to_uppercase(),
    }
}

fn options<'a>(page: &mut String, args: impl Iterator<Item = &'a Arg>) {
    page.push_str(".Pp\n.Bl -tag -width Ds -compact\n");
    for arg in args {
        let Some(long) = arg.get_long() else { continue };
        if arg.get_id() == "help" || arg.get_id() == "version" {
            continue;
        }
        page.push_str(&format!(".It {}\n", flag(arg, long)));
        let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
        text(page, &sentence(&help));
    }
    page.push_str(".El\n");
}

/// Paragraphs of plain text.
fn text(page: &mut String, text: &str) {
    for (i, paragraph) in text.split("\n\n").enumerate() {
        if i > 0 {
            page.push_str(".Pp\n");
        }
        // New sentences stand on new lines (mandoc(1), "style").
        let flat = paragraph.replace('\n', " ");
        for sentence in flat.split_inclusive(". ") {
            wrap(page, &literal(sentence.trim_end()));
        }
    }
}

/// Breaks a line where it grows longer than manual pages should be in source.
fn wrap(page: &mut String, line: &str) {
    let mut width = 0;
    for word in line.split(' ') {
        let length = word.chars().count();
        if width > 0 && width + 1 + length > WIDTH {
            page.push('\n');
            width = 0;
            if word.starts_with(['.', '\'']) {
                page.push_str("\\&");
            }
        }
        if width > 0 {
            page.push(' ');
            width += 1;
        }
        page.push_str(word);
        width += length;
    }
    page.push('\n');
}

/// Help texts have no period at the end of their first paragraph.
fn sentence(text: &str) -> String {
    text.split("\n\n")
        .map(|paragraph| match paragraph.ends_with(['.', ':']) {
            true => paragraph.to_owned(),
            false => format!("{paragraph}."),
        })
        .collect::<Vec<_>>()
        .join("\n\n")
}

/// Text that roff must not take for its own; words in backticks are quoted.
fn literal(line: &str) -> String {
    let mut out = String::new();
    let mut quoted = false;
    for c in line.chars() {
        match c {
            '\\' => out.push_str("\\e"),
            '`' => {
                out.push_str(if quoted { "\\(cq" } else { "\\(oq" });
                quoted = !quoted;
            }
            c => out.push(c),
        }
    }
    match out.starts_with(['.', '\'']) {
        true => format!("\\&{out}"),
        false => out,
    }
}
