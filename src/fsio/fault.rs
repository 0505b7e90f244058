//! Fault points: named places where a test can end the process, fail an operation or lose what was
//! not synced. Without the cargo feature `faults` a point is nothing at all.
//!
//! A specification is a list of words separated by commas:
//!
//! | word | effect |
//! |---|---|
//! | `abort@POINT[:N]` | the process is killed (SIGKILL) when POINT is passed for the N-th time (1) |
//! | `error@POINT[:N[+]]` | POINT fails with an I/O error, at the N-th pass only, or from then on (`+`) |
//! | `full@POINT[:N[+]]` | the same with ENOSPC; a write puts half of its bytes first |
//! | `hold` | what is written to a [`super::DurableFile`] is kept in memory until its sync, so that a kill loses it as a power loss would |
//! | `tear[:SEED]` | with `hold`: `abort` lets a random half of the held writes reach the file first, cut anywhere |
//! | `trace:FILE` | the name of each point that is passed is appended to the file, a line each |
//! | `nosync@KIND` | syncs of files of this kind are left out (a negative control) |
//!
//! Names of files are not held: what was created, renamed or removed is so after a kill.
//!
//! Points of a [`super::DurableFile`] of kind K are `fsio.K.write`, `fsio.K.sync` (before) and
//! `fsio.K.synced`; others stand in the code as `point("…")`.

#[cfg(feature = "faults")]
mod armed;

#[cfg(feature = "faults")]
pub(super) use armed::{Held, held, skips_sync};
#[cfg(feature = "faults")]
pub use armed::{arm, passes, point};

/// Passes a fault point.
#[cfg(not(feature = "faults"))]
#[inline(always)]
pub fn point(_name: &str) -> std::io::Result<()> {
    Ok(())
}

/// Sets the faults of this process, in place of those set before.
#[cfg(not(feature = "faults"))]
pub fn arm(_spec: &str) -> Result<(), String> {
    Err("this build has no fault points: it needs the cargo feature faults".to_owned())
}
