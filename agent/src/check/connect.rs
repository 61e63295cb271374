//! One TLS connection with a chosen server name and chosen protocols.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::client::Resumption;
use rustls::crypto::ring;
use rustls::pki_types::ServerName;
use rustls::{AlertDescription, ClientConfig};
use thiserror::Error;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::plan::Sni;
use super::witness::Witness;
use crate::verdict::Protocol;

/// What a handshake told, as far as it came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Handshake {
    /// Subject alternative names of the server's certificate, addresses as `IP:address`; `None` if it presented
    /// none that can be read.
    pub certificate_names: Option<Vec<String>>,
    /// Whether the server asked for a client certificate; `None` if the handshake failed before that.
    pub client_certificate: Option<bool>,
    /// Protocol that ALPN chose (RFC 7301); `None` if none.
    pub alpn: Option<String>,
    /// Version of TLS, such as `TLSv1.3`.
    pub version: Option<&'static str>,
}

/// Why there is no connection.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    /// No TCP connection.
    #[error("cannot connect to {address}: {cause}")]
    NoConnection {
        /// Where to.
        address: SocketAddr,
        /// Why not.
        cause: ErrorKind,
    },
    /// No TCP connection in time.
    #[error("{address} takes no connection within {} s", limit.as_secs_f64())]
    ConnectionTimedOut {
        /// Where to.
        address: SocketAddr,
        /// How long that may take.
        limit: Duration,
    },
    /// No TLS in time.
    #[error("no TLS handshake within {} s", .0.as_secs_f64())]
    HandshakeTimedOut(Duration),
    /// The server said why (RFC 8446, section 6.2).
    #[error("the server refuses the handshake with the alert {0}")]
    Alert(String),
    /// The server did not say why.
    #[error("the server closes the connection during the handshake")]
    Closed,
    /// What came is no TLS.
    #[error("what the server sends is no TLS")]
    NotTls,
    /// The handshake failed in another way.
    #[error("the handshake fails: {0}")]
    Failed(String),
    /// The protocol was not chosen.
    #[error("the server does not speak {} there", .0.as_str())]
    NotSpoken(Protocol),
}

impl Refusal {
    /// Whether there is no TCP connection, so that another address may have one.
    pub const fn is_unreachable(&self) -> bool {
        matches!(self, Self::NoConnection { .. } | Self::ConnectionTimedOut { .. })
    }

    /// Whether it lies in the server as a whole, and not in the name or the protocol.
    pub const fn is_of_the_server(&self) -> bool {
        self.is_unreachable() || matches!(self, Self::HandshakeTimedOut(_) | Self::NotTls)
    }
}

/// How an attempt to connect ended.
pub(super) struct Dialled {
    pub(super) handshake: Handshake,
    pub(super) stream: Result<TlsStream<TcpStream>, Refusal>,
}

/// Connects to `address` with this server name, and offers the protocols. TCP and TLS may take `limit` each.
pub(super) async fn connect(
    address: SocketAddr,
    sni: &Sni,
    protocols: &[Protocol],
    limit: Duration,
) -> Dialled {
    let refused = |refusal| Dialled {
        handshake: Handshake::default(),
        stream: Err(refusal),
    };
    let tcp = match timeout(limit, TcpStream::connect(address)).await {
        Ok(Ok(tcp)) => tcp,
        Ok(Err(error)) => {
            return refused(Refusal::NoConnection {
                address,
                cause: error.kind(),
            });
        }
        Err(_) => return refused(Refusal::ConnectionTimedOut { address, limit }),
    };
    let provider = Arc::new(ring::default_provider());
    let schemes = provider.signature_verification_algorithms.supported_schemes();
    let witness = Arc::new(Witness::new(schemes));
    let config = match config(provider, &witness, sni, protocols) {
        Ok(config) => config,
        Err(error) => return refused(Refusal::Failed(error.to_string())),
    };
    // An address is never sent as SNI.
    let name = match sni.name().map(|name| ServerName::try_from(name.to_owned())) {
        None => ServerName::IpAddress(address.ip().into()),
        Some(Ok(name)) => name,
        Some(Err(error)) => return refused(Refusal::Failed(error.to_string())),
    };
    let connecting = TlsConnector::from(Arc::new(config)).connect(name, tcp);
    let stream = match timeout(limit, connecting).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(error)) => Err(refusal(&error)),
        Err(_) => Err(Refusal::HandshakeTimedOut(limit)),
    };
    Dialled {
        handshake: told(&witness, stream.as_ref().ok()),
        stream,
    }
}

