//! Text that a peer chose.

/// The octets as text. A hostile client can send any: what is not text, or would steer a terminal, is escaped.
pub(super) fn text(octets: &[u8]) -> String {
    match std::str::from_utf8(octets) {
        Ok(text) if !text.contains(char::is_control) => text.to_owned(),
        _ => octets.escape_ascii().to_string(),
    }
}
