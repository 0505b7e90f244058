//! All that is printed is printed here: text for people, tab-separated records for pipes, JSON.

mod diagnostic;
mod progress;
mod text;

use std::io::{self, IsTerminal, Read, Write};
use std::process::ExitCode;

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};
use comfy_table::{ContentArrangement, Table, presets};
use mox::diag::Diagnostic;
use serde::Serialize;

use crate::error::Error;

pub(crate) use text::{ago, clean, span};

const BOLD: Style = Style::new().bold();
const ERROR: Style = AnsiColor::Red.on_default().bold();
const HINT: Style = AnsiColor::Cyan.on_default().bold();
const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default();

/// `--color`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// Where and how to print.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ui {
    json: bool,
    color: ColorChoice,
    /// Whether people read our results.
    terminal: bool,
}

/// No table fits into less.
const NARROW: u16 = 20;
/// Of tables on terminals that do not say.
const WIDTH: u16 = 80;
/// A longest line of a password or an answer.
const LINE: u64 = 64 << 10;

impl Ui {
    pub(crate) fn new(json: bool, color: Color) -> Ui {
        Ui {
            json,
            color: match color {
                Color::Auto => ColorChoice::Auto,
                Color::Always => ColorChoice::Always,
                Color::Never => ColorChoice::Never,
            },
            terminal: io::stdout().is_terminal(),
        }
    }

    /// Whether results are JSON.
    pub(crate) fn json(&self) -> bool {
        self.json
    }

    /// Whether results go to a terminal as text.
    pub(crate) fn for_people(&self) -> bool {
        self.terminal && !self.json
    }

    /// A result: text with its lines' ends, or its JSON.
    pub(crate) fn result(&self, text: &str, json: &impl Serialize) -> Result<(), Error> {
        if self.json {
            return self.value(json);
        }
        self.out(text)
    }

    /// A list: a table on a terminal, else one record a line, tab-separated, without header.
    pub(crate) fn list(
        &self,
        header: &[&str],
        rows: &[Vec<String>],
        json: &impl Serialize,
    ) -> Result<(), Error> {
        if self.json {
            return self.value(json);
        }
        if self.terminal {
            return self.out(&table(header, rows));
        }
        let mut text = String::new();
        for row in rows {
            let cells: Vec<String> = row.iter().map(|cell| clean(cell)).collect();
            text.push_str(&cells.join("\t"));
            text.push('\n');
        }
        self.out(&text)
    }

    /// One thing with names for its facts: lines on a terminal, else tab-separated.
    pub(crate) fn facts(
        &self,
        facts: &[(&str, String)],
        json: &impl Serialize,
    ) -> Result<(), Error> {
        if self.json {
            return self.value(json);
        }
        let width = facts.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        let mut text = String::new();
        for (name, value) in facts {
            let value = clean(value);
            match self.terminal {
                true => text.push_str(&format!("{BOLD}{name:width$}{BOLD:#}  {value}\n")),
                false => text.push_str(&format!("{name}\t{value}\n")),
            }
        }
        self.out(&text)
    }

    /// A table beneath other text, for people only.
    pub(crate) fn table(&self, header: &[&str], rows: &[Vec<String>]) -> Result<(), Error> {
        match rows.is_empty() || !self.for_people() {
            true => Ok(()),
            false => self.out(&table(header, rows)),
        }
    }

    /// A unified diff, coloured on a terminal.
    pub(crate) fn diff(&self, diff: &str) -> Result<(), Error> {
        let mut text = String::new();
        for line in diff.lines() {
            let style = match line.as_bytes().first() {
                Some(b'+') => GOOD,
                Some(b'-') => BAD,
                _ => Style::new(),
            };
            text.push_str(&format!("{style}{line}{style:#}\n"));
        }
        self.out(&text)
    }

    /// A file of its own that is JSON whatever was asked for, laid out for reading.
    pub(crate) fn document(&self, value: &impl Serialize) -> Result<(), Error> {
        let text = serde_json::to_string_pretty(value);
        let text = text.map_err(|e| Error::failed(format!("write JSON: {e}")))?;
        self.out(&format!("{text}\n"))
    }

    /// Bytes that are a file of their own: completions, man pages.
    pub(crate) fn raw(&self, bytes: &[u8]) -> Result<(), Error> {
        let mut out = io::stdout().lock();
        out.write_all(bytes)
            .and_then(|()| out.flush())
            .map_err(unwritten)
    }

    /// A remark for people; not part of the result.
    pub(crate) fn note(&self, text: &str) {
        let _ = writeln!(self.err(), "{HINT}note:{HINT:#} {}", clean(text));
    }

    /// Says why the command failed: the last that is printed.
    pub(crate) fn fail(&self, error: &Error) -> ExitCode {
        let _ = match self.json {
            true => {
                let (message, problems) = (error.to_string(), error.diagnostics());
                let line = error_json(error.code(), &message, error.hint(), problems);
                writeln!(self.err(), "{line}")
            }
            false => self.error_text(error),
        };
        ExitCode::from(error.exit_code())
    }

    fn error_text(&self, error: &Error) -> io::Result<()> {
        let mut err = self.err();
        let problems = error.diagnostics();
        for problem in problems {
            diagnostic::write(&mut err, problem)?;
        }
        if problems.is_empty() {
            writeln!(err, "{ERROR}error:{ERROR:#} {}", clean(&error.to_string()))?;
        }
        if !error.hint().is_empty() {
            writeln!(err, "{HINT}hint:{HINT:#} {}", clean(error.hint()))?;
        }
        Ok(())
    }

