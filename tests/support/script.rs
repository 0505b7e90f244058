//! The grammar of transcripts: one for the command line, SMTP and IMAP.
//!
//! | line | meaning |
//! |---|---|
//! | `# …` | a comment |
//! | `-- NAME --` | the lines up to the next step (or a line `--`) are a file of the sandbox |
//! | `-- NAME after --` | the file now has these lines |
//! | `$ COMMAND` | runs it with `sh -c`, in the sandbox, with `mox` on the path |
//! | `text`, `\| text` | a line that it prints; the bar is needed before a line that looks like a step |
//! | `! text` | a line that it prints on stderr |
//! | `? 3` | its exit status, if not 0 |
//! | `mox: init` | writes what `mox localserve` generates into `server/`, and uses it |
//! | `mox: serve [FILE]` | starts the server, with this mox.toml if one is given; `init` comes by itself |
//! | `mox: stop`, `mox: kill` | ends it, in order or with kill -9 |
//! | `mox: clock TIME` | from here on it is this time, RFC 3339, for the server and for commands |
//! | `c: connect imaps [cert=FILE]` | opens a connection named `c`; starts a server if none runs |
//! | `c: starttls [cert=FILE]` | the TLS handshake |
//! | `c: shutdown`, `c: close` | sends no more; leaves |
//! | `c> text` | sends the text and CRLF |
//! | `c>raw text` | sends the text; `\r \n \0 \t \\ \xHH` are bytes, nothing is added |
//! | `c>repeat N text` | the same N times |
//! | `c>file NAME` | sends a file of the sandbox as it is |
//! | `c>data NAME` | sends a file as SMTP data: CRLF, dots doubled, the final dot |
//! | `c>literal text < NAME` | sends the text with a literal's `{n}`, waits for `+`, sends the file with CRLF |
//! | `c< text` | the next line that comes |
//! | `c closed` | the server has closed the connection and sent nothing more |
//! | `c gone` | it has closed the connection, whatever came before that |
//!
//! In what is expected (also on stdout and stderr) `...` stands for any lines, as the last one of
//! a block for the rest of the answer; the holes in a line are those of [`super::pattern`]. In what
//! is sent, `${name}` is a bound name, `${IP}` or `${ROOT}`; commands have them in their environment.

use std::collections::BTreeSet;
use std::ops::Range;

/// One step of a transcript and the lines it stands on, counted from 0.
#[derive(Debug)]
pub struct Step {
    pub lines: Range<usize>,
    pub action: Action,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Action {
    File {
        name: String,
        content: String,
    },
    After {
        name: String,
        content: String,
    },
    Run {
        command: String,
        stdout: Vec<String>,
        stderr: Vec<String>,
        status: i32,
    },
    Init,
    Serve {
        config: Option<String>,
    },
    Stop,
    Kill,
    Clock {
        time: String,
    },
    Connect {
        client: String,
        service: String,
        identity: Option<String>,
    },
    StartTls {
        client: String,
        identity: Option<String>,
    },
    Shutdown {
        client: String,
    },
    Close {
        client: String,
    },
    Send {
        client: String,
        what: Sent,
    },
    Expect {
        client: String,
        lines: Vec<String>,
    },
    Closed {
        client: String,
        /// Whatever came before that.
        anyhow: bool,
    },
}

/// What a client sends; texts still have their `${name}`.
#[derive(Debug, PartialEq, Eq)]
pub enum Sent {
    Line(String),
    Raw(String),
    Repeat(usize, String),
    File(String),
    Data(String),
    Literal(String, String),
}

/// Reads a transcript; the error says in which line it went wrong.
pub fn parse(text: &str) -> Result<Vec<Step>, String> {
    let lines: Vec<&str> = text.lines().collect();
    let mut parser = Parser {
        lines: &lines,
        at: 0,
        clients: BTreeSet::new(),
        steps: Vec::new(),
    };
    while parser.at < lines.len() {
        let at = parser.at;
        parser.line().map_err(|e| format!("line {}: {e}", at + 1))?;
    }
    Ok(parser.steps)
}

/// Whether a line of output would be taken for something else, and needs a bar before it.
pub fn needs_bar(line: &str, clients: &BTreeSet<String>) -> bool {
    let marked = ["$ ", "! ", "? ", "#", "| ", "-- "];
    line.is_empty()
        || matches!(line, "|" | "!" | "--")
        || marked.iter().any(|m| line.starts_with(m))
        || control(line).is_some()
        || dialog(line, clients).is_some()
}

struct Parser<'a> {
    lines: &'a [&'a str],
    at: usize,
    /// Names that were connected so far: only they make a line one of a dialog.
    clients: BTreeSet<String>,
    steps: Vec<Step>,
}

