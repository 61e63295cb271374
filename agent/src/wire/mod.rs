//! Foreign encodings that stand on their own.

pub mod certificate;