    /// Asks before something is destroyed. Only who sits at a terminal is asked: scripts are sure.
    pub(crate) fn confirm(&self, question: &str) -> Result<bool, Error> {
        if !io::stdin().is_terminal() {
            return Ok(true);
        }
        write!(self.err(), "{} [y/N] ", clean(question))
            .and_then(|()| io::stderr().flush())
            .map_err(Error::io("write to the terminal"))?;
        let answer = read_line()?;
        Ok(matches!(answer.trim(), "y" | "Y" | "yes" | "Yes"))
    }

    /// Whether somebody can be asked.
    pub(crate) fn can_ask(&self) -> bool {
        io::stdin().is_terminal()
    }

    /// All of stdin, which has to come from a file or another program.
    pub(crate) fn input(&self, what: &str, limit: u64) -> Result<Vec<u8>, Error> {
        if self.can_ask() {
            return Err(Error::Usage(format!(
                "{what} is read from stdin, which is a terminal: use < FILE"
            )));
        }
        let mut bytes = Vec::new();
        io::stdin()
            .lock()
            .take(limit + 1)
            .read_to_end(&mut bytes)
            .map_err(Error::io("read stdin"))?;
        match bytes.len() as u64 > limit {
            true => Err(Error::Usage(format!("{what} is larger than {limit} bytes"))),
            false => Ok(bytes),
        }
    }

    /// A new password: typed twice without echo, or one line from stdin.
    pub(crate) fn new_password(&self, whose: &str) -> Result<String, Error> {
        if !self.can_ask() {
            return read_line();
        }
        let ask = |prompt: String| {
            rpassword::prompt_password(prompt).map_err(Error::io("read the password"))
        };
        quietly(|| {
            let first = ask(format!("New password for {}: ", clean(whose)))?;
            if ask("Again: ".to_owned())? != first {
                return Err(Error::Usage("the two passwords differ".to_owned()));
            }
            Ok(first)
        })
    }

    fn value(&self, value: &impl Serialize) -> Result<(), Error> {
        let text = match self.terminal {
            true => serde_json::to_string_pretty(value),
            false => serde_json::to_string(value),
        };
        let text = text.map_err(|e| Error::failed(format!("write JSON: {e}")))?;
        self.out(&format!("{text}\n"))
    }

    fn out(&self, text: &str) -> Result<(), Error> {
        let mut out = AutoStream::new(io::stdout().lock(), self.color);
        out.write_all(text.as_bytes())
            .and_then(|()| out.flush())
            .map_err(unwritten)
    }

    fn err(&self) -> AutoStream<io::StderrLock<'static>> {
        AutoStream::new(io::stderr().lock(), self.color)
    }
}

/// Says what is wrong with the arguments, as clap does it, or as JSON where that was asked for.
pub(crate) fn refuse_arguments(wrong: &clap::Error) -> ExitCode {
    let json = std::env::args_os().any(|arg| arg == "--json");
    if json && wrong.use_stderr() {
        let text = wrong.to_string();
        let mut paragraphs = text.split("\n\n");
        let line = |text: Option<&str>| text.unwrap_or_default().trim().replace('\n', " ");
        let message = line(paragraphs.next());
        let next = line(paragraphs.next());
        let message = message.strip_prefix("error: ").unwrap_or(&message);
        let hint = next.strip_prefix("tip: ").unwrap_or_default();
        let line = error_json("usage", message, hint, &[]);
        let _ = writeln!(io::stderr(), "{line}");
    } else {
        let _ = wrong.print();
    }
    ExitCode::from(u8::try_from(wrong.exit_code()).unwrap_or(2))
}

/// An error as JSON; the order of the keys is that of the documentation.
#[derive(Serialize)]
struct ErrorJson<'a> {
    error: ErrorObject<'a>,
}

#[derive(Serialize)]
struct ErrorObject<'a> {
    code: &'a str,
    message: &'a str,
    hint: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    diagnostics: &'a [Diagnostic],
}

fn error_json(code: &str, message: &str, hint: &str, diagnostics: &[Diagnostic]) -> String {
    let error = ErrorObject {
        code,
        message,
        hint,
        diagnostics,
    };
    serde_json::to_string(&ErrorJson { error }).unwrap_or_default()
}

fn table(header: &[&str], rows: &[Vec<String>]) -> String {
    let mut table = Table::new();
    table
        .load_style(presets::UTF8_NO_BORDERS)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(header.iter().map(|name| name.to_uppercase()));
    // Some terminals do not know how wide they are, and say 0.
    if table.width().is_some_and(|width| width < NARROW) {
        table.set_width(WIDTH);
    }
    for row in rows {
        table.add_row(row.iter().map(|cell| clean(cell)));
    }
    format!("{}\n", table.trim_fmt())
}

/// Without echo from before the prompt on: who is quick to answer is not shown either.
fn quietly<T>(ask: impl FnOnce() -> T) -> T {
    use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
    let terminal = io::stdin();
    let before = tcgetattr(&terminal).ok();
    if let Some(before) = &before {
        let mut quiet = before.clone();
        quiet.local_modes.remove(LocalModes::ECHO);
        let _ = tcsetattr(&terminal, OptionalActions::Now, &quiet);
    }
    let answer = ask();
    if let Some(before) = &before {
        let _ = tcsetattr(&terminal, OptionalActions::Now, before);
    }
    answer
}

/// One line of stdin without its end.
fn read_line() -> Result<String, Error> {
    use io::BufRead;
    let mut line = String::new();
    io::stdin()
        .lock()
        .take(LINE)
        .read_line(&mut line)
        .map_err(Error::io("read stdin"))?;
    let line = line.strip_suffix('\n').unwrap_or(&line);
    Ok(line.strip_suffix('\r').unwrap_or(line).to_owned())
}

fn unwritten(error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::BrokenPipe => Error::ReaderGone,
        _ => Error::failed(format!("write to stdout: {error}")),
    }
}
