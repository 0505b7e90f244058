//! Work that takes long or waits for a disk, in the middle of a session.

use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::task::block_in_place;

/// Does it, after the thread's other sessions were handed to another thread if it takes `long`. Handing over
/// costs a thread for a while: it is nothing for what is done in microseconds.
pub(crate) fn hand_over<T>(long: bool, work: impl FnOnce() -> T) -> T {
    let threads = || {
        Handle::try_current()
            .is_ok_and(|runtime| runtime.runtime_flavor() == RuntimeFlavor::MultiThread)
    };
    match long && threads() {
        true => block_in_place(work),
        false => work(),
    }
}
