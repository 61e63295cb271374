//! Field names, reduced to what the verdict asks for.

/// The longest name that is kept: `:authority`.
pub(crate) const LONGEST: usize = 10;

/// What is known of a field's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Name {
    /// `:authority`
    Authority,
    /// `:method`
    Method,
    /// `:scheme`; its value is not kept.
    Scheme,
    /// `:path`; its value is not kept.
    Path,
    /// `:protocol`, RFC 8441; its value is not kept.
    Protocol,
    /// `:status`
    Status,
    /// `host`
    Host,
    /// Any other name, known to be none of the above.
    Other,
    /// It stands in a dynamic entry that was not seen.
    Unknown,
}

impl Name {
    /// Recognises a name. HTTP/2 knows lower case only: RFC 9113, section 8.2.
    pub(crate) const fn recognise(name: &[u8]) -> Self {
        match name {
            b":authority" => Self::Authority,
            b":method" => Self::Method,
            b":scheme" => Self::Scheme,
            b":path" => Self::Path,
            b":protocol" => Self::Protocol,
            b":status" => Self::Status,
            b"host" => Self::Host,
            _ => Self::Other,
        }
    }

    /// Whether the values of such fields may be kept. Those of a field whose name is unknown may not: it could be
    /// a cookie.
    pub(crate) const fn has_kept_value(self) -> bool {
        matches!(self, Self::Authority | Self::Method | Self::Status | Self::Host)
    }
}
