//! Runs every transcript (`tests/**/*.txt`) as a test of its own, each with its own server.
//!
//! The grammar stands in `support/script.rs`. Arguments are those of any Rust test: parts of names,
//! `--exact`, `--skip`, `--list`, `--test-threads`. `UPDATE=1` writes what came into the files.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::exit,
    reason = "this is a test"
)]

mod support;

use std::collections::VecDeque;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::thread;
use std::time::Instant;

use support::instance::Instance;
use support::transcript;

const MOX: &str = env!("CARGO_BIN_EXE_mox");

struct Options {
    filters: Vec<String>,
    skip: Vec<String>,
    exact: bool,
    list: bool,
    threads: usize,
}

fn main() -> ExitCode {
    let options = match options(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(problem) => {
            eprintln!("error: {problem}");
            return ExitCode::from(2);
        }
    };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests");
    let all: Vec<(String, PathBuf)> = transcript::files(&folder)
        .into_iter()
        .map(|path| {
            let name = path.strip_prefix(&folder).unwrap_or(&path);
            (name.with_extension("").display().to_string(), path)
        })
        .collect();
    let chosen: VecDeque<_> = all.iter().filter(|(name, _)| options.wants(name)).collect();
    if options.list {
        for (name, _) in &chosen {
            println!("{name}: test");
        }
        return ExitCode::SUCCESS;
    }
    let (count, filtered) = (chosen.len(), all.len() - chosen.len());
    println!("\nrunning {count} tests");
    let started = Instant::now();
    let queue = Mutex::new(chosen);
    let failures = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..options.threads {
            scope.spawn(|| {
                loop {
                    let next = queue.lock().unwrap().pop_front();
                    let Some((name, path)) = next else { break };
                    match run(path) {
                        Ok(()) => println!("test {name} ... ok"),
                        Err(problem) => {
                            println!("test {name} ... FAILED");
                            failures.lock().unwrap().push((name.clone(), problem));
                        }
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    if !failures.is_empty() {
        println!("\nfailures:");
    }
    for (name, problem) in &failures {
        println!("\n---- {name} ----\n{problem}");
    }
    let verdict = if failures.is_empty() { "ok" } else { "FAILED" };
    println!(
        "\ntest result: {verdict}. {} passed; {} failed; 0 ignored; 0 measured; {filtered} filtered out; finished in {:.2}s\n",
        count - failures.len(),
        failures.len(),
        started.elapsed().as_secs_f64()
    );
    ExitCode::from(if failures.is_empty() { 0 } else { 101 })
}

/// Runs one file; a failure comes with the server's log.
fn run(path: &Path) -> Result<(), String> {
    let text = fs::read_to_string(path).map_err(|e| format!("read {}: {e}", path.display()))?;
    let update = std::env::var("UPDATE").is_ok_and(|v| v == "1");
    let mut instance = Instance::new(MOX);
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        transcript::run(&text, &mut instance, update)
    }));
    let new = outcome
        .unwrap_or_else(|_| Err("the test panicked".to_owned()))
        .map_err(|problem| format!("{problem}\n{}", instance.log()))?;
    if update && new != text {
        fs::write(path, new).map_err(|e| format!("write {}: {e}", path.display()))?;
    }
    Ok(())
}

impl Options {
    fn wants(&self, name: &str) -> bool {
        let fits = |filter: &String| match self.exact {
            true => name == filter,
            false => name.contains(filter.as_str()),
        };
        (self.filters.is_empty() || self.filters.iter().any(fits)) && !self.skip.iter().any(fits)
    }
}

fn options(arguments: impl Iterator<Item = String>) -> Result<Options, String> {
    let mut options = Options {
        filters: Vec::new(),
        skip: Vec::new(),
        exact: false,
        list: false,
        // They mostly wait: for a server's start, for its answers.
        threads: thread::available_parallelism().map_or(2, |n| n.get() * 2),
    };
    let mut arguments = arguments.peekable();
    while let Some(argument) = arguments.next() {
        let (flag, value) = match argument.split_once('=') {
            Some((flag, value)) => (flag.to_owned(), Some(value.to_owned())),
            None => (argument.clone(), None),
        };
        let mut value = || {
            value
                .clone()
                .or_else(|| arguments.next())
                .ok_or_else(|| format!("{argument} needs a value"))
        };
        match flag.as_str() {
            "--exact" => options.exact = true,
            "--list" => options.list = true,
            "--nocapture" | "--no-capture" | "--quiet" | "-q" | "--show-output" => {}
            "--skip" => options.skip.push(value()?),
            "--test-threads" => {
                let n = value()?;
                options.threads = n.parse().map_err(|_| format!("not a number: {n}"))?;
            }
            "--color" | "--format" => drop(value()?),
            other if other.starts_with('-') => return Err(format!("unknown option {other}")),
            _ => options.filters.push(argument),
        }
    }
    Ok(options)
}
