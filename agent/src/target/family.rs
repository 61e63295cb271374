//! Whose TLS library an image is, told by functions that only one of them has.

use super::image::Image;

/// Defined by OpenSSL since 1.1.1 and by none of its forks.
const OPENSSL: &str = "SSL_client_hello_get0_ext";
/// Defined by BoringSSL and what was forked from it.
const BORINGSSL: &str = "SSL_CTX_set_select_certificate_cb";
/// Every symbol that tells families apart.
pub(super) const MARKERS: [&str; 2] = [OPENSSL, BORINGSSL];

/// A lineage of libraries with OpenSSL's interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    /// OpenSSL 1.1.1 or later.
    OpenSsl,
    /// BoringSSL or AWS-LC.
    BoringSsl,
    /// It has the functions, but nothing says whose they are: older OpenSSL, LibreSSL.
    Unrecognised,
}

impl Family {
    /// Tells the family of an image. An image with the marks of two families is of neither.
    pub fn of(image: &Image) -> Self {
        match (image.defines(OPENSSL), image.defines(BORINGSSL)) {
            (true, false) => Self::OpenSsl,
            (false, true) => Self::BoringSsl,
            _ => Self::Unrecognised,
        }
    }

    /// The name in metrics and listings.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OpenSsl => "openssl",
            Self::BoringSsl => "boringssl",
            Self::Unrecognised => "unrecognised",
        }
    }
}
