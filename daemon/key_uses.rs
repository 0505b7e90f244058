//! When TLS public keys were last used gets to the disk now and then, all in one transaction: no login
//! waits for it, and a crash forgets the last minutes at most.

use std::sync::Arc;
use std::time::Duration;

use mox::admin::Admin;
use tokio::time::{MissedTickBehavior, interval};

/// How often.
const EVERY: Duration = Duration::from_secs(180);

/// Writes what was noted for as long as the daemon runs.
pub(crate) async fn keep(admin: Arc<Admin>) {
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        write(&admin).await;
    }
}

/// Writes what was noted.
pub(crate) async fn write(admin: &Arc<Admin>) {
    let admin = admin.clone();
    let written = tokio::task::spawn_blocking(move || admin.write_key_uses()).await;
    match written {
        Ok(Ok(())) => {}
        // It is still noted, and tried again.
        Ok(Err(error)) => tracing::error!(%error, "write when TLS public keys were used"),
        Err(_) => tracing::error!("writing when TLS public keys were used ended by a panic"),
    }
}
