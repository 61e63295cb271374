//! Takes a ClientHello apart.

use thiserror::Error;

use super::extensions::{
    ALPN, EARLY_DATA, ENCRYPTED_CLIENT_HELLO, Extensions, PRE_SHARED_KEY, SERVER_NAME, SESSION_TICKET,
    SIGNATURE_ALGORITHMS, SUPPORTED_VERSIONS, values,
};
use super::text::text;
use super::{
    ClientHello, EncryptedClientHello, PROTOCOLS, Resumption, ServerName, TYPE, Transport, is_grease, ja4,
};
use crate::wire::reader::Reader;

/// Why bytes are no ClientHello.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("ClientHello with malformed {0}")]
pub struct Malformed(pub &'static str);

impl ClientHello {
    /// Reads a handshake message, from its type to its end.
    ///
    /// # Errors
    /// Returns [`Malformed`] if it is no ClientHello, or breaks the grammar of one. A malformed server name is a
    /// fact, not an error.
    pub fn parse(message: &[u8], transport: Transport) -> Result<Self, Malformed> {
        let mut reader = Reader::new(message);
        let header = reader.u8().zip(reader.u24());
        if header.is_none_or(|(kind, length)| kind != TYPE || length as usize != reader.rest().len()) {
            return Err(Malformed("header"));
        }
        let legacy_version = reader.u16().ok_or(Malformed("version"))?;
        let random = reader.array().ok_or(Malformed("random"))?;
        let session_id = reader.vector8().filter(|id| id.len() <= 32);
        let session_id = session_id.ok_or(Malformed("session identifier"))?;
        let ciphers = reader
            .vector16()
            .and_then(values)
            .ok_or(Malformed("cipher suites"))?;
        let compression = reader.vector8().filter(|methods| !methods.is_empty());
        compression.ok_or(Malformed("compression methods"))?;
        let extensions = Extensions::read(reader.rest())?;

        let versions = extensions
            .find(SUPPORTED_VERSIONS)
            .map(supported_versions)
            .transpose()?;
        let protocols = extensions
            .find(ALPN)
            .map(protocols)
            .transpose()?
            .unwrap_or_default();
        let signatures = extensions
            .find(SIGNATURE_ALGORITHMS)
            .map(signature_algorithms)
            .transpose()?;
        let encrypted_client_hello = EncryptedClientHello::read(extensions.find(ENCRYPTED_CLIENT_HELLO))
            .ok_or(Malformed("encrypted_client_hello"))?;
        let ja4 = ja4::fingerprint(&ja4::Input {
            transport,
            // The older field counts only where there is no such extension.
            version: versions
                .as_ref()
                .map_or(Some(legacy_version), |versions| versions.iter().max().copied()),
            ciphers: &ciphers,
            extensions: &extensions.types().collect::<Vec<_>>(),
            protocol: protocols.first().copied(),
            signatures: signatures.as_deref().unwrap_or_default(),
        });
        Ok(Self {
            random,
            legacy_version,
            supported_versions: versions.unwrap_or_default(),
            server_name: ServerName::read(extensions.find(SERVER_NAME)),
            protocols: protocols.into_iter().map(text).collect(),
            resumption: Resumption {
                session_id: !session_id.is_empty(),
                ticket: extensions
                    .find(SESSION_TICKET)
                    .is_some_and(|ticket| !ticket.is_empty()),
                pre_shared_key: extensions.find(PRE_SHARED_KEY).is_some(),
            },
            early_data: extensions.find(EARLY_DATA).is_some(),
            encrypted_client_hello,
            ja4,
        })
    }
}

fn supported_versions(data: &[u8]) -> Result<Vec<u16>, Malformed> {
    let mut reader = Reader::new(data);
    let versions = reader.vector8().filter(|_| reader.is_empty()).and_then(values);
    versions.ok_or(Malformed("supported_versions"))
}

fn signature_algorithms(data: &[u8]) -> Result<Vec<u16>, Malformed> {
    let mut reader = Reader::new(data);
    let algorithms = reader.vector16().filter(|_| reader.is_empty()).and_then(values);
    algorithms.ok_or(Malformed("signature_algorithms"))
}

/// The first [`PROTOCOLS`] in an ALPN extension, without GREASE values.
fn protocols(data: &[u8]) -> Result<Vec<&[u8]>, Malformed> {
    const MALFORMED: Malformed = Malformed("application_layer_protocol_negotiation");
    let mut reader = Reader::new(data);
    let list = reader
        .vector16()
        .filter(|list| reader.is_empty() && !list.is_empty());
    let mut list = Reader::new(list.ok_or(MALFORMED)?);
    let mut protocols = Vec::new();
    while !list.is_empty() {
        let protocol = list.vector8().ok_or(MALFORMED)?;
        let grease = <[u8; 2]>::try_from(protocol).is_ok_and(|value| is_grease(u16::from_be_bytes(value)));
        if !grease && protocols.len() < PROTOCOLS {
            protocols.push(protocol);
        }
    }
    Ok(protocols)
}
