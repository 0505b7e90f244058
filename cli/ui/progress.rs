//! How far long work is: a bar on a terminal, a line now and then elsewhere, nothing with JSON.

use std::io::Write;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{Ui, clean};

/// Between two lines, and before the first: short work says nothing.
const PAUSE: Duration = Duration::from_secs(2);

/// Work under way. Dropping it takes the bar away.
pub(crate) struct Progress<'u> {
    ui: &'u Ui,
    what: String,
    bar: Option<ProgressBar>,
    said: Instant,
}

impl Ui {
    /// Work that begins: `removing the mail of alice`.
    pub(crate) fn progress(&self, what: &str) -> Progress<'_> {
        let bar = self.for_people().then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            let style = ProgressStyle::with_template("{msg} {wide_bar} {bytes}/{total_bytes}");
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar.set_message(clean(what));
            bar
        });
        Progress {
            ui: self,
            what: what.to_owned(),
            bar,
            said: Instant::now(),
        }
    }
}

impl Progress<'_> {
    /// So much is left, in bytes; the first time that is all there is.
    pub(crate) fn left(&mut self, bytes: u64) {
        if let Some(bar) = &self.bar {
            let total = bar.length().unwrap_or(bytes).max(bytes);
            bar.set_length(total);
            bar.set_position(total - bytes);
        } else if !self.ui.json() && self.said.elapsed() >= PAUSE {
            self.said = Instant::now();
            let left = mox::config::format_size(bytes & !0x3ff);
            let _ = writeln!(self.ui.err(), "{}: {left} left", clean(&self.what));
        }
    }
}

impl Drop for Progress<'_> {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