impl Parser<'_> {
    fn line(&mut self) -> Result<(), String> {
        let line = self.lines[self.at];
        let start = self.at;
        if line.trim().is_empty() || line.starts_with('#') {
            self.at += 1;
        } else if let Some(name) = file_header(line) {
            self.file(name);
        } else if let Some(command) = line.strip_prefix("$ ") {
            self.command(command)?;
        } else if let Some((client, verb)) = control(line) {
            let action = self.control_action(client, verb)?;
            self.at += 1;
            self.push(start, action);
        } else if let Some((client, rest)) = dialog(line, &self.clients) {
            let (client, rest) = (client.to_owned(), rest.to_owned());
            self.dialog_step(client, &rest)?;
        } else {
            return Err(format!("neither a step nor the output of one: {line}"));
        }
        Ok(())
    }

    fn push(&mut self, start: usize, action: Action) {
        self.steps.push(Step {
            lines: start..self.at,
            action,
        });
    }

    fn file(&mut self, name: &str) {
        let start = self.at;
        self.at += 1;
        let mut content: Vec<&str> = Vec::new();
        while let Some(line) = self.lines.get(self.at) {
            if *line == "--" {
                self.at += 1;
                break;
            }
            if file_header(line).is_some() || line.starts_with("$ ") || control(line).is_some() {
                break;
            }
            if dialog(line, &self.clients).is_some() {
                break;
            }
            content.push(line);
            self.at += 1;
        }
        while content.last().is_some_and(|line| line.is_empty()) {
            content.pop();
        }
        let mut text = content.join("\n");
        if !text.is_empty() {
            text.push('\n');
        }
        let action = match name.strip_suffix(" after") {
            Some(name) => Action::After {
                name: name.to_owned(),
                content: text,
            },
            None => Action::File {
                name: name.to_owned(),
                content: text,
            },
        };
        self.push(start, action);
    }

    fn command(&mut self, command: &str) -> Result<(), String> {
        let start = self.at;
        self.at += 1;
        let (mut stdout, mut stderr, mut status) = (Vec::new(), Vec::new(), 0);
        while let Some(line) = self.lines.get(self.at) {
            if line.trim().is_empty() || line.starts_with('#') || line.starts_with("$ ") {
                break;
            }
            if let Some(text) = marked(line, '!') {
                stderr.push(text.to_owned());
            } else if let Some(text) = marked(line, '|') {
                stdout.push(text.to_owned());
            } else if let Some(code) = line.strip_prefix("? ") {
                status = code
                    .trim()
                    .parse()
                    .map_err(|_| format!("not an exit status: {code}"))?;
            } else if needs_bar(line, &self.clients) {
                break;
            } else {
                stdout.push((*line).to_owned());
            }
            self.at += 1;
        }
        self.push(
            start,
            Action::Run {
                command: command.to_owned(),
                stdout,
                stderr,
                status,
            },
        );
        Ok(())
    }

    fn control_action(&mut self, client: &str, verb: &str) -> Result<Action, String> {
        let mut words = verb.split_whitespace();
        let verb = words.next().unwrap_or_default();
        let words: Vec<&str> = words.collect();
        let client_name = client.to_owned();
        if client == "mox" {
            return match (verb, words.as_slice()) {
                ("init", []) => Ok(Action::Init),
                ("serve", []) => Ok(Action::Serve { config: None }),
                ("serve", [file]) => Ok(Action::Serve {
                    config: Some((*file).to_owned()),
                }),
                ("stop", []) => Ok(Action::Stop),
                ("kill", []) => Ok(Action::Kill),
                ("clock", [time]) => Ok(Action::Clock {
                    time: (*time).to_owned(),
                }),
                _ => Err(format!("mox: has no such step: {verb}")),
            };
        }
        if verb == "connect" {
            self.clients.insert(client_name.clone());
        } else if !self.clients.contains(client) {
            return Err(format!("{client} is not connected"));
        }
        let identity = |words: &[&str]| match words {
            [] => Ok(None),
            [word] => word
                .strip_prefix("cert=")
                .map(|file| Some(file.to_owned()))
                .ok_or_else(|| format!("unknown: {word}")),
            _ => Err("too many words".to_owned()),
        };
        match (verb, words.as_slice()) {
            ("connect", [service, rest @ ..]) => Ok(Action::Connect {
                client: client_name,
                service: (*service).to_owned(),
                identity: identity(rest)?,
            }),
            ("starttls", rest) => Ok(Action::StartTls {
                client: client_name,
                identity: identity(rest)?,
            }),
            ("shutdown", []) => Ok(Action::Shutdown {
                client: client_name,
            }),
            ("close", []) => Ok(Action::Close {
                client: client_name,
            }),
            _ => Err(format!("no such step of a connection: {verb}")),
        }
    }

    fn dialog_step(&mut self, client: String, rest: &str) -> Result<(), String> {
        let start = self.at;
        if rest == " closed" || rest == " gone" {
            let anyhow = rest == " gone";
            self.at += 1;
            self.push(start, Action::Closed { client, anyhow });
            return Ok(());
        }
        if let Some(text) = rest.strip_prefix('>') {
            let what = sent(text)?;
            self.at += 1;
            self.push(start, Action::Send { client, what });
            return Ok(());
        }
        // Lines in a row that one client expects are one block.
        let mut lines = Vec::new();
        while let Some((name, rest)) = self
            .lines
            .get(self.at)
            .and_then(|line| dialog(line, &self.clients))
        {
            let Some(text) = rest.strip_prefix('<').filter(|_| name == client) else {
                break;
            };
            lines.push(text.strip_prefix(' ').unwrap_or(text).to_owned());
            self.at += 1;
        }
        self.push(start, Action::Expect { client, lines });
        Ok(())
    }
}

