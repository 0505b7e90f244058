//! Running a program to its end, with a time limit, and keeping what it printed.

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// How long any program that a test runs may take.
pub const LIMIT: Duration = Duration::from_secs(120);

/// What a program left behind.
pub struct Output {
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
    pub status: ExitStatus,
}

impl Output {
    pub fn out(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    pub fn err(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }

    /// The exit status; -1 if a signal ended the program.
    pub fn code(&self) -> i32 {
        self.status.code().unwrap_or(-1)
    }

    /// What it printed, if it ended well; else the test fails and shows all of it.
    #[track_caller]
    pub fn ok(self) -> String {
        assert!(
            self.status.success(),
            "{}\n--- stdout\n{}--- stderr\n{}",
            self.status,
            self.out(),
            self.err()
        );
        self.out()
    }
}

/// Runs the command with these bytes on its standard input.
pub fn run(command: &mut Command, input: &[u8]) -> Result<Output, String> {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|e| format!("start {}: {e}", command.get_program().display()))?;
    let stdin = child.stdin.take();
    let input = input.to_vec();
    thread::spawn(move || {
        // A program that does not read its input is free to do so.
        let _ = stdin.map(|mut pipe| pipe.write_all(&input));
    });
    let stdout = collect(child.stdout.take());
    let stderr = collect(child.stderr.take());
    let name = command.get_program().display().to_string();
    // Both pipes end when the program (and what it left behind) does.
    let waited = stdout.recv_timeout(LIMIT).and_then(|out| {
        let err = stderr.recv_timeout(LIMIT)?;
        Ok((out, err))
    });
    match waited {
        Ok((stdout, stderr)) => Ok(Output {
            stdout,
            stderr,
            status: child.wait().map_err(|e| format!("wait for {name}: {e}"))?,
        }),
        Err(_) => {
            end(&mut child);
            Err(format!("{name} did not end within {LIMIT:?}"))
        }
    }
}

/// Kills a child and takes its remains away.
pub fn end(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}

/// A command in a clean environment: only what every program needs to run, and a home of its own.
pub fn clean(program: impl AsRef<Path>, home: &Path, bin: &Path) -> Command {
    let mut command = Command::new(program.as_ref());
    let inherited = std::env::var("PATH").unwrap_or_else(|_| "/usr/bin:/bin".to_owned());
    command
        .env_clear()
        .env("PATH", format!("{}:{inherited}", bin.display()))
        .env("HOME", home)
        .env("LC_ALL", "C.UTF-8")
        .env("TZ", "UTC")
        .env("COLUMNS", "100")
        .current_dir(home);
    command
}

fn collect(pipe: Option<impl Read + Send + 'static>) -> mpsc::Receiver<Vec<u8>> {
    let (send, receive) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            let _ = pipe.read_to_end(&mut bytes);
        }
        let _ = send.send(bytes);
    });
    receive
}
