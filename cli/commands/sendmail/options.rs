//! The options of sendmail, as programs have used them for forty years: single letters, values attached
//! or behind, and many that mean nothing here.

use std::ffi::OsString;
use std::path::PathBuf;

use mox::smtp::{BodyType, DsnReturn, Notify, Xtext};

use super::{refuse, status};
use crate::error::Error;

/// What was asked for.
#[derive(Debug, Default, Clone, PartialEq)]
pub(super) struct Options {
    /// -t: recipients stand in the message.
    pub(super) read_recipients: bool,
    /// -i, -oi: a lone dot is text.
    pub(super) dots_are_text: bool,
    /// -F: the author's name.
    pub(super) name: Option<String>,
    /// -f, -r: who bounces go to.
    pub(super) sender: Option<String>,
    /// -v: say what was done.
    pub(super) verbose: bool,
    /// -B.
    pub(super) body: Option<BodyType>,
    /// -N.
    pub(super) notify: Option<Notify>,
    /// -R.
    pub(super) ret: Option<DsnReturn>,
    /// -V.
    pub(super) envid: Option<Xtext>,
    /// --sendmail-config.
    pub(super) config: Option<PathBuf>,
    /// --help.
    pub(super) help: bool,
    pub(super) recipients: Vec<String>,
}

pub(super) const HELP: &str = "\
Hands the message on stdin to the server that sendmail.toml names.

Usage: mox sendmail [-t] [-i] [-F NAME] [-f ADDRESS] [-v] [--sendmail-config FILE] [RECIPIENT...]

  -t             Read recipients from To, Cc and Bcc too
  -i, -oi        A line with a single dot does not end the message
  -F NAME        Name of the author, where the message has none
  -f, -r ADDRESS Who the message is from, for bounces
  -B TYPE        7BIT or 8BITMIME
  -N WHEN        Notify the sender: never, or success, failure, delay
  -R WHAT        What notifications have in them: full or hdrs
  -V ID          Envelope id for notifications
  -v             Say what was done
  --sendmail-config FILE
                 The configuration file; `mox config describe-sendmail` describes it

Other options of sendmail are taken and mean nothing. See mox-sendmail(1).
";

/// Letters with a value, attached or behind.
const WITH_VALUE: &str = "BCFfhLNOoprRVX";

impl Options {
    pub(super) fn parse(arguments: Vec<OsString>) -> Result<Options, Error> {
        let mut options = Options::default();
        let mut rest = arguments.into_iter();
        let wrong = |what: String| refuse(status::USAGE, what);
        while let Some(argument) = rest.next() {
            let text = argument
                .into_string()
                .map_err(|bytes| wrong(format!("{bytes:?} is not text")))?;
            if let Some(long) = text.strip_prefix("--") {
                let (name, value) = match long.split_once('=') {
                    Some((name, value)) => (name, Some(value.to_owned())),
                    None => (long, None),
                };
                match name {
                    "" => {
                        let texts = rest.by_ref().map(OsString::into_string);
                        let texts = texts.collect::<Result<Vec<_>, _>>();
                        let texts = texts.map_err(|bytes| wrong(format!("{bytes:?} is not text")));
                        options.recipients.extend(texts?);
                    }
                    "help" => options.help = true,
                    "sendmail-config" => {
                        let value = match value {
                            Some(value) => Some(OsString::from(value)),
                            None => rest.next(),
                        };
                        let value = value.filter(|value| !value.is_empty());
                        let file = value
                            .ok_or_else(|| wrong("--sendmail-config needs a file".to_owned()))?;
                        options.config = Some(file.into());
                    }
                    _ => return Err(wrong(format!("unknown option --{name}"))),
                }
                continue;
            }
            let Some(letters) = text.strip_prefix('-').filter(|letters| !letters.is_empty()) else {
                options.recipients.push(text);
                continue;
            };
            let mut letters = letters.chars();
            while let Some(letter) = letters.next() {
                if matches!(letter, 'b' | 'q' | 'I') {
                    options.mode(letter, letters.as_str())?;
                    break;
                }
                if !WITH_VALUE.contains(letter) {
                    options.switch(letter);
                    continue;
                }
                let value = match letters.as_str() {
                    "" => match rest.next() {
                        Some(value) => value
                            .into_string()
                            .map_err(|bytes| wrong(format!("{bytes:?} is not text")))?,
                        // With a number it is a count of hops.
                        None if letter == 'h' => {
                            options.help = true;
                            break;
                        }
                        None => return Err(wrong(format!("-{letter} needs a value"))),
                    },
                    attached => attached.to_owned(),
                };
                options.value(letter, value)?;
                break;
            }
        }
        Ok(options)
    }

    fn switch(&mut self, letter: char) {
        match letter {
            't' => self.read_recipients = true,
            'i' => self.dots_are_text = true,
            'v' => self.verbose = true,
            // -m, -n, -s, -U, -G, -em and so on: of programs of old.
            _ => {}
        }
    }