fn sent(text: &str) -> Result<Sent, String> {
    if text.is_empty() {
        return Ok(Sent::Line(String::new()));
    }
    if let Some(line) = text.strip_prefix(' ') {
        return Ok(Sent::Line(line.to_owned()));
    }
    let (verb, rest) = text.split_once(' ').unwrap_or((text, ""));
    match verb {
        "raw" => Ok(Sent::Raw(rest.to_owned())),
        "repeat" => {
            let (count, text) = rest.split_once(' ').ok_or("repeat needs N and a text")?;
            let count = count
                .parse()
                .map_err(|_| format!("not a number: {count}"))?;
            Ok(Sent::Repeat(count, text.to_owned()))
        }
        "file" => Ok(Sent::File(rest.to_owned())),
        "data" => Ok(Sent::Data(rest.to_owned())),
        "literal" => {
            let (text, file) = rest
                .rsplit_once(" < ")
                .ok_or("literal needs a text, < and a file")?;
            Ok(Sent::Literal(text.to_owned(), file.to_owned()))
        }
        _ => Err(format!("no such way to send: >{verb}")),
    }
}

/// The text of a line that begins with this mark, which stands alone or before a space.
fn marked(line: &str, mark: char) -> Option<&str> {
    let rest = line.strip_prefix(mark)?;
    if rest.is_empty() {
        return Some(rest);
    }
    rest.strip_prefix(' ')
}

/// `-- NAME --`, also `-- NAME after --`.
fn file_header(line: &str) -> Option<&str> {
    let name = line.strip_prefix("-- ")?.strip_suffix(" --")?;
    (!name.trim().is_empty()).then_some(name)
}

/// `name: verb …`, if the verb is one of a connection's or the server's.
fn control(line: &str) -> Option<(&str, &str)> {
    let (name, rest) = line.split_once(": ")?;
    let verb = rest.split(' ').next()?;
    let known = match name {
        "mox" => &["init", "serve", "stop", "kill", "clock"][..],
        _ => &["connect", "starttls", "shutdown", "close"],
    };
    (is_name(name) && known.contains(&verb)).then_some((name, rest))
}

/// `c> …`, `c< …`, `c closed` or `c gone` for a name that was connected: the name and what follows it.
fn dialog<'a>(line: &'a str, clients: &BTreeSet<String>) -> Option<(&'a str, &'a str)> {
    let end = line.find(['>', '<', ' '])?;
    let (name, rest) = line.split_at(end);
    let known = is_name(name) && clients.contains(name);
    let fits = matches!(rest, " closed" | " gone") || rest.starts_with(['>', '<']);
    (known && fits).then_some((name, rest))
}

fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
}
