//! Measuring and printing.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::support::instance::Instance;
use crate::support::process;

/// A measurement: its name and what makes it and prints its lines.
pub(crate) type Bench = (&'static str, fn());

/// Runs those that the command line asks for.
pub(crate) fn run_asked(all: &[Bench]) {
    // cargo bench passes --bench; all other options are not ours either.
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|a| a == "--list") {
        for (name, _) in all {
            println!("{name}: bench");
        }
        return;
    }
    let words: Vec<&String> = arguments.iter().filter(|a| !a.starts_with('-')).collect();
    for (name, run) in all {
        if words.is_empty() || words.iter().any(|word| name.contains(word.as_str())) {
            run();
        }
    }
}

/// How long a measurement of a rate lasts.
pub(crate) const SPAN: Duration = Duration::from_secs(3);

/// What a load did.
pub(crate) struct Load {
    /// How long each operation took.
    pub(crate) times: Vec<Duration>,
    /// From the first to the last.
    pub(crate) span: Duration,
    /// Of the server, for all of them.
    pub(crate) processor: Duration,
    /// Of the server, if it tells.
    pub(crate) syncs: Option<u64>,
}

impl Load {
    /// Runs one thread per job, each doing operations until the time is over; a job makes its
    /// connection and returns the operation. What is done before the first counts for nothing.
    pub(crate) fn run<J, O>(instance: &Instance, jobs: Vec<J>) -> Load
    where
        J: FnOnce() -> O + Send,
        O: FnMut(),
    {
        let endless = |job: J| {
            move || {
                let mut operation = job();
                move || {
                    operation();
                    true
                }
            }
        };
        Load::run_while(instance, jobs.into_iter().map(endless).collect())
    }

    /// The same with operations that say whether there was anything left for them to do.
    pub(crate) fn run_while<J, O>(instance: &Instance, jobs: Vec<J>) -> Load
    where
        J: FnOnce() -> O + Send,
        O: FnMut() -> bool,
    {
        let ready = std::sync::Barrier::new(jobs.len() + 1);
        let go = std::sync::Barrier::new(jobs.len() + 1);
        std::thread::scope(|scope| {
            let threads: Vec<_> = jobs
                .into_iter()
                .map(|job| {
                    let (ready, go) = (&ready, &go);
                    scope.spawn(move || {
                        let mut operation = job();
                        operation();
                        ready.wait();
                        go.wait();
                        let start = Instant::now();
                        let mut times = Vec::new();
                        let mut begin = start;
                        while start.elapsed() < SPAN && operation() {
                            times.push(begin.elapsed());
                            begin = Instant::now();
                        }
                        times
                    })
                })
                .collect();
            ready.wait();
            let (processor, syncs) = (processor_time(instance), syncs(instance));
            let start = Instant::now();
            go.wait();
            let times: Vec<_> = threads
                .into_iter()
                .flat_map(|t| t.join().unwrap())
                .collect();
            let span = start.elapsed();
            Load {
                times,
                span,
                processor: processor_time(instance) - processor,
                syncs: syncs.zip(self::syncs(instance)).map(|(a, b)| b - a),
            }
        })
    }

    pub(crate) fn rate(&self) -> f64 {
        self.times.len() as f64 / self.span.as_secs_f64()
    }

    /// Rate, percentiles, processor time and syncs an operation.
    pub(crate) fn text(&self, unit: &str) -> String {
        let count = self.times.len().max(1) as f64;
        let processor = self.processor.as_secs_f64() * 1e3 / count;
        let syncs = self
            .syncs
            .map_or("–".to_owned(), |n| format!("{:.2}", n as f64 / count));
        format!(
            "{} {unit} · {} · server {processor:.2} ms · {syncs} syncs",
            grouped(self.rate()),
            percentiles(&self.times)
        )
    }
}

