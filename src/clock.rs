//! What time it is: the one place that asks, so that a test can have a clock of its own.

use jiff::Timestamp;

/// Now. In builds with the feature `faults` that [`follow`] a file, the time that stands in it.
pub fn now() -> Timestamp {
    #[cfg(feature = "faults")]
    if let Some(time) = followed::time() {
        return time;
    }
    Timestamp::now()
}

#[cfg(feature = "faults")]
pub use followed::follow;

#[cfg(feature = "faults")]
mod followed {
    use std::path::PathBuf;
    use std::sync::OnceLock;

    use jiff::Timestamp;

    static FILE: OnceLock<PathBuf> = OnceLock::new();

    /// From now on the time is what this file says, RFC 3339; the real one while it is not there. It
    /// is read each time, so that a test moves the clock of a server that runs.
    pub fn follow(file: PathBuf) {
        // A process has one clock: the first one stays.
        let _ = FILE.set(file);
    }

    pub(super) fn time() -> Option<Timestamp> {
        let text = std::fs::read_to_string(FILE.get()?).ok()?;
        text.trim().parse().ok()
    }
}
