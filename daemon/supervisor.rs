//! What systemd is told (sd_notify(3)); without it all of this does nothing.

use std::time::Duration;

use sd_notify::NotifyState;
use tracing::debug;

use crate::reload::Control;

fn tell(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        debug!(%error, "sd_notify");
    }
}

/// The server serves.
pub(crate) fn ready(status: &str) {
    tell(&[NotifyState::Ready, NotifyState::Status(status)]);
}

/// The server is about to end.
pub(crate) fn stopping() {
    tell(&[NotifyState::Stopping]);
}

/// A line for `systemctl status`.
pub(crate) fn status(status: &str) {
    tell(&[NotifyState::Status(status)]);
}

/// A change of what is served, from RELOADING to READY. READY is sent on every path, or the next
/// `systemctl reload` would hang.
pub(crate) struct Reloading {
    is_done: bool,
}

impl Reloading {
    /// Begins; `Type=notify-reload` wants the time of it.
    pub(crate) fn begin() -> Reloading {
        match NotifyState::monotonic_usec_now() {
            Ok(now) => tell(&[NotifyState::Reloading, now]),
            Err(_) => tell(&[NotifyState::Reloading]),
        }
        Reloading { is_done: false }
    }

    /// It is done, or was refused; the status says what is served.
    pub(crate) fn done(mut self, status: &str) {
        ready(status);
        self.is_done = true;
    }
}

impl Drop for Reloading {
    fn drop(&mut self) {
        if !self.is_done {
            tell(&[NotifyState::Ready]);
        }
    }
}

/// Feeds the watchdog at half its time for as long as the control thread answers: a daemon that can make no
/// change any more is not well, though it still takes mail. Returns at once where there is no watchdog.
pub(crate) async fn feed_watchdog(control: Control) {
    let Some(period) = sd_notify::watchdog_enabled() else {
        return;
    };
    let mut tick = tokio::time::interval((period / 2).max(Duration::from_millis(1)));
    loop {
        tick.tick().await;
        if !control.answers().await {
            return;
        }
        tell(&[NotifyState::Watchdog]);
    }
}