fn config(
    provider: Arc<rustls::crypto::CryptoProvider>,
    witness: &Arc<Witness>,
    sni: &Sni,
    protocols: &[Protocol],
) -> Result<ClientConfig, rustls::Error> {
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::clone(witness) as _)
        .with_client_cert_resolver(Arc::clone(witness) as _);
    config.enable_sni = *sni != Sni::Absent;
    config.alpn_protocols = protocols
        .iter()
        .map(|protocol| protocol.as_str().into())
        .collect();
    // A resumed session would show what was presented to another name.
    config.resumption = Resumption::disabled();
    Ok(config)
}

fn told(witness: &Witness, stream: Option<&TlsStream<TcpStream>>) -> Handshake {
    let connection = stream.map(|stream| stream.get_ref().1);
    let asked = witness.was_asked();
    let alpn = connection.and_then(|connection| connection.alpn_protocol());
    let version = connection.and_then(|connection| connection.protocol_version());
    Handshake {
        certificate_names: witness.names(),
        client_certificate: (asked || stream.is_some()).then_some(asked),
        alpn: alpn.map(|alpn| String::from_utf8_lossy(alpn).into_owned()),
        version: version.and_then(|version| match version {
            rustls::ProtocolVersion::TLSv1_2 => Some("TLSv1.2"),
            rustls::ProtocolVersion::TLSv1_3 => Some("TLSv1.3"),
            _ => None,
        }),
    }
}

fn refusal(error: &io::Error) -> Refusal {
    match tls_error(error) {
        Some(rustls::Error::AlertReceived(alert)) => Refusal::Alert(alert_name(*alert)),
        Some(rustls::Error::InvalidMessage(_)) => Refusal::NotTls,
        Some(other) => Refusal::Failed(other.to_string()),
        None => match error.kind() {
            ErrorKind::UnexpectedEof
            | ErrorKind::ConnectionReset
            | ErrorKind::ConnectionAborted
            | ErrorKind::BrokenPipe => Refusal::Closed,
            kind => Refusal::Failed(kind.to_string()),
        },
    }
}

/// The error of TLS inside one of a stream.
pub(super) fn tls_error(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref()
}

/// The name of an alert as RFC 8446, section 6, writes it.
pub(super) fn alert_name(alert: AlertDescription) -> String {
    match alert {
        AlertDescription::Unknown(number) => number.to_string(),
        known => snake_case(&format!("{known:?}")),
    }
}

/// The name of an alert, from the one that rustls gives it.
pub(super) fn snake_case(alert: &str) -> String {
    let mut name = String::new();
    let mut after_lower = false;
    for letter in alert.chars() {
        if letter.is_ascii_uppercase() && after_lower {
            name.push('_');
        }
        after_lower = letter.is_ascii_lowercase();
        name.push(letter.to_ascii_lowercase());
    }
    name.replace("recognised", "recognized")
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::spelled_otherwise(AlertDescription::UnrecognisedName, "unrecognized_name")]
    #[case::abbreviation(AlertDescription::UnknownCA, "unknown_ca")]
    #[case::three_words(AlertDescription::NoApplicationProtocol, "no_application_protocol")]
    #[case::no_name(AlertDescription::Unknown(200), "200")]
    fn alerts_have_the_names_of_the_rfc(#[case] alert: AlertDescription, #[case] expected: &str) {
        assert_eq!(alert_name(alert), expected);
    }

    #[test]
    fn the_cause_is_told_apart() {
        let tls = |error| io::Error::new(ErrorKind::InvalidData, error);
        let alert = tls(rustls::Error::AlertReceived(AlertDescription::UnrecognisedName));
        assert_eq!(refusal(&alert), Refusal::Alert("unrecognized_name".to_owned()));
        let garbage = tls(rustls::Error::InvalidMessage(
            rustls::InvalidMessage::InvalidContentType,
        ));
        assert_eq!(refusal(&garbage), Refusal::NotTls);
        assert_eq!(refusal(&ErrorKind::UnexpectedEof.into()), Refusal::Closed);
    }
}
