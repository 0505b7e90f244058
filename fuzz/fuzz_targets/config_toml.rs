//! mox.toml: any text is a configuration or a list of problems, never a panic.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use mox::config::Unchecked;

fuzz_target!(|data: &[u8]| {
    let file = Path::new("/etc/mox/mox.toml");
    let Ok(text) = mox::config::decode(data.to_vec(), file) else {
        return;
    };
    if let Err(problems) = mox::config::parse(&text, file, &Unchecked) {
        assert!(!problems.is_empty());
    }
});
