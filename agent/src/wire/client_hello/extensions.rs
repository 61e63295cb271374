//! The extensions of a ClientHello: RFC 8446, section 4.2.

use super::is_grease;
use super::parse::Malformed;
use crate::wire::reader::Reader;

/// RFC 6066, section 3.
pub(super) const SERVER_NAME: u16 = 0;
/// RFC 8446, section 4.2.3.
pub(super) const SIGNATURE_ALGORITHMS: u16 = 13;
/// RFC 7301.
pub(super) const ALPN: u16 = 16;
/// RFC 5077.
pub(super) const SESSION_TICKET: u16 = 35;
/// RFC 8446, section 4.2.11.
pub(super) const PRE_SHARED_KEY: u16 = 41;
/// RFC 8446, section 4.2.10.
pub(super) const EARLY_DATA: u16 = 42;
/// RFC 8446, section 4.2.1.
pub(super) const SUPPORTED_VERSIONS: u16 = 43;
/// RFC 9849, section 5.
pub(super) const ENCRYPTED_CLIENT_HELLO: u16 = 0xfe0d;

/// Extensions in their order, none of them twice.
pub(super) struct Extensions<'a>(Vec<(u16, &'a [u8])>);

impl<'a> Extensions<'a> {
    /// Reads what follows the compression methods: nothing, in old clients, or a list.
    pub(super) fn read(octets: &'a [u8]) -> Result<Self, Malformed> {
        const MALFORMED: Malformed = Malformed("extensions");
        let mut reader = Reader::new(octets);
        if reader.is_empty() {
            return Ok(Self(Vec::new()));
        }
        let mut list = Reader::new(reader.vector16().ok_or(MALFORMED)?);
        if !reader.is_empty() {
            return Err(MALFORMED);
        }
        let mut extensions = Vec::new();
        while !list.is_empty() {
            let extension = list.u16().zip(list.vector16()).ok_or(MALFORMED)?;
            extensions.push(extension);
        }
        let mut types: Vec<u16> = extensions.iter().map(|(kind, _)| *kind).collect();
        types.sort_unstable();
        // Section 4.2 forbids it, and servers would disagree about which of the two counts.
        if types.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(Malformed("extensions: one stands there twice"));
        }
        Ok(Self(extensions))
    }

    /// The data of the extension of this type.
    pub(super) fn find(&self, kind: u16) -> Option<&'a [u8]> {
        self.0
            .iter()
            .find(|extension| extension.0 == kind)
            .map(|extension| extension.1)
    }

    /// The types, in their order, without GREASE values.
    pub(super) fn types(&self) -> impl Iterator<Item = u16> {
        self.0
            .iter()
            .map(|(kind, _)| *kind)
            .filter(|kind| !is_grease(*kind))
    }
}

/// The values of a list of two octets each, without GREASE values. `None` if it is empty or ends in half a value.
pub(super) fn values(octets: &[u8]) -> Option<Vec<u16>> {
    let (pairs, []) = octets.as_chunks() else {
        return None;
    };
    let values = pairs.iter().map(|pair| u16::from_be_bytes(*pair));
    (!pairs.is_empty()).then(|| values.filter(|value| !is_grease(*value)).collect())
}
