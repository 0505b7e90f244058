//! The commands: a folder for each noun, a file for each verb with its arguments, whose doc comment is
//! the help text, and its `run`.

mod completions;
mod config;
mod explain;
mod generate;
mod localserve;
mod quickstart;
mod loglevels;
pub(crate) mod sendmail;
mod serve;
mod sessions;
mod setaccountpassword;
mod setadminpassword;
mod status;
mod stop;
mod version;

use std::path::PathBuf;

use clap::Subcommand;
use jiff::{Timestamp, tz::TimeZone};
use mox::admin::Change;
use mox::ctl::{Answer, Query};
use serde::Serialize;

use crate::backend::{self, Outcome, Server};
use crate::error::Error;
use crate::ui::{Ui, ago, clean};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Serve(serve::Args),
    Localserve(localserve::Args),
    Quickstart(quickstart::Args),
    Status(status::Args),
    Stop(stop::Args),
    Loglevels(loglevels::Args),
    Version(version::Args),
    Config(config::Args),
    Sessions(sessions::Args),
    Explain(explain::Args),
    Setaccountpassword(setaccountpassword::Args),
    Setadminpassword(setadminpassword::Args),
    Sendmail(sendmail::Args),
    Completions(completions::Args),
    /// Make the files that are generated from this program
    #[command(hide = true)]
    Util(generate::Args),
}

impl Command {
    pub(crate) fn run(self, run: &Run) -> Result<(), Error> {
        match self {
            Command::Serve(args) => serve::run(args, run),
            Command::Localserve(args) => localserve::run(args, run),
            Command::Quickstart(args) => quickstart::run(args, run),
            Command::Status(args) => status::run(args, run),
            Command::Stop(args) => stop::run(args, run),
            Command::Loglevels(args) => loglevels::run(args, run),
            Command::Version(args) => version::run(args, run),
            Command::Config(args) => config::run(args, run),
            Command::Sessions(args) => sessions::run(args, run),
            Command::Explain(args) => explain::run(args, run),
            Command::Setaccountpassword(args) => setaccountpassword::run(args, run),
            Command::Setadminpassword(args) => setadminpassword::run(args, run),
            Command::Sendmail(args) => sendmail::run(args, run),
            Command::Completions(args) => completions::run(args, run),
            Command::Util(args) => generate::run(args, run),
        }
    }
}

/// What every command has.
pub(crate) struct Run {
    /// `--config` or `$MOXCONF`.
    pub(crate) config: Option<PathBuf>,
    /// Where output goes.
    pub(crate) ui: Ui,
}

/// When a refused change is as good as done.
pub(crate) enum Tolerate {
    /// Never.
    Nothing,
    /// `--if-exists`: when there is no such thing; what to say then.
    Absence(String),
    /// `--if-not-exists`: when the answer to this question says that it is so already; what to say then.
    Presence(Query, fn(&Answer, &Change) -> bool, String),
}

impl Run {
    pub(crate) fn server(&self) -> Server {
        Server::find(self.config.as_deref())
    }

    /// Makes a change, or with `dry_run` shows it, and prints the result.
    pub(crate) fn change(&self, change: &Change, dry_run: bool) -> Result<(), Error> {
        self.change_unless(change, dry_run, Tolerate::Nothing)
    }

    /// The same, where a refusal may be no failure.
    pub(crate) fn change_unless(
        &self,
        change: &Change,
        dry_run: bool,
        tolerate: Tolerate,
    ) -> Result<(), Error> {
        let server = self.server();
        let refusal = if dry_run {
            match server.plan(change) {
                Ok(planned) => {
                    return self.show_plan(planned.changed, &planned.summary, &planned.diff);
                }
                Err(refusal) => refusal,
            }
        } else {
            match server.change(change) {
                Ok(outcome) => return self.show_outcome(&outcome),
                Err(refusal) => refusal,
            }
        };
        let fine = match &tolerate {
            Tolerate::Absence(text) if backend::is_not_found(&refusal) => Some(text),
            Tolerate::Presence(query, is_so, text) if backend::is_conflict(&refusal) => server
                .query(query)
                .is_ok_and(|answer| is_so(&answer, change))
                .then_some(text),
            _ => None,
        };
        match fine {
            None => Err(refusal),
            Some(text) if dry_run => self.show_plan(false, text, ""),
            Some(text) => {
                let (generation, online) = server.generation()?;
                let json = ChangeJson::new(false, generation, online, &[]);
                self.ui.result(&format!("{text}\n"), &json)
            }
        }
    }

    /// The same for what others wrote into the file: the diff is news.
    pub(crate) fn change_with_diff(&self, change: &Change, dry_run: bool) -> Result<(), Error> {
        if dry_run {
            return self.change(change, true);
        }
        let outcome = self.server().change(change)?;
        self.show_outcome(&outcome)?;
        match self.ui.json() {
            true => Ok(()),
            false => self.ui.diff(&outcome.committed.diff),
        }
    }

    fn show_plan(&self, changed: bool, summary: &str, diff: &str) -> Result<(), Error> {
        let json = PlanJson {
            changed,
            summary,
            diff,
        };
        match self.ui.json() {
            true => self.ui.result("", &json),
            false => self.ui.diff(diff),
        }
    }

    fn show_outcome(&self, outcome: &Outcome) -> Result<(), Error> {
        let committed = &outcome.committed;
        let json = ChangeJson::new(
            committed.changed,
            committed.generation,
            outcome.online,
            &outcome.notes,
        );
        self.ui
            .result(&format!("{}\n", clean(&committed.summary)), &json)?;
        if !self.ui.json() {
            for note in &outcome.notes {
                self.ui.note(note);
            }
        }
        Ok(())
    }

    /// Before something is destroyed.
    pub(crate) fn confirm(&self, question: &str, yes: bool) -> Result<(), Error> {
        match yes || self.ui.confirm(question)? {
            true => Ok(()),
            false => Err(Error::failed("not confirmed: nothing was changed")),
        }
    }
}

/// Runs what asks DNS, in a runtime of its own.
fn asking_dns<T>(work: impl Future<Output = T>) -> Result<T, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Error::io("start the runtime"))?;
    Ok(runtime.block_on(work))
}

/// The JSON of a change; the order of the keys is that of the documentation.
#[derive(Debug, Serialize)]
pub(crate) struct ChangeJson<'a> {
    changed: bool,
    generation: u64,
    daemon: &'static str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    notes: &'a [String],
}

impl ChangeJson<'_> {
    pub(crate) fn new(
        changed: bool,
        generation: u64,
        online: bool,
        notes: &[String],
    ) -> ChangeJson<'_> {
        ChangeJson {
            changed,
            generation,
            daemon: if online { "reloaded" } else { "offline" },
            notes,
        }
    }
}

/// The JSON of `--dry-run`.
#[derive(Debug, Serialize)]
struct PlanJson<'a> {
    changed: bool,
    summary: &'a str,
    diff: &'a str,
}

/// How long ago within a day, else the local date and time.
pub(crate) fn local_time(time: &str, now: Timestamp) -> String {
    let Ok(time) = time.parse::<Timestamp>() else {
        return time.to_owned();
    };
    if now.duration_since(time).as_hours() < 24 {
        return ago(time, now);
    }
    let zoned = time.to_zoned(TimeZone::system());
    zoned.strftime("%Y-%m-%d %H:%M").to_string()
}
