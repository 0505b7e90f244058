//! What one decision costs: the same with ten domains and with ten thousand.

use std::collections::HashMap;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use mox::addr::Address;
use mox::config::{self, Unchecked};
use mox::policy::{Origin, Recipient, decide_rcpt};
use mox::snapshot::Snapshot;

use super::meter::line;
use super::world;

const DECISIONS: usize = 1_000_000;

/// Decides about recipients all over the configuration, in an order that no cache foresees.
pub(crate) fn lookups(size: usize) {
    let fresh = super::initialised();
    let file = fresh.config().unwrap();
    let text = world::text(size, file);
    let begun = Instant::now();
    let config = config::parse(&text, file, &Unchecked).unwrap();
    let parsed = begun.elapsed();
    let begun = Instant::now();
    let snapshot = Snapshot::compile(1, Arc::new(config), Arc::new(HashMap::new()));
    let compiled = begun.elapsed();
    let figure = format!(
        "{:.1} ms, {:.1} ms",
        parsed.as_secs_f64() * 1e3,
        compiled.as_secs_f64() * 1e3
    );
    line("parse and validate, compile", &figure, "", "–");
    // A thousand addresses, however many there are: what differs is only how many stand beside them.
    let recipients: Vec<Recipient> = (0..1000)
        .map(|n| n * 7919 % size)
        .map(|n| Recipient::Address(Address::parse(&format!("U{n}@d{n}.example")).unwrap()))
        .collect();
    let begun = Instant::now();
    for n in 0..DECISIONS {
        let recipient = &recipients[n % recipients.len()];
        let decided = decide_rcpt(&snapshot, &Origin::Outside, black_box(recipient));
        assert!(black_box(decided).is_ok());
    }
    let each = begun.elapsed().as_nanos() / DECISIONS as u128;
    line(
        "one decision about a recipient",
        &format!("{each} ns"),
        "",
        "the same at every size",
    );
}
