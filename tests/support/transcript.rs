//! Running a transcript against a server of its own; [`super::script`] has the grammar.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::client::{self, Client, NoLine};
use super::instance::{Instance, Service};
use super::pattern::{self, Names};
use super::process;
use super::script::{self, Action, Sent};

/// In `UPDATE=1` runs, how long silence has to last to count as the end of an answer.
const SILENCE: Duration = Duration::from_millis(700);

/// All transcripts below this folder, sorted.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "txt") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// Runs the transcript's text in the sandbox. With `update`, what came replaces what was expected
/// and the new text is returned; without, any difference is an error.
pub fn run(text: &str, instance: &mut Instance, update: bool) -> Result<String, String> {
    let steps = script::parse(text)?;
    let acts = |step: &script::Step| !matches!(step.action, Action::File { .. });
    if !steps.iter().any(acts) {
        return Err("no step in it does anything".to_owned());
    }
    let names = Names::from([
        ("ROOT".to_owned(), instance.root().display().to_string()),
        ("IP".to_owned(), instance.ip().to_string()),
    ]);
    let mut runner = Runner {
        instance,
        names,
        clients: BTreeMap::new(),
        update,
        edits: Vec::new(),
    };
    for step in &steps {
        runner
            .step(step)
            .map_err(|e| format!("line {}: {e}", step.lines.start + 1))?;
    }
    for (name, dialog) in &runner.clients {
        if dialog.client.has_unread() && !update {
            return Err(format!("at the end {name} had lines that nobody expected"));
        }
    }
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for (range, new) in runner.edits.into_iter().rev() {
        lines.splice(range, new);
    }
    Ok(lines.join("\n") + "\n")
}

struct Runner<'a> {
    instance: &'a mut Instance,
    names: Names,
    clients: BTreeMap<String, Dialog>,
    update: bool,
    /// Lines to replace, in order.
    edits: Vec<(Range<usize>, Vec<String>)>,
}

struct Dialog {
    client: Client,
    imap: bool,
    /// The tag of the IMAP command sent last.
    tag: String,
}

