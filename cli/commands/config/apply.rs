//! `mox config apply`

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use mox::admin::{Action, AdminError, Change, Step};
use mox::config;
use mox::ctl::frame::MAX_REQUEST;
use serde::Serialize;

use crate::args::DryRun;
use crate::commands::{ChangeJson, Run};
use crate::error::Error;
use crate::ui::clean;

/// Make domains, accounts, addresses and aliases as a file has them
///
/// The file has the tables `[domains]` and `[accounts]` of mox.toml, with the same keys. What it names is
/// made so, all of it as one generation, or nothing if something stands in the way. A key that it does not
/// have stays as it is in mox.toml, comments and order stay too. The plan is printed: + comes, ~ changes, -
/// goes. If nothing differs, nothing is done.
///
/// Nothing is taken away without --prune. New accounts have no password (`mox setaccountpassword`), for the
/// file has no secrets; new domains get DKIM keys unless the file has `dkim` for them. Paths of key files
/// are relative to mox.toml.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mox config apply --dry-run mail.toml     # the plan, and the diff of mox.toml
  mox config apply --prune --yes mail.toml")]
pub(crate) struct Args {
    /// Remove what the file does not name: domains and accounts if it has the table for them, with all
    /// mail of the accounts; addresses and aliases of those that it names. On a terminal it asks
    #[arg(long)]
    prune: bool,

    /// Do not ask
    #[arg(long)]
    yes: bool,

    #[command(flatten)]
    dry_run: DryRun,

    /// The file; - for stdin
    #[arg(value_hint = clap::ValueHint::FilePath)]
    file: PathBuf,
}

pub(crate) fn run(args: Args, run: &Run) -> Result<(), Error> {
    let (name, text) = read(&args.file)?;
    let change = Change::Apply {
        text,
        name,
        prune: args.prune,
    };
    let server = run.server();
    if args.dry_run.dry_run {
        let planned = server.plan(&change)?;
        let json = PlanJson {
            changed: planned.changed,
            summary: &planned.summary,
            plan: &planned.steps,
            diff: &planned.diff,
        };
        if run.ui.json() {
            return run.ui.result("", &json);
        }
        show(run, &planned.steps)?;
        return run.ui.diff(&planned.diff);
    }
    let mut shown = None;
    if args.prune && !args.yes && run.ui.can_ask() {
        let planned = server.plan(&change)?;
        let removals = planned.steps.iter().filter(|s| s.action == Action::Remove);
        let removals = removals.count();
        if removals > 0 {
            show(run, &planned.steps)?;
            run.confirm(&format!("Go on, and remove {removals} of these?"), false)?;
            shown = Some(planned.steps);
        }
    }
    let outcome = server.change(&change)?;
    let done = &outcome.committed;
    if !run.ui.json() && shown.as_ref() != Some(&done.steps) {
        if shown.is_some() {
            run.ui
                .note("the configuration changed meanwhile: this is what was done");
        }
        show(run, &done.steps)?;
    }
    let json = AppliedJson {
        change: ChangeJson::new(
            done.changed,
            done.generation,
            outcome.online,
            &outcome.notes,
        ),
        plan: &done.steps,
    };
    run.ui.result(&format!("{}\n", clean(&done.summary)), &json)
}

/// The name for problems, and the text.
fn read(file: &Path) -> Result<(String, String), Error> {
    let (name, bytes) = if file == Path::new("-") {
        let mut bytes = Vec::new();
        // One more than can be sent says that it is too much.
        let bound = MAX_REQUEST as u64 + 1;
        let read = io::stdin().lock().take(bound).read_to_end(&mut bytes);
        read.map_err(Error::io("read stdin"))?;
        ("stdin".to_owned(), bytes)
    } else {
        let name = file.display().to_string();
        let bytes = fs::read(file).map_err(Error::io(&format!("read {name}")))?;
        (name, bytes)
    };
    let text = config::decode(bytes, Path::new(&name)).map_err(AdminError::Invalid)?;
    Ok((name, text))
}

/// One line each; a diff has the same colours.
fn show(run: &Run, steps: &[Step]) -> Result<(), Error> {
    let lines = steps.iter().map(|step| clean(&step.to_string()) + "\n");
    run.ui.diff(&lines.collect::<String>())
}

/// The JSON of `--dry-run`.
#[derive(Debug, Serialize)]
struct PlanJson<'a> {
    changed: bool,
    summary: &'a str,
    plan: &'a [Step],
    diff: &'a str,
}

/// The JSON of what was done.
#[derive(Debug, Serialize)]
struct AppliedJson<'a> {
    #[serde(flatten)]
    change: ChangeJson<'a>,
    plan: &'a [Step],
}