    /// What sendmail is to do. Here it hands in a message and nothing else.
    fn mode(&self, letter: char, rest: &str) -> Result<(), Error> {
        let what = match (letter, rest) {
            ('b', "m" | "") => return Ok(()),
            ('b', "s") => "it does not speak SMTP on stdin: connect to the server",
            ('b', "p") | ('q', _) => {
                "it has no queue: messages that cannot be handed in are kept as files"
            }
            ('b', "d" | "D") => "it is no server: `mox serve` is",
            _ => "it only hands in messages",
        };
        let message = format!("-{letter}{rest} is not supported: {what}");
        Err(refuse(status::USAGE, message))
    }

    fn value(&mut self, letter: char, value: String) -> Result<(), Error> {
        let wrong = |what: &str| refuse(status::USAGE, format!("-{letter} {value:?}: {what}"));
        match letter {
            'F' => self.name = Some(value),
            'f' | 'r' => self.sender = Some(value),
            'B' => {
                self.body = Some(match value.to_ascii_uppercase().as_str() {
                    "7BIT" => BodyType::SevenBit,
                    "8BITMIME" => BodyType::EightBitMime,
                    _ => return Err(wrong("it is 7BIT or 8BITMIME")),
                });
            }
            'N' => {
                let mut notify = Notify::default();
                for word in value.split(',').map(str::trim) {
                    match word.to_ascii_lowercase().as_str() {
                        "never" if !value.contains(',') => {}
                        "success" => notify.success = true,
                        "failure" => notify.failure = true,
                        "delay" => notify.delay = true,
                        _ => return Err(wrong("it is never, or some of success, failure, delay")),
                    }
                }
                self.notify = Some(notify);
            }
            'R' => {
                self.ret = Some(match value.to_ascii_lowercase().as_str() {
                    "full" => DsnReturn::Full,
                    "hdrs" => DsnReturn::Headers,
                    _ => return Err(wrong("it is full or hdrs")),
                });
            }
            'V' => {
                let id = Xtext::from_text(value.clone()).filter(|id| id.as_str().len() <= 100);
                self.envid = Some(id.ok_or_else(|| wrong("it is a text of at most 100 bytes"))?);
            }
            'o' if value == "i" => self.dots_are_text = true,
            // -C, -h, -L, -O, -X, -oem and so on.
            _ => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Options {
        Options::parse(line.split_whitespace().map(OsString::from).collect()).expect("options")
    }

    fn refused(line: &str) -> String {
        let words = line.split_whitespace().map(OsString::from).collect();
        Options::parse(words).expect_err("refused").to_string()
    }

    #[test]
    fn as_programs_call_it() {
        // cron, PHP, git send-email, mutt, logwatch.
        let cron = parsed("-FCronDaemon -i -B8BITMIME -oem root");
        assert_eq!(cron.name.as_deref(), Some("CronDaemon"));
        assert_eq!(cron.body, Some(BodyType::EightBitMime));
        assert!(cron.dots_are_text && !cron.read_recipients);
        assert_eq!(cron.recipients, ["root"]);
        let php = parsed("-t -i -fwww@example.org");
        assert!(php.read_recipients && php.dots_are_text);
        assert_eq!(php.sender.as_deref(), Some("www@example.org"));
        let mutt = parsed("-oem -oi -f me@example.org -- a@x.example b@x.example");
        assert_eq!(mutt.recipients, ["a@x.example", "b@x.example"]);
        assert!(mutt.dots_are_text);
        assert_eq!(mutt.sender.as_deref(), Some("me@example.org"));
        let git = parsed("-i a@x.example");
        assert_eq!(git.recipients, ["a@x.example"]);
        let both = parsed("-tif me@example.org -bm -odb -v -N success,delay -Rhdrs -G");
        assert!(both.read_recipients && both.dots_are_text && both.verbose);
        assert_eq!(both.ret, Some(DsnReturn::Headers));
        let notify = both.notify.expect("there");
        assert!(notify.success && notify.delay && !notify.failure);
        assert_eq!(parsed("-N never").notify, Some(Notify::default()));
        assert!(parsed("-h").help && parsed("--help").help && !parsed("-h 3").help);
        assert_eq!(parsed("- -- -x").recipients, ["-", "-x"]);
    }

    #[test]
    fn what_it_does_not_do_is_said() {
        assert!(refused("-bs").contains("does not speak SMTP"));
        assert!(refused("-bp").contains("no queue") && refused("-q15m").contains("no queue"));
        assert!(refused("-bd").contains("mox serve"));
        assert!(refused("-f").contains("-f needs a value"));
        assert!(refused("-N sometimes").contains("never"));
        assert!(refused("--sendmail-config").contains("needs a file"));
        assert!(refused("--other").contains("--other"));
    }
}
