//! The static table: RFC 7541, Appendix A.

use super::name::Name;

/// Entries of the static table; dynamic entries are numbered after them.
pub(super) const LENGTH: u32 = 61;

/// An entry of the static table.
pub(super) struct Fixed {
    /// Its name.
    pub(super) name: Name,
    /// Octets of its name.
    pub(super) name_length: u32,
    /// Its value, if it is one that is kept.
    pub(super) value: Option<&'static str>,
}

/// The entry of an index, 1 to [`LENGTH`]; `None` for any other.
pub(super) fn entry(index: u32) -> Option<Fixed> {
    let (name, value) = *TABLE.get(usize::try_from(index).ok()?.checked_sub(1)?)?;
    let kept = Name::recognise(name.as_bytes());
    Some(Fixed {
        name: kept,
        name_length: u32::try_from(name.len()).ok()?,
        value: kept.has_kept_value().then_some(value),
    })
}

#[rustfmt::skip]
const TABLE: [(&str, &str); LENGTH as usize] = [
    (":authority", ""), (":method", "GET"), (":method", "POST"), (":path", "/"), (":path", "/index.html"),
    (":scheme", "http"), (":scheme", "https"),
    (":status", "200"), (":status", "204"), (":status", "206"), (":status", "304"), (":status", "400"),
    (":status", "404"), (":status", "500"),
    ("accept-charset", ""), ("accept-encoding", "gzip, deflate"), ("accept-language", ""), ("accept-ranges", ""),
    ("accept", ""), ("access-control-allow-origin", ""), ("age", ""), ("allow", ""), ("authorization", ""),
    ("cache-control", ""), ("content-disposition", ""), ("content-encoding", ""), ("content-language", ""),
    ("content-length", ""), ("content-location", ""), ("content-range", ""), ("content-type", ""), ("cookie", ""),
    ("date", ""), ("etag", ""), ("expect", ""), ("expires", ""), ("from", ""), ("host", ""), ("if-match", ""),
    ("if-modified-since", ""), ("if-none-match", ""), ("if-range", ""), ("if-unmodified-since", ""),
    ("last-modified", ""), ("link", ""), ("location", ""), ("max-forwards", ""), ("proxy-authenticate", ""),
    ("proxy-authorization", ""), ("range", ""), ("referer", ""), ("refresh", ""), ("retry-after", ""),
    ("server", ""), ("set-cookie", ""), ("strict-transport-security", ""), ("transfer-encoding", ""),
    ("user-agent", ""), ("vary", ""), ("via", ""), ("www-authenticate", ""),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_and_last_entries_are_those_of_the_rfc() {
        assert_eq!(entry(1).unwrap().name, Name::Authority);
        assert_eq!(entry(14).unwrap().value, Some("500"));
        assert_eq!(entry(38).unwrap().name, Name::Host);
        assert_eq!(entry(61).unwrap().name_length, 16);
        assert!(entry(0).is_none());
        assert!(entry(62).is_none());
    }

    #[test]
    fn values_nobody_asks_for_are_not_kept() {
        assert_eq!(entry(5).unwrap().value, None);
        assert_eq!(entry(32).unwrap().name, Name::Other);
    }
}