impl Runner<'_> {
    fn step(&mut self, step: &script::Step) -> Result<(), String> {
        match &step.action {
            Action::File { name, content } => self.write(name, content),
            Action::After { name, content } => self.compare_file(step, name, content),
            Action::Run {
                command,
                stdout,
                stderr,
                status,
            } => self.command(step, command, [stdout, stderr], *status),
            Action::Init => self.instance.init(),
            Action::Serve { config } => {
                if let Some(file) = config {
                    self.instance.set_config(file);
                }
                self.serve()
            }
            Action::Stop => self.instance.stop(),
            Action::Clock { time } => self.instance.set_clock(time),
            Action::Kill => {
                self.instance.kill();
                Ok(())
            }
            Action::Connect {
                client,
                service,
                identity,
            } => self.connect(client, service, identity.as_deref()),
            Action::StartTls { client, identity } => {
                let identity = identity.as_ref().map(|file| self.path(file));
                let dialog = self.dialog(client)?;
                if dialog.client.has_unread() {
                    return Err("lines before the handshake that nobody expected".to_owned());
                }
                dialog.client.start_tls(identity.as_deref())
            }
            Action::Shutdown { client } => {
                self.dialog(client)?.client.shutdown();
                Ok(())
            }
            Action::Close { client } => {
                self.clients.remove(client);
                Ok(())
            }
            Action::Send { client, what } => self.send(client, what),
            Action::Expect { client, lines } => self.expect(step, client, lines),
            Action::Closed { client, anyhow } => self.closed(client, *anyhow),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.instance.root().join(name)
    }

    fn dialog(&mut self, client: &str) -> Result<&mut Dialog, String> {
        self.clients
            .get_mut(client)
            .ok_or_else(|| format!("{client} is not connected any more"))
    }

    fn serve(&mut self) -> Result<(), String> {
        if self.instance.config().is_none() {
            self.instance.init()?;
        }
        self.instance.serve()
    }

    fn write(&self, name: &str, content: &str) -> Result<(), String> {
        let path = self.path(name);
        let content = pattern::fill(content, &self.names)?;
        let folder = path.parent().unwrap_or(&path);
        fs::create_dir_all(folder)
            .and_then(|()| fs::write(&path, content))
            .map_err(|e| format!("write {name}: {e}"))
    }

    fn read(&self, name: &str) -> Result<Vec<u8>, String> {
        fs::read(self.path(name)).map_err(|e| format!("read {name}: {e}"))
    }

    fn compare_file(
        &mut self,
        step: &script::Step,
        name: &str,
        content: &str,
    ) -> Result<(), String> {
        let actual = lines_of(&self.read(name)?);
        let expected: Vec<String> = content.lines().map(str::to_owned).collect();
        if block_fits(&expected, &actual, &mut self.names) {
            return Ok(());
        }
        if !self.update {
            return Err(difference(name, &expected, &actual));
        }
        let mut new = vec![format!("-- {name} after --")];
        new.extend(merged(&expected, &actual, &mut self.names));
        new.push("--".to_owned());
        self.edits.push((step.lines.clone(), new));
        Ok(())
    }

    fn command(
        &mut self,
        step: &script::Step,
        command: &str,
        [stdout, stderr]: [&Vec<String>; 2],
        status: i32,
    ) -> Result<(), String> {
        let mut shell = self.instance.program("/bin/sh");
        shell.args(["-c", command]).envs(&self.names);
        let output = process::run(&mut shell, b"")?;
        let (out, err) = (lines_of(&output.stdout), lines_of(&output.stderr));
        let fits = block_fits(stdout, &out, &mut self.names)
            && block_fits(stderr, &err, &mut self.names)
            && output.code() == status;
        if fits {
            return Ok(());
        }
        if !self.update {
            let mut report = format!("$ {command}\n");
            if !block_fits(stdout, &out, &mut self.names.clone()) {
                report += &difference("stdout", stdout, &out);
            }
            if !block_fits(stderr, &err, &mut self.names.clone()) {
                report += &difference("stderr", stderr, &err);
            }
            if output.code() != status {
                report += &format!("exit status {}, expected {status}\n", output.code());
                report += &difference("all of stderr", &Vec::new(), &err);
            }
            return Err(report);
        }
        let clients: BTreeSet<String> = self.clients.keys().cloned().collect();
        let mut new = vec![format!("$ {command}")];
        for line in merged(stdout, &out, &mut self.names) {
            match line.as_str() {
                "" => new.push("|".to_owned()),
                text if script::needs_bar(text, &clients) => new.push(format!("| {text}")),
                _ => new.push(line),
            }
        }
        for line in merged(stderr, &err, &mut self.names) {
            new.push(format!("! {line}").trim_end().to_owned());
        }
        if output.code() != 0 {
            new.push(format!("? {}", output.code()));
        }
        self.edits.push((step.lines.clone(), new));
        Ok(())
    }

    fn connect(
        &mut self,
        client: &str,
        service: &str,
        identity: Option<&str>,
    ) -> Result<(), String> {
        let service = Service::parse(service).ok_or_else(|| format!("no service {service}"))?;
        if !self.instance.is_serving() && !self.instance.has_fakes() {
            self.serve()?;
        }
        let identity = identity.map(|file| self.path(file));
        let address = self.instance.address(service);
        let dialog = Dialog {
            client: Client::connect(address, service.tls(), identity.as_deref())?,
            imap: matches!(service, Service::Imap | Service::Imaps),
            tag: String::new(),
        };
        self.clients.insert(client.to_owned(), dialog);
        Ok(())
    }

    fn send(&mut self, client: &str, what: &Sent) -> Result<(), String> {
        let (text, checked) = match what {
            Sent::Line(text) => {
                let line = pattern::fill(text, &self.names)?;
                let dialog = self.dialog(client)?;
                line.split(' ')
                    .next()
                    .unwrap_or_default()
                    .clone_into(&mut dialog.tag);
                (format!("{line}\r\n").into_bytes(), true)
            }
            Sent::Raw(text) => (bytes_of(&pattern::fill(text, &self.names)?)?, false),
            Sent::Repeat(count, text) => (bytes_of(text)?.repeat(*count), false),
            Sent::File(name) => (self.read(name)?, false),
            Sent::Data(name) => (as_data(&self.read(name)?), true),
            Sent::Literal(text, name) => {
                let line = pattern::fill(text, &self.names)?;
                return self.literal(client, &line, &with_crlf(&self.read(name)?));
            }
        };
        let sent = self.dialog(client)?.client.send(&text);
        if checked {
            sent.map_err(|e| format!("send: {e}"))?;
        }
        // Elsewhere a server may well hang up in the middle; what it says then is expected next.
        Ok(())
    }

    fn literal(&mut self, client: &str, line: &str, bytes: &[u8]) -> Result<(), String> {
        let dialog = self.dialog(client)?;
        line.split(' ')
            .next()
            .unwrap_or_default()
            .clone_into(&mut dialog.tag);
        let command = format!("{line} {{{}}}\r\n", bytes.len());
        let sent = dialog.client.send(command.as_bytes());
        sent.map_err(|e| format!("send: {e}"))?;
        let answer = dialog.client.line().map_err(|e| e.to_string())?;
        if !answer.starts_with(b"+") {
            return Err(format!("expected +, got: {}", client::shown(&answer)));
        }
        let sent = dialog.client.send(&[bytes, b"\r\n"].concat());
        sent.map_err(|e| format!("send: {e}"))
    }

    fn expect(
        &mut self,
        step: &script::Step,
        client: &str,
        expected: &[String],
    ) -> Result<(), String> {
        let update = self.update;
        let mut names = self.names.clone();
        let dialog = self.dialog(client)?;
        let mut seen = Vec::new();
        let Err(problem) = dialog.compare(expected, &mut seen, &mut names) else {
            self.names = names;
            return Ok(());
        };
        dialog.client.set_patience(SILENCE);
        while let Ok(line) = dialog.client.line() {
            seen.push(client::shown(&line));
        }
        dialog.client.set_patience(client::PATIENCE);
        if !update {
            return Err(format!(
                "{problem}\n{}",
                difference(client, expected, &seen)
            ));
        }
        let new = merged(expected, &seen, &mut self.names)
            .into_iter()
            .map(|line| format!("{client}< {line}").trim_end().to_owned())
            .collect();
        self.edits.push((step.lines.clone(), new));
        Ok(())
    }

    fn closed(&mut self, client: &str, anyhow: bool) -> Result<(), String> {
        loop {
            match self.dialog(client)?.client.line() {
                Ok(_) if anyhow => {}
                Err(NoLine::Closed(rest)) if anyhow || rest.is_empty() => break,
                Err(why) => return Err(format!("expected the end of the connection: {why}")),
                Ok(line) => {
                    let line = client::shown(&line);
                    return Err(format!("expected the end of the connection, got: {line}"));
                }
            }
        }
        self.clients.remove(client);
        Ok(())
    }
}

