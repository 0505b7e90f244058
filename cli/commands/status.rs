//! `mox status`

use std::time::Duration;

use mox::ctl::Status;

use super::Run;
use crate::error::Error;
use crate::ui::span;

/// Show what the running server serves
///
/// Prints the generation of the configuration that is served, since when the server runs, its listeners
/// and their open connections, and why the file on disk is not served if it is not. Exits 5 if no
/// server runs.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mox status
  mox status --wait 10s && echo it serves")]
pub(crate) struct Args {
    /// Wait so long for a server that is starting, such as 500ms or 10s
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    wait: Option<Duration>,
}

pub(crate) fn run(args: Args, run: &Run) -> Result<(), Error> {
    let server = run.server();
    let status = match args.wait {
        Some(patience) => server.wait_for_status(patience)?,
        None => server.status()?,
    };
    let mut facts = facts(&status);
    if !run.ui.for_people() {
        facts.extend(status.listeners.iter().map(|listener| {
            let line = format!(
                "{} {} {} {}",
                listener.name, listener.service, listener.address, listener.connections
            );
            ("listener", line)
        }));
    }
    run.ui.facts(&facts, &status)?;
    let rows: Vec<Vec<String>> = status
        .listeners
        .iter()
        .map(|listener| {
            vec![
                listener.name.clone(),
                listener.service.clone(),
                listener.address.clone(),
                if listener.tls { "yes" } else { "" }.to_owned(),
                listener.connections.to_string(),
            ]
        })
        .collect();
    run.ui.table(
        &["listener", "service", "address", "tls", "connections"],
        &rows,
    )
}

fn facts(status: &Status) -> Vec<(&'static str, String)> {
    let mut facts = vec![
        ("generation", status.generation.to_string()),
        ("up", span(status.uptime_seconds)),
        ("pid", status.pid.to_string()),
        ("version", status.version.clone()),
        ("config", status.config_file.clone()),
        ("data", status.data_dir.clone()),
    ];
    if !status.last_reload_error.is_empty() {
        facts.push(("not served", status.last_reload_error.clone()));
    }
    facts
}

/// A length of time as people write it.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let span: jiff::SignedDuration = text
        .parse()
        .map_err(|_| "write it like 500ms, 10s or 2m".to_owned())?;
    Duration::try_from(span).map_err(|_| "it must not be negative".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_units() {
        assert_eq!(duration("10s"), Ok(Duration::from_secs(10)));
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert!(duration("-1s").is_err());
        assert!(duration("soon").is_err());
    }
}
