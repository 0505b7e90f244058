//! The systemd unit: systemd takes it, calls it well protected, and the server starts with what the
//! unit leaves to it.

use std::process::Command;

use super::support::process;
use super::{initialised, mox};

/// What `systemd-analyze security` may say at most; 10 is a service without any protection.
const EXPOSURE: f64 = 2.0;

#[test]
fn systemd_takes_the_unit() {
    let instance = initialised();
    let unit = instance.root().join("mox.service");
    let text = mox(&instance, &["config", "printservice"]).ok();
    assert!(text.contains("server/config/mox.toml\" serve\n"), "{text}");
    // No user stands in a local server's file, and no unit file is without one in earnest.
    let text = text.replace(
        "CapabilityBoundingSet=",
        "User=mail\nAmbientCapabilities=CAP_NET_BIND_SERVICE\nCapabilityBoundingSet=",
    );
    std::fs::write(&unit, text).unwrap();
    let mut verify = Command::new("systemd-analyze");
    let said = process::run(verify.args(["verify", "--man=no"]).arg(&unit), b"").unwrap();
    // systemd before 253 falls back from notify-reload, as the unit says.
    let complaints: Vec<String> = said
        .err()
        .lines()
        .filter(|line| line.contains("mox.service") && !line.contains("notify-reload"))
        .map(str::to_owned)
        .collect();
    assert!(
        said.status.success() && complaints.is_empty(),
        "{complaints:?}"
    );

    let mut security = Command::new("systemd-analyze");
    security
        .args(["security", "--offline=true", "--no-pager"])
        .arg(&unit);
    let said = process::run(&mut security, b"").unwrap().ok();
    let overall = said
        .lines()
        .find(|line| line.contains("Overall exposure"))
        .unwrap();
    let exposure: f64 = overall
        .split_whitespace()
        .find_map(|word| word.parse().ok())
        .unwrap();
    assert!(exposure <= EXPOSURE, "{said}");
}
