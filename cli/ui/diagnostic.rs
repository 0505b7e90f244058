//! A problem of the configuration: where, the line with a caret, and what might be meant.

use std::io::{self, Write};

use mox::diag::Diagnostic;

use super::{ERROR, HINT, clean};

/// Writes one problem.
///
/// ```text
/// error: mox.toml:3:1: unknown key "hostnam" (server.hostnam)
///   3 | hostnam = "mail.example.org"
///     | ^^^^^^^
/// hint: did you mean hostname?
/// ```
pub(super) fn write(out: &mut impl Write, problem: &Diagnostic) -> io::Result<()> {
    write!(out, "{ERROR}error:{ERROR:#} ")?;
    if let Some(place) = &problem.position {
        let file = clean(&place.file);
        write!(out, "{file}:{}:{}: ", place.line, place.column)?;
    }
    write!(out, "{}", clean(&problem.message))?;
    match problem.path.is_empty() {
        true => writeln!(out)?,
        false => writeln!(out, " ({})", clean(&problem.path))?,
    }
    if let Some(place) = &problem.position {
        let number = place.line.to_string();
        let margin = " ".repeat(number.len());
        // Tabs stay one character wide, so that the caret stands where it should.
        let line = clean(&place.text.replace('\t', " "));
        let before = " ".repeat(place.column.saturating_sub(1));
        let carets = "^".repeat(place.width.clamp(1, place.text.chars().count().max(1)));
        writeln!(out, "  {number} | {line}")?;
        writeln!(out, "  {margin} | {before}{ERROR}{carets}{ERROR:#}")?;
    }
    if !problem.hint.is_empty() {
        writeln!(out, "{HINT}hint:{HINT:#} {}", clean(&problem.hint))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use mox::diag::Position;

    use super::*;

    #[test]
    fn the_caret_stands_under_the_place() {
        let problem = Diagnostic {
            code: "key.unknown".to_owned(),
            path: "server.hostnam".to_owned(),
            position: Some(Position {
                file: "mox.toml".to_owned(),
                line: 13,
                column: 2,
                width: 7,
                text: "\thostnam = \"x\"".to_owned(),
            }),
            message: "unknown key \"hostnam\"".to_owned(),
            hint: "did you mean hostname?".to_owned(),
        };
        let mut text = Vec::new();
        write(&mut anstream::StripStream::new(&mut text), &problem).unwrap();
        assert_eq!(
            String::from_utf8(text).unwrap(),
            concat!(
                "error: mox.toml:13:2: unknown key \"hostnam\" (server.hostnam)\n",
                "  13 |  hostnam = \"x\"\n",
                "     |  ^^^^^^^\n",
                "hint: did you mean hostname?\n",
            )
        );
    }
}
