//! How large the control database becomes: it is bounded by the texts that are kept, however many changes
//! were made.

use std::time::Instant;

use super::*;

/// Changes a line of a text of so many accounts again and again. Gives the text's length and that of the
/// database once a hundred and fifty generations were made, and at the end.
fn changed(accounts: usize, generations: u64) -> (u64, u64, u64) {
    let place = Place::new();
    let state = place.open();
    let mut lines: Vec<String> = (0..accounts)
        .map(|n| {
            format!(
                "[accounts.account{n}]\ndomain = \"domain{n}.example\"\nfull_name = \"0\"\n\
                 [accounts.account{n}.destinations]\n\"account{n}@domain{n}.example\" = {{}}\n\
                 # what somebody wrote about it, so that it is about as long as they are\n"
            )
        })
        .collect();
    let length = || std::fs::metadata(&place.path).expect("there").len();
    let (mut early, mut text) = (0, String::new());
    for n in 1..=generations {
        // Anywhere in the file, and sometimes at both of its ends.
        let at = usize::try_from(n * 7919).expect("small") % accounts;
        lines[at] = lines[at].replacen("full_name = \"", "full_name = \"x", 1);
        if n % 50 == 0 {
            let last = accounts - 1;
            lines.swap(0, last);
        }
        text = lines.concat();
        let made = state.commit(&[], Some(&new_generation(&text)));
        assert_eq!(made.expect("it commits"), n);
        if n == 150 {
            early = length();
        }
    }
    drop(state);
    let state = place.open();
    let last = state.text(generations).expect("it reads");
    assert!(last.as_ref() == Some(&text), "the newest text is kept");
    let oldest = generations - KEPT_GENERATIONS + 1;
    assert!(state.text(oldest).expect("it reads").is_some());
    assert_eq!(state.text(oldest - 1).expect("it reads"), None);
    assert_eq!(
        state.generations().expect("it reads").len() as u64,
        KEPT_GENERATIONS
    );
    (text.len() as u64, early, length())
}

#[test]
fn the_database_stays_as_large_as_what_it_keeps() {
    let (text, early, late) = changed(400, 400);
    assert!(text > 80_000);
    assert!(late <= early * 3 / 2, "{early} bytes grew to {late}");
    assert!(
        late < 20 * text + 2_000_000,
        "{late} bytes for texts of {text}"
    );
}

#[test]
#[ignore = "a measurement: cargo test -p mox -- --ignored --nocapture large_texts"]
fn large_texts_are_kept_fast() {
    let begun = Instant::now();
    let (text, early, late) = changed(10_000, 200);
    let took = begun.elapsed().as_millis() / 200;
    // Shown with a failure only: nothing here prints.
    assert!(
        took < 2_000 && late < 20 * text,
        "{text} bytes: {took} ms a generation, {early} then {late} bytes"
    );
}
