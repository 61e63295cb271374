//! What a handshake shows to the client: the certificate, and whether one is asked for in return.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use rustls::client::ResolvesClientCert;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::sign::CertifiedKey;
use rustls::{DigitallySignedStruct, Error, SignatureScheme};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer as _;

use crate::wire::certificate;

/// Takes any certificate and remembers it; has none of its own, and remembers whether it was asked.
///
/// Nothing secret is sent on such a connection, and who really answers is not the question: how it answers is.
/// So a certificate that has expired, or that nobody vouches for, is no reason to learn nothing.
#[derive(Debug)]
pub(super) struct Witness {
    schemes: Vec<SignatureScheme>,
    names: OnceLock<Option<Vec<String>>>,
    asked: AtomicBool,
}

impl Witness {
    /// Has seen nothing yet. `schemes` are offered for the server's signature.
    pub(super) fn new(schemes: Vec<SignatureScheme>) -> Self {
        Self {
            schemes,
            names: OnceLock::new(),
            asked: AtomicBool::new(false),
        }
    }

    /// The subject alternative names of the certificate that was presented; `None` if none was, or it could not
    /// be read.
    pub(super) fn names(&self) -> Option<Vec<String>> {
        self.names.get().cloned().flatten()
    }

    /// Whether the server asked for a client certificate.
    pub(super) fn was_asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }
}

fn names(certificate: &[u8]) -> Option<Vec<String>> {
    let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
    certificate::names(certificate.tbs_certificate.as_ref())
}

impl ServerCertVerifier for Witness {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.names.get_or_init(|| names(end_entity));
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.schemes.clone()
    }
}

impl ResolvesClientCert for Witness {
    fn resolve(
        &self,
        _root_hint_subjects: &[&[u8]],
        _schemes: &[SignatureScheme],
    ) -> Option<std::sync::Arc<CertifiedKey>> {
        self.asked.store(true, Ordering::Relaxed);
        None
    }

    fn has_certs(&self) -> bool {
        false
    }
}
