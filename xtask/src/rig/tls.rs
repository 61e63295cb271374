//! Versions of TLS.

/// Which versions of TLS a server speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tls {
    /// Those that its program speaks by itself.
    #[default]
    Usual,
    /// TLS 1.2 and nothing newer.
    AtMost12,
}
