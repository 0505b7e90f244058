//! How fast the store is, beside what the disk could do: `cargo bench -p mox --bench store`.
//!
//! Deliveries a second with the bare append and fdatasync of the same bytes measured in the same run, CPU
//! time and syncs a message, reopening after a crash, scans and reads. An argument names the only part to
//! run: `deliver`, `reopen` or `read`. `MOX_BENCH_DIR` says on which disk.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::exit,
    reason = "a measurement that cannot be made ends with a message"
)]

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use mox::addr::AccountName;
use mox::fsio;
use mox::mailbox::{Flags, MailboxName};
use mox::store::{Change, MailboxId, NewMessage, Store, StoreOptions, Uid};

type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// How long each rate is measured.
const TIME: Duration = Duration::from_millis(1_500);

fn main() -> Outcome<()> {
    let only = std::env::args()
        .skip(1)
        .find(|argument| !argument.starts_with('-'));
    let wanted = |part: &str| only.as_deref().is_none_or(|only| only == part);
    let parent = std::env::var_os("MOX_BENCH_DIR").map_or_else(std::env::temp_dir, PathBuf::from);
    let folder = tempfile::tempdir_in(parent)?;
    if wanted("deliver") {
        deliver(folder.path())?;
    }
    if wanted("reopen") {
        reopen(folder.path())?;
    }
    if wanted("read") {
        read(folder.path())?;
    }
    Ok(())
}

fn say(line: &str) -> io::Result<()> {
    writeln!(io::stdout(), "{line}")
}

fn deliver(folder: &Path) -> Outcome<()> {
    say("size  accounts writers | deliveries/s  bare syncs/s | CPU ms/message  syncs/message")?;
    for size in [2 << 10, 50 << 10] {
        for accounts in [1, 10] {
            for writers in [1, 10, 32] {
                let bare = bare(&folder.join("bare"), size, writers.min(accounts))?;
                let data = folder.join(format!("d{size}-{accounts}-{writers}"));
                fs::create_dir(&data)?;
                let store = Store::open(&data, StoreOptions::default())?;
                let names = make(&store, accounts)?;
                let (count, cpu, syncs) = flood(&store, &names, size, writers)?;
                store.close();
                fs::remove_dir_all(&data)?;
                let rate = count as f64 / TIME.as_secs_f64();
                say(&format!(
                    "{size:5} {accounts:8} {writers:7} | {rate:12.0} {bare:13.0} | {:14.3} {:14.2}",
                    cpu * 1e3 / count as f64,
                    syncs as f64 / count as f64,
                ))?;
            }
        }
    }
    Ok(())
}

/// The same bytes appended and synced, each thread to a file of its own.
fn bare(path: &Path, size: usize, threads: usize) -> Outcome<f64> {
    let count = AtomicU64::new(0);
    let bytes = vec![b'x'; size];
    let work = |number: usize| -> io::Result<()> {
        let path = path.with_extension(number.to_string());
        let file = File::create(&path)?;
        let end = Instant::now() + TIME / 3;
        let mut at = 0;
        while Instant::now() < end {
            file.write_all_at(&bytes, at)?;
            file.sync_data()?;
            at += bytes.len() as u64;
            count.fetch_add(1, Ordering::Relaxed);
        }
        fs::remove_file(&path)
    };
    let work = &work;
    thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|n| scope.spawn(move || work(n))).collect();
        threads.into_iter().try_for_each(join)
    })?;
    Ok(count.into_inner() as f64 / (TIME / 3).as_secs_f64())
}

fn join<T, E: From<io::Error>>(thread: thread::ScopedJoinHandle<'_, Result<T, E>>) -> Result<T, E> {
    thread
        .join()
        .unwrap_or_else(|_| Err(io::Error::other("a thread panicked").into()))
}

fn make(store: &Store, accounts: usize) -> Outcome<Vec<AccountName>> {
    let mut names = Vec::new();
    for number in 0..accounts {
        let name = AccountName::parse(&format!("account{number}"))?;
        store.create_account(&name)?;
        names.push(name);
    }
    Ok(names)
}

