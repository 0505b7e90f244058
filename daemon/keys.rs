//! RSA keys for new domains, made at a low priority of the system: a thousand of them take all processors
//! for a minute, and mail comes first.

use std::num::NonZero;
use std::sync::Arc;
use std::thread;

use mox::admin::Admin;
use tokio::sync::mpsc;

/// Below everything that somebody waits for.
const NICE: i32 = 10;

/// Makes the keys that are promised, at most so many at a time; the future ends when they are made. They
/// are made, too, if nobody waits for it.
pub(crate) fn make_ahead(
    admin: &Arc<Admin>,
    at_once: usize,
    spare: usize,
) -> impl Future<Output = ()> {
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let (ended, mut all_ended) = mpsc::channel::<()>(1);
    for _ in 0..threads.min(at_once) {
        let (admin, ended) = (Arc::clone(admin), ended.clone());
        let made = thread::Builder::new()
            .name("keys".to_owned())
            .spawn(move || {
                // Of this thread alone, on Linux. If it fails, the keys are made all the same.
                let _ = rustix::process::nice(NICE);
                admin.make_keys_ahead(spare);
                drop(ended);
            });
        // What cannot be made here, the change makes.
        if made.is_err() {
            break;
        }
    }
    async move {
        drop(ended);
        let _ = all_ended.recv().await;
    }
}
