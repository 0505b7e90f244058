use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, RootCertStore, ServerConnection, SupportedProtocolVersion};

use super::super::tls::{Clients, server_config};
use super::super::{provider, self_signed};
use super::*;
use crate::sasl::BindingKind;

/// Both ends of a connection, after the handshake.
fn connect(version: &'static SupportedProtocolVersion) -> [ChannelBindings; 2] {
    let pairs = ["mail.example.org", "other.example"].map(|name| {
        let made = self_signed(&[name], &[]).expect("made");
        let chain = CertificateDer::from_pem_slice(made.cert_pem.as_bytes()).expect("a cert");
        let key = PrivateKeyDer::from_pem_slice(made.key_pem.as_bytes()).expect("a key");
        CertifiedKey::from_der(vec![chain], key, &provider()).expect("a pair")
    });
    let mut roots = RootCertStore::empty();
    for pair in &pairs {
        roots.add(pair.cert[0].clone()).expect("a root");
    }
    let server = server_config(pairs.into(), false, Clients::Servers).expect("a configuration");
    let config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[version])
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("other.example").expect("a name");
    let mut client = ClientConnection::new(Arc::new(config), name).expect("a client");
    let mut end = ServerConnection::new(server.config.clone()).expect("a server");
    while client.is_handshaking() || end.is_handshaking() {
        let mut wire = Vec::new();
        client.write_tls(&mut wire).expect("written");
        end.read_tls(&mut wire.as_slice()).expect("read");
        end.process_new_packets().expect("taken");
        let mut wire = Vec::new();
        end.write_tls(&mut wire).expect("written");
        client.read_tls(&mut wire.as_slice()).expect("read");
        client.process_new_packets().expect("taken");
    }
    [
        client_channel_bindings(&client),
        server.channel_bindings(&end),
    ]
}

#[test]
fn both_ends_know_the_same() {
    let [client, server] = connect(&rustls::version::TLS13);
    assert_eq!(client, server);
    let exporter = server.get(BindingKind::TlsExporter).expect("one");
    assert_eq!(exporter.data.len(), 32);
    assert_eq!(server.best(), Some(exporter));
    let [other, _] = connect(&rustls::version::TLS13);
    assert_ne!(Some(exporter), other.best(), "another connection");
    let [client, server] = connect(&rustls::version::TLS12);
    assert_eq!(client, server);
    assert!(server.get(BindingKind::TlsExporter).is_none());
    let end_point = server.get(BindingKind::TlsServerEndPoint).expect("one");
    assert_eq!(end_point.data.len(), 32);
}

#[test]
fn a_signature_without_a_hash_gives_no_end_point() {
    for (algorithm, octets) in [
        (&rcgen::PKCS_ECDSA_P256_SHA256, Some(32)),
        (&rcgen::PKCS_ECDSA_P384_SHA384, Some(48)),
        (&rcgen::PKCS_ED25519, None),
    ] {
        let key = rcgen::KeyPair::generate_for(algorithm).expect("a key");
        let params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).expect("params");
        let cert = params.self_signed(&key).expect("a certificate");
        let end_point = server_end_point(cert.der());
        assert_eq!(end_point.map(|data| data.len()), octets, "{algorithm:?}");
    }
    assert_eq!(server_end_point(b"nothing"), None);
}