impl Dialog {
    /// Reads as many lines as are expected; those read are in `seen`, also after an error.
    fn compare(
        &mut self,
        expected: &[String],
        seen: &mut Vec<String>,
        names: &mut Names,
    ) -> Result<(), String> {
        let mut skipping = false;
        for (i, wanted) in expected.iter().enumerate() {
            if wanted == "..." {
                skipping = true;
                if i + 1 == expected.len() {
                    return self.skip_answer(seen);
                }
                continue;
            }
            loop {
                let line = self.client.line().map_err(|e| e.to_string())?;
                let line = client::shown(&line);
                seen.push(line.clone());
                if pattern::fits(wanted, &line, names) {
                    break;
                }
                if !skipping {
                    return Err(format!("expected: {wanted}\n     got: {line}"));
                }
                // Many SMTP answers may come in a row; a tag ends all that a command is answered.
                if self.imap && self.ends_answer(&line) {
                    return Err(format!("expected: {wanted}\nthe answer ended: {line}"));
                }
            }
            skipping = false;
        }
        Ok(())
    }

    fn skip_answer(&mut self, seen: &mut Vec<String>) -> Result<(), String> {
        loop {
            let line = self.client.line().map_err(|e| e.to_string())?;
            let line = client::shown(&line);
            seen.push(line.clone());
            if self.ends_answer(&line) {
                return Ok(());
            }
        }
    }