/// `p50/p99 1.2/3.4 ms`.
pub(crate) fn percentiles(times: &[Duration]) -> String {
    let mut sorted = times.to_vec();
    sorted.sort();
    let at = |share: f64| {
        let i = ((sorted.len().max(1) - 1) as f64 * share) as usize;
        sorted.get(i).map_or(0.0, |t| t.as_secs_f64() * 1e3)
    };
    format!("p50/p99 {:.2}/{:.2} ms", at(0.5), at(0.99))
}

/// The middle one.
pub(crate) fn median(times: &[Duration]) -> Duration {
    let mut sorted = times.to_vec();
    sorted.sort();
    sorted[sorted.len() / 2]
}

/// One line: what, the figure, beside it what stands to compare, and the aim.
pub(crate) fn line(what: &str, figure: &str, baseline: &str, aim: &str) {
    println!("{what:<52} {figure:<72} {baseline:<36} aim {aim}");
}

/// A number with commas.
pub(crate) fn grouped(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// What the bare disk does with writes of this size, before and after what stands beside it.
///
/// The rate of a disk that others use as well changes by the second (tenfold was seen), so one figure
/// for a whole run says nothing about any of its lines.
pub(crate) struct Disk {
    size: usize,
    before: f64,
}

impl Disk {
    /// Measures the disk before a load.
    pub(crate) fn before(size: usize) -> Disk {
        let before = measure_disk(size);
        Disk { size, before }
    }

    /// Measures it after the load; the text for the line. Where the two are far apart, nothing on the
    /// line can be compared with the disk or with another run.
    pub(crate) fn after(self) -> String {
        let (before, after) = (self.before, measure_disk(self.size));
        let unsteady = before.max(after) > 1.5 * before.min(after);
        format!(
            "disk {}–{} syncs/s{}",
            grouped(before),
            grouped(after),
            if unsteady { ", UNSTEADY" } else { "" }
        )
    }
}

/// Appends and syncs, one after the other, for a while: how many a second.
fn measure_disk(size: usize) -> f64 {
    let folder = tempfile::tempdir_in(Path::new(env!("CARGO_TARGET_TMPDIR"))).unwrap();
    let mut file = fs::File::create(folder.path().join("log")).unwrap();
    let bytes = vec![b'x'; size];
    let start = Instant::now();
    let mut count = 0;
    while start.elapsed() < Duration::from_millis(700) {
        file.write_all(&bytes).unwrap();
        file.sync_data().unwrap();
        count += 1;
    }
    f64::from(count) / start.elapsed().as_secs_f64()
}

/// How busy the machine is with other things.
pub(crate) fn show_load() {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load: Vec<&str> = load.split(' ').take(3).collect();
    line(
        "load of the machine before the run",
        &load.join(" "),
        "",
        "< 0.5",
    );
}

/// The disk alone, and how busy the machine is with other things: read this first.
pub(crate) fn bare_disk() {
    show_load();
    for (name, size) in [("2 KiB", 2048), ("50 KiB", 50 << 10)] {
        let what = format!("append {name} and fdatasync, one thread");
        line(&what, &Disk::before(size).after(), "", "–");
    }
}

/// The processor time that the server has used (proc_pid_stat(5): utime and stime).
pub(crate) fn processor_time(instance: &Instance) -> Duration {
    let pid = instance.pid().unwrap();
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let after_name = stat.rsplit_once(") ").unwrap().1;
    let fields: Vec<&str> = after_name.split(' ').collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    // USER_HZ is 100 on every Linux.
    Duration::from_millis(ticks * 10)
}

/// The memory of the server that is in use, in KiB.
pub(crate) fn memory(instance: &Instance) -> u64 {
    let pid = instance.pid().unwrap();
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|l| l.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// How often the server has synced a file, if its status says so.
fn syncs(instance: &Instance) -> Option<u64> {
    let output = process::run(&mut instance.mox(["status", "--json"]), b"")
        .unwrap()
        .ok();
    let status: serde_json::Value = serde_json::from_str(&output).unwrap();
    status.get("disk_syncs")?.as_u64()
}
