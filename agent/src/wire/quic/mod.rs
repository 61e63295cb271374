//! QUIC as far as its Initial packets: RFC 9000, RFC 9001 and, for version 2, RFC 9369.

pub(super) mod frame;
pub(super) mod keys;
pub(super) mod packet;
#[cfg(test)]
pub(super) mod sealed;

/// Versions of QUIC that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    /// RFC 9000.
    One,
    /// RFC 9369.
    Two,
}

impl Version {
    const fn from_number(number: u32) -> Option<Self> {
        match number {
            0x0000_0001 => Some(Self::One),
            0x6b33_43cf => Some(Self::Two),
            _ => None,
        }
    }
}