    fn ends_answer(&self, line: &str) -> bool {
        if self.imap {
            let first = line.split(' ').next().unwrap_or_default();
            return first == "+" || first == self.tag;
        }
        let bytes = line.as_bytes();
        bytes.len() >= 3 && bytes[..3].iter().all(u8::is_ascii_digit) && bytes.get(3) != Some(&b'-')
    }
}

/// Whether lines fit expected ones, in which `...` stands for any number of lines.
fn block_fits(expected: &[String], actual: &[String], names: &mut Names) -> bool {
    let Some((first, others)) = expected.split_first() else {
        return actual.is_empty();
    };
    if first == "..." {
        return (0..=actual.len()).any(|n| {
            let mut bound = names.clone();
            let fits = block_fits(others, &actual[n..], &mut bound);
            if fits {
                *names = bound;
            }
            fits
        });
    }
    let Some((line, rest)) = actual.split_first() else {
        return false;
    };
    let mut bound = names.clone();
    let fits = pattern::fits(first, line, &mut bound) && block_fits(others, rest, &mut bound);
    if fits {
        *names = bound;
    }
    fits
}

/// What came, as patterns; a pattern that still fits its line is kept.
fn merged(old: &[String], actual: &[String], names: &mut Names) -> Vec<String> {
    let mut rest = old;
    let mut new = Vec::new();
    for line in actual {
        let kept = rest
            .iter()
            .position(|p| p != "..." && pattern::fits(p, line, &mut names.clone()));
        match kept {
            Some(at) => {
                pattern::fits(&rest[at], line, names);
                new.push(rest[at].clone());
                rest = &rest[at + 1..];
            }
            None => new.push(pattern::of_line(line, names)),
        }
    }
    new
}

fn difference(what: &str, expected: &[String], actual: &[String]) -> String {
    let listed =
        |lines: &[String]| -> String { lines.iter().map(|line| format!("    {line}\n")).collect() };
    format!(
        "{what}, expected:\n{}{what}, came:\n{}",
        listed(expected),
        listed(actual)
    )
}

fn lines_of(bytes: &[u8]) -> Vec<String> {
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    if bytes.is_empty() {
        return Vec::new();
    }
    bytes.split(|b| *b == b'\n').map(client::shown).collect()
}

/// A text with escapes as bytes.
fn bytes_of(text: &str) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        bytes.push(match rest.next() {
            Some(b'r') => b'\r',
            Some(b'n') => b'\n',
            Some(b't') => b'\t',
            Some(b'0') => 0,
            Some(b'\\') => b'\\',
            Some(b'x') => {
                let mut digit = || rest.next().and_then(|b| char::from(b).to_digit(16));
                match (digit(), digit()) {
                    (Some(high), Some(low)) => u8::try_from(high * 16 + low).unwrap_or_default(),
                    _ => return Err("\\x needs two hexadecimal digits".to_owned()),
                }
            }
            _ => return Err("no such escape".to_owned()),
        });
    }
    Ok(bytes)
}

/// Lines ended by LF as lines ended by CRLF.
fn with_crlf(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for line in bytes.split_inclusive(|b| *b == b'\n') {
        match line.strip_suffix(b"\n") {
            Some(line) => {
                out.extend_from_slice(line);
                out.extend_from_slice(b"\r\n");
            }
            None => out.extend_from_slice(line),
        }
    }
    out
}

/// A file as the data of an SMTP transaction (RFC 5321 §4.5.2).
fn as_data(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for line in with_crlf(bytes).split_inclusive(|b| *b == b'\n') {
        if line.starts_with(b".") {
            out.push(b'.');
        }
        out.extend_from_slice(line);
    }
    out.extend_from_slice(b".\r\n");
    out
}