/// A message of so many bytes as mail programs write them.
fn message(size: usize) -> Vec<u8> {
    let header = "From: Alice Example <alice@example.org>\r\nTo: Bob <bob@example.net>\r\n\
        Subject: =?utf-8?q?Minutes_of_the_meeting?=\r\nDate: Sun, 22 Nov 2026 10:00:00 +0100\r\n\
        Message-Id: <20261122100000.1234@example.org>\r\nMIME-Version: 1.0\r\n\
        Content-Type: multipart/alternative; boundary=\"=-b\"\r\n\r\n--=-b\r\n\
        Content-Type: text/plain; charset=utf-8\r\n\r\n";
    let mut text = header.as_bytes().to_vec();
    while text.len() + 120 < size {
        text.extend(b"The quick brown fox jumps over the lazy dog, and then once more.\r\n");
    }
    text.extend(b"--=-b\r\nContent-Type: text/html\r\n\r\n<p>x</p>\r\n--=-b--\r\n");
    text
}

fn add(store: &Store, bytes: &[u8]) -> io::Result<Change> {
    let mut spool = store.spool();
    spool.write(bytes)?;
    Ok(Change::Add {
        mailbox: Err(MailboxName::inbox()),
        create: false,
        messages: vec![NewMessage {
            prefix: b"Return-Path: <alice@example.org>\r\n".to_vec(),
            message: Arc::new(spool.finish()?),
            flags: Flags::default(),
            received: (1_700_000_000, 0),
        }],
        quota: 0,
    })
}

/// Deliveries by so many threads; gives how many, the CPU seconds and the syncs they took.
fn flood(
    store: &Arc<Store>,
    names: &[AccountName],
    size: usize,
    writers: usize,
) -> Outcome<(u64, f64, u64)> {
    let accounts = names
        .iter()
        .map(|name| store.account_blocking(name))
        .collect::<Result<Vec<_>, _>>()?;
    let text = message(size);
    let count = AtomicU64::new(0);
    let (cpu, syncs) = (cpu_seconds()?, fsio::sync_count());
    let end = Instant::now() + TIME;
    let work = |number: usize| -> Outcome<()> {
        let mut next = number;
        while Instant::now() < end {
            let account = &accounts[next % accounts.len()];
            account.write_blocking(add(store, &text)?)?;
            count.fetch_add(1, Ordering::Relaxed);
            next += 1;
        }
        Ok(())
    };
    let work = &work;
    thread::scope(|scope| {
        let threads: Vec<_> = (0..writers).map(|n| scope.spawn(move || work(n))).collect();
        threads.into_iter().try_for_each(join)
    })?;
    let (cpu, syncs) = (cpu_seconds()? - cpu, fsio::sync_count() - syncs);
    Ok((count.into_inner(), cpu, syncs))
}

/// CPU time of this process, in seconds (clock ticks of /proc are a hundredth of one).
fn cpu_seconds() -> Outcome<f64> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    let rest = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks: Vec<f64> = rest
        .split_whitespace()
        .skip(11)
        .take(2)
        .map(str::parse)
        .collect::<Result<_, _>>()?;
    Ok(ticks.iter().sum::<f64>() / 100.0)
}

/// CPU time of the threads that there are, in seconds: finer, but threads that end take theirs along.
fn run_seconds() -> Outcome<f64> {
    let mut nanoseconds = 0.0;
    for task in fs::read_dir("/proc/self/task")? {
        let text = fs::read_to_string(task?.path().join("schedstat"))?;
        nanoseconds += text.split(' ').next().unwrap_or("0").parse::<f64>()?;
    }
    Ok(nanoseconds / 1e9)
}

/// Fills an inbox; gives its store.
fn filled(data: &Path, messages: usize, size: usize) -> Outcome<Arc<Store>> {
    fs::create_dir(data)?;
    let store = Store::open(data, StoreOptions::default())?;
    let name = make(&store, 1)?.remove(0);
    let account = store.account_blocking(&name)?;
    let text = message(size);
    for chunk in 0..messages.div_ceil(100) {
        let count = 100.min(messages - chunk * 100);
        let mut all = Vec::with_capacity(count);
        for _ in 0..count {
            if let Change::Add { messages, .. } = add(&store, &text)? {
                all.extend(messages);
            }
        }
        account.write_blocking(Change::Add {
            mailbox: Err(MailboxName::inbox()),
            create: false,
            messages: all,
            quota: 0,
        })?;
    }
    Ok(store)
}

