//! The names in a certificate.

use std::{collections::HashMap, net::IpAddr, sync::Arc};

use x509_parser::{certificate::TbsCertificate, extensions::GeneralName, prelude::FromDer};

/// Certificates whose names are remembered. A machine presents and meets few different ones.
const REMEMBERED: usize = 512;

/// The subject alternative names of an encoded `TBSCertificate` (RFC 5280, sections 4.1 and 4.2.1.6): DNS names
/// as they are, IP addresses as `IP:address`. The subject's common name does not count (RFC 9525, section 2).
/// `None` if it is no such encoding.
pub fn names(encoding: &[u8]) -> Option<Vec<String>> {
    let (_, certificate) = TbsCertificate::from_der(encoding).ok()?;
    let extension = certificate.subject_alternative_name().ok()?;
    let names = extension.map_or(&[][..], |extension| &extension.value.general_names);
    Some(names.iter().filter_map(name).collect())
}

fn name(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(octets) => {
            let address = match octets.len() {
                4 => IpAddr::from(<[u8; 4]>::try_from(*octets).ok()?),
                16 => IpAddr::from(<[u8; 16]>::try_from(*octets).ok()?),
                _ => return None,
            };
            Some(format!("IP:{address}"))
        }
        _ => None,
    }
}

/// Names of certificates seen before, so that each is parsed once.
#[derive(Debug, Default)]
pub struct Names {
    known: HashMap<Box<[u8]>, Option<Arc<[String]>>>,
}

impl Names {
    /// As [`names`].
    pub fn of(&mut self, encoding: &[u8]) -> Option<Arc<[String]>> {
        if let Some(names) = self.known.get(encoding) {
            return names.clone();
        }
        if self.known.len() >= REMEMBERED {
            self.known.clear();
        }
        let names = names(encoding).map(Arc::from);
        self.known.insert(encoding.into(), names.clone());
        names
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn bytes_of_any_kind_are_taken(bytes: Vec<u8>) {
            let _ = names(&bytes);
        }
    }

    #[test]
    fn what_is_no_certificate_has_no_names() {
        assert_eq!(names(b""), None);
        assert_eq!(Names::default().of(b"\x30\x03abc"), None);
    }
}
