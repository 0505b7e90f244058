//! Channel bindings (RFC 5056): what ties a SCRAM exchange to the TLS connection it runs over, so
//! that nobody in between can pass it on.
//!
//! `tls-exporter` (RFC 9266) and `tls-server-end-point` (RFC 5929 §4). No `tls-unique`: it is broken
//! on TLS 1.2 without extended master secret and not defined on 1.3.

/// Which property of the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BindingKind {
    /// Keying material of this very connection; TLS 1.3 only.
    TlsExporter,
    /// The hash of the server's certificate.
    TlsServerEndPoint,
}

impl BindingKind {
    /// The registered name, `tls-exporter`.
    pub fn name(self) -> &'static str {
        match self {
            BindingKind::TlsExporter => "tls-exporter",
            BindingKind::TlsServerEndPoint => "tls-server-end-point",
        }
    }
}

/// One binding of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelBinding {
    /// Which.
    pub kind: BindingKind,
    /// What both ends know.
    pub data: Vec<u8>,
}

/// All bindings that a connection has; none without TLS.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChannelBindings(Vec<ChannelBinding>);

impl ChannelBindings {
    /// Of a connection without TLS.
    pub fn none() -> ChannelBindings {
        ChannelBindings::default()
    }

    /// `exporter`: 32 octets of keying material, of a connection with TLS 1.3. `end_point`: the hash
    /// of the server's certificate, where its signature names a hash.
    pub fn new(exporter: Option<Vec<u8>>, end_point: Option<Vec<u8>>) -> ChannelBindings {
        let exporter = exporter.map(|data| ChannelBinding {
            kind: BindingKind::TlsExporter,
            data,
        });
        let end_point = end_point.map(|data| ChannelBinding {
            kind: BindingKind::TlsServerEndPoint,
            data,
        });
        ChannelBindings(exporter.into_iter().chain(end_point).collect())
    }

    /// Whether there is nothing to bind to.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The one a client should take.
    pub fn best(&self) -> Option<&ChannelBinding> {
        self.0.first()
    }

    /// By its registered name, which is case sensitive.
    pub fn named(&self, name: &[u8]) -> Option<&ChannelBinding> {
        self.0
            .iter()
            .find(|binding| binding.kind.name().as_bytes() == name)
    }

    /// By its kind.
    pub fn get(&self, kind: BindingKind) -> Option<&ChannelBinding> {
        self.0.iter().find(|binding| binding.kind == kind)
    }
}