/// Opens what a killed process would leave: the files as they are, with the index not hardened.
fn reopen(folder: &Path) -> Outcome<()> {
    say("messages | open after a crash ms, CPU ms (thrice)  clean ms")?;
    let name = AccountName::parse("account0")?;
    for messages in [1_000, 20_000, 100_000] {
        let data = folder.join(format!("r{messages}"));
        let store = filled(&data, messages, 2 << 10)?;
        let mut crashed = Vec::new();
        for round in 0..3 {
            let image = folder.join(format!("image{round}"));
            copy(&data, &image)?;
            let second = Store::open(&image, StoreOptions::default())?;
            let (start, cpu) = (Instant::now(), run_seconds()?);
            second.account_blocking(&name)?.view()?;
            let (took, cpu) = (start.elapsed().as_secs_f64(), run_seconds()? - cpu);
            crashed.push(format!("{:.1},{:.1}", took * 1e3, cpu * 1e3));
            second.close();
            fs::remove_dir_all(&image)?;
        }
        store.close();
        let store = Store::open(&data, StoreOptions::default())?;
        let start = Instant::now();
        store.account_blocking(&name)?.view()?;
        let clean = start.elapsed().as_secs_f64() * 1e3;
        store.close();
        fs::remove_dir_all(&data)?;
        say(&format!(
            "{messages:8} | {} {clean:20.1}",
            crashed.join(" ")
        ))?;
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &to)?;
        } else {
            fs::copy(entry.path(), to)?;
        }
    }
    Ok(())
}

fn read(folder: &Path) -> Outcome<()> {
    let name = AccountName::parse("account0")?;
    let data = folder.join("scan");
    let store = filled(&data, 50_000, 2 << 10)?;
    let account = store.account_blocking(&name)?;
    let view = account.view()?;
    let inbox = inbox(&store, &name)?;
    for _ in 0..2 {
        let rate = |start: Instant| 50_000.0 / start.elapsed().as_secs_f64();
        let start = Instant::now();
        let mut size = 0;
        view.messages(inbox, 1, Uid::MAX, &mut |message| {
            size += message.size;
            true
        })?;
        let rows = rate(start);
        let start = Instant::now();
        view.messages_with_parsed(inbox, 1, Uid::MAX, &mut |_, parsed| {
            size += parsed.root.lines;
            true
        })?;
        let parsed = rate(start);
        let start = Instant::now();
        let uids = view.uids(inbox)?;
        let ids = uids.len() as f64 / start.elapsed().as_secs_f64();
        let start = Instant::now();
        let mut buf = vec![0; 64 << 10];
        let mut bytes = 0;
        let mut failed = None;
        view.messages(inbox, 1, Uid::MAX, &mut |message| {
            let body = view
                .body(&message)
                .and_then(|body| body.read_at(0, &mut buf));
            match body {
                Ok(n) => bytes += n,
                Err(e) => failed = Some(e),
            }
            failed.is_none()
        })?;
        failed.map_or(Ok(()), Err)?;
        let read = bytes as f64 / start.elapsed().as_secs_f64() / 1e6;
        say(&format!(
            "scan: {rows:.0} rows/s, {parsed:.0} with parsed/s, {ids:.0} UIDs/s; bodies of 2 KiB {read:.0} MB/s"
        ))?;
    }
    drop((view, account));
    store.close();
    fs::remove_dir_all(&data)?;
    let store = filled(&folder.join("large"), 2_000, 200 << 10)?;
    let inbox = self::inbox(&store, &name)?;
    let view = store.account_blocking(&name)?.view()?;
    let start = Instant::now();
    let mut bytes = 0;
    let mut buf = vec![0; 64 << 10];
    for uid in view.uids(inbox)? {
        if let Some(message) = view.message(inbox, uid)? {
            let body = view.body(&message)?;
            let mut at = 0;
            while let n @ 1.. = body.read_at(at, &mut buf)? {
                at += n as u64;
            }
            bytes += at;
        }
    }
    let rate = bytes as f64 / start.elapsed().as_secs_f64() / 1e6;
    say(&format!("bodies of 200 KiB: {rate:.0} MB/s"))?;
    Ok(())
}

fn inbox(store: &Arc<Store>, name: &AccountName) -> Outcome<MailboxId> {
    let view = store.account_blocking(name)?.view()?;
    let inbox = view.mailbox(&MailboxName::inbox())?;
    Ok(inbox.ok_or("there is no Inbox")?.id)
}
