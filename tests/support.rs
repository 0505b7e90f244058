//! What the tests that run the real binary share: a sandbox, a server of one's own, connections
//! to it, and the transcripts.
#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test binary uses the part of this that it needs"
)]

#[path = "support/client.rs"]
pub mod client;
#[path = "support/instance.rs"]
pub mod instance;
#[path = "support/pattern.rs"]
pub mod pattern;
#[path = "support/process.rs"]
pub mod process;
#[path = "support/reader.rs"]
pub mod reader;
#[path = "support/script.rs"]
pub mod script;
#[path = "support/transcript.rs"]
pub mod transcript;
