//! One visit of a mail program: connect, log in, leave.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::client::Resumption;
use rustls::{ClientConfig, HandshakeKind};

use crate::support::client::{Client, tls_config};
use crate::support::instance::{Instance, Service};

/// Any address of ours.
pub(crate) const ANY: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

/// A client that makes a full handshake each time.
pub(crate) fn never_resuming(identity: Option<&Path>) -> Arc<ClientConfig> {
    let mut config = (*tls_config(identity).expect("a TLS configuration")).clone();
    config.resumption = Resumption::disabled();
    Arc::new(config)
}

/// Connects to imaps and hears the greeting, which must begin like this.
pub(crate) fn greeted(
    instance: &Instance,
    from: IpAddr,
    tls: &Arc<ClientConfig>,
    greeting: &str,
) -> Client {
    let address = instance.address(Service::Imaps);
    let mut client = Client::connect_from(from, address).expect("connect");
    client.start_tls_with(tls.clone()).expect("TLS");
    let heard = client.hear();
    assert!(heard.starts_with(greeting), "{heard}");
    client
}

/// Whether the handshake was a short one.
pub(crate) fn is_resumed(client: &Client) -> bool {
    let kind = client.tls().and_then(|tls| tls.handshake_kind());
    kind == Some(HandshakeKind::Resumed)
}

/// AUTHENTICATE PLAIN; the tagged answer.
pub(crate) fn plain(client: &mut Client, user: &str, password: &str) -> String {
    let message = STANDARD.encode(format!("\0{user}\0{password}"));
    client.say(&format!("a AUTHENTICATE PLAIN {message}"));
    client.until_tag("a").pop().unwrap_or_default()
}

pub(crate) fn leave(mut client: Client) {
    client.imap("z LOGOUT");
}
