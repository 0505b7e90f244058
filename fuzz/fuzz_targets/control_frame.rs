//! Frames of the control socket: whatever comes is a request or refused, and what is understood says the same
//! when it is written again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mox::ctl::frame::{self, HEADER, MAX_REQUEST, MAX_RESPONSE};
use mox::ctl::{Request, Response};

fuzz_target!(|data: &[u8]| {
    if let Some((header, body)) = data.split_first_chunk::<HEADER>()
        && let Ok(length) = frame::parse_header(*header, MAX_REQUEST)
    {
        assert!(length <= MAX_REQUEST);
        decoded(&body[..length.min(body.len())]);
    }
    // Without a header, so that the fuzzer need not find one first.
    decoded(data);
});

fn decoded(body: &[u8]) {
    if let Ok(request) = frame::parse_body::<Request>(body) {
        let bytes = frame::encode(&request, MAX_REQUEST).expect("it fits: it came in");
        let again: Request = frame::parse_body(&bytes[HEADER..]).expect("what we write is read");
        let same = frame::encode(&again, MAX_REQUEST).expect("it fits");
        assert_eq!(bytes, same);
    }
    if let Ok(response) = frame::parse_body::<Response>(body) {
        // Its numbers may be written longer than they came.
        let _ = frame::encode(&response, MAX_RESPONSE);
    }
}
