//! What a client says in an exchange, line by line, must never panic; a proof that nobody made must
//! never be right.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mox::sasl::{ChannelBindings, Exchange, Mechanism, ScramVerifier, Setting, Step};

fuzz_target!(|data: &[u8]| {
    let Some((&first, data)) = data.split_first() else {
        return;
    };
    let mechanism = Mechanism::ALL[usize::from(first & 7)];
    let mut lines = data.split(|&octet| octet == b'\n');
    let initial = if first & 8 == 0 { lines.next() } else { None };
    let setting = Setting {
        bindings: ChannelBindings::new(Some(vec![1; 32]), Some(vec![2; 32])),
        plus_offered: first & 16 == 0,
        hostname: "mail.example.org".to_owned(),
    };
    let Ok((mut exchange, mut step)) = Exchange::begin(mechanism, initial, setting) else {
        return;
    };
    loop {
        if let Step::Scram { .. } = step {
            // Keys that no password has.
            let verifier = ScramVerifier {
                salt: vec![7; 16],
                iterations: 4096,
                stored_key: vec![0; 32],
                server_key: vec![0; 32],
            };
            let Ok(challenge) = exchange.verifier(verifier) else {
                return;
            };
            step = challenge;
        }
        assert!(!matches!(step, Step::Proven(_)));
        let Some(line) = lines.next() else { return };
        let Ok(next) = exchange.line(line) else { return };
        step = next;
    }
});
