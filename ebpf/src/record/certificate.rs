//! Certificates.

use super::Header;

/// Longest encoded `TBSCertificate` that is copied.
pub const CERTIFICATE: usize = 4096;

/// A certificate of a connection: the encoded `TBSCertificate`, RFC 5280, section 4.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "user", derive(bytemuck::Pod, bytemuck::Zeroable))]
#[repr(C)]
pub struct CertificateHeader {
    /// What every record begins with.
    pub header: Header,
    /// Bytes that follow; fewer than `full_length` if it was too long to copy.
    pub length: u32,
    /// Bytes of the whole encoding.
    pub full_length: u32,
    /// 1 if the process presented it, 0 if its peer did.
    pub own: u8,
    /// Always 0.
    pub reserved: [u8; 7],
}

const _: () = assert!(size_of::<CertificateHeader>() == 56);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_no_padding() {
        assert_eq!(
            size_of::<CertificateHeader>(),
            size_of::<Header>() + 4 + 4 + 1 + 7
        );
    }
}
