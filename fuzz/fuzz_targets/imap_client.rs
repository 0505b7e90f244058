//! What a server says to the IMAP client: a whole session with a login, commands and a message.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mox::imap::client::{Bounds, Client};
use mox::imap::command::CommandBody;
use mox::sasl::choice::Proof;

/// Small, so that the bounds are met.
const BOUNDS: Bounds = Bounds {
    time: std::time::Duration::from_secs(60),
    response: 2000,
    command: 10_000,
};

async fn session(data: &[u8]) {
    // What the client says goes nowhere.
    let stream = tokio::io::join(data, tokio::io::sink());
    let Ok(mut client) = Client::begin(stream, BOUNDS, None).await else {
        return;
    };
    let proof = Proof::Password {
        user: "tim".to_owned(),
        password: "tanstaaftanstaaf".to_owned().into(),
    };
    let _ = client.authenticate(&proof).await;
    for body in [CommandBody::Noop, CommandBody::Capability] {
        if let Ok(done) = client.run(body).await {
            let total: usize = done.data.iter().map(Vec::len).sum();
            assert!(total <= BOUNDS.command);
        }
    }
    client.logout().await;
}

fuzz_target!(|data: &[u8]| {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime");
    runtime.block_on(session(data));
});
