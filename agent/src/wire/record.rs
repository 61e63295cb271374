//! The TLS record layer around a ClientHello: RFC 8446, section 5.1.

use std::borrow::Cow;

use super::client_hello::TYPE;
use super::hello::{LONGEST, Outcome};

/// Content type of a record with handshake messages.
const HANDSHAKE: u8 = 22;
/// Content type of a record that means nothing in TLS 1.3, and that clients put in front of their second ClientHello:
/// RFC 8446, appendix D.4.
const CHANGE_CIPHER_SPEC: u8 = 20;
/// Octets of a record's header.
const HEADER: usize = 5;
/// Longest fragment in a record.
const FRAGMENT: usize = 1 << 14;

/// How far a ClientHello is there.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Progress<'a> {
    /// This is the message.
    Message(Cow<'a, [u8]>),
    /// More can be said when the stream has this many octets.
    Need(usize),
    /// There is none.
    Failed(Outcome),
}

/// The ClientHello that a stream begins with. What follows it is not looked at.
pub(super) fn client_hello(stream: &[u8]) -> Progress<'_> {
    let (mut at, mut message) = (0, Cow::Borrowed(&[][..]));
    loop {
        let rest = &stream[at..];
        // What is no record at all is only the fault of a client that has begun to speak TLS.
        let fault = if at == 0 {
            Outcome::NotTls
        } else {
            Outcome::Malformed
        };
        if !may_be_header(rest, message.is_empty()) {
            return Progress::Failed(fault);
        }
        let Some((&[kind, _, _, high, low], rest)) = rest.split_first_chunk::<HEADER>() else {
            return Progress::Need(at + HEADER);
        };
        let length = usize::from(u16::from_be_bytes([high, low]));
        if length == 0 || length > FRAGMENT || (kind == CHANGE_CIPHER_SPEC && length != 1) {
            return Progress::Failed(fault);
        }
        let fragment = &rest[..length.min(rest.len())];
        if kind == HANDSHAKE {
            append(&mut message, fragment);
            let needed = match needed(&message) {
                Ok(needed) => needed,
                Err(outcome) => return Progress::Failed(outcome),
            };
            if let Some(more) = needed.checked_sub(message.len()).filter(|more| *more > 0) {
                if fragment.len() < length {
                    return Progress::Need(stream.len() + more.min(length - fragment.len()));
                }
            } else {
                return Progress::Message(shortened(message, needed));
            }
        } else if fragment.len() < length {
            return Progress::Need(at + HEADER + length);
        }
        at += HEADER + length;
    }
}

/// Whether octets can be a record's header, or the beginning of one. `first` unless part of the message came before.
fn may_be_header(octets: &[u8], first: bool) -> bool {
    let kind = |kind: u8| kind == HANDSHAKE || (first && kind == CHANGE_CIPHER_SPEC);
    octets.first().is_none_or(|octet| kind(*octet)) && octets.get(1).is_none_or(|major| *major == 3)
}

fn append<'a>(message: &mut Cow<'a, [u8]>, fragment: &'a [u8]) {
    if message.is_empty() {
        *message = Cow::Borrowed(fragment);
    } else {
        message.to_mut().extend_from_slice(fragment);
    }
}

fn shortened(message: Cow<'_, [u8]>, length: usize) -> Cow<'_, [u8]> {
    match message {
        Cow::Borrowed(message) => Cow::Borrowed(&message[..length]),
        Cow::Owned(mut message) => {
            message.truncate(length);
            Cow::Owned(message)
        }
    }
}

/// How long the message is that begins with these octets, as far as they tell.
///
/// # Errors
/// Returns what it is instead of a ClientHello that is kept.
pub(super) fn needed(message: &[u8]) -> Result<usize, Outcome> {
    if message.first().is_some_and(|kind| *kind != TYPE) {
        return Err(Outcome::NotClient);
    }
    let Some(&[_, high, middle, low]) = message.first_chunk() else {
        return Ok(4);
    };
    let length = 4 + u32::from_be_bytes([0, high, middle, low]) as usize;
    if length > LONGEST {
        return Err(Outcome::TooLong);
    }
    Ok(length)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const MESSAGE: &[u8] = b"\x01\0\0\x04body";

    fn record(fragment: &[u8]) -> Vec<u8> {
        let length = u16::try_from(fragment.len()).unwrap().to_be_bytes();
        [&[HANDSHAKE, 3, 1], &length[..], fragment].concat()
    }

    #[test]
    fn a_message_in_records_of_any_length_is_found_as_soon_as_it_is_there() {
        for length in 1..=MESSAGE.len() {
            let stream: Vec<u8> = MESSAGE.chunks(length).flat_map(record).collect();
            assert_eq!(client_hello(&stream), Progress::Message(MESSAGE.into()));
            for end in 0..stream.len() {
                let Progress::Need(needed) = client_hello(&stream[..end]) else {
                    panic!("{:?}", client_hello(&stream[..end]));
                };
                assert!((end + 1..=stream.len()).contains(&needed), "{needed} after {end}");
            }
        }
    }

    #[test]
    fn what_follows_the_message_is_not_looked_at() {
        let coalesced = record(&[MESSAGE, b"\x0b\0\0\0"].concat());
        assert_eq!(client_hello(&coalesced), Progress::Message(MESSAGE.into()));
        let early_data = [&record(MESSAGE), &b"\x17\x03\x03\0\x01x"[..]].concat();
        assert_eq!(client_hello(&early_data), Progress::Message(MESSAGE.into()));
        let cut_off = &record(&[MESSAGE, b"more"].concat())[..HEADER + MESSAGE.len()];
        assert_eq!(client_hello(cut_off), Progress::Message(MESSAGE.into()));
    }

    #[test]
    fn a_second_hello_may_stand_behind_a_change_of_cipher() {
        let stream = [&b"\x14\x03\x03\0\x01\x01"[..], &record(MESSAGE)].concat();
        assert_eq!(client_hello(&stream), Progress::Message(MESSAGE.into()));
        assert_eq!(client_hello(&stream[..5]), Progress::Need(6));
    }

    #[rstest]
    #[case::http(b"GET / HTTP/1.1", Outcome::NotTls)]
    #[case::first_octet(b"\x15", Outcome::NotTls)]
    #[case::version(b"\x16\x02", Outcome::NotTls)]
    #[case::empty_record(b"\x16\x03\x01\0\0", Outcome::NotTls)]
    #[case::record_too_long(b"\x16\x03\x01\x40\x01", Outcome::NotTls)]
    #[case::long_change_of_cipher(b"\x14\x03\x03\0\x02", Outcome::NotTls)]
    #[case::server(b"\x16\x03\x03\0\x01\x02", Outcome::NotClient)]
    #[case::application_data_inside(b"\x16\x03\x01\0\x01\x01\x17", Outcome::Malformed)]
    #[case::change_of_cipher_inside(b"\x16\x03\x01\0\x01\x01\x14", Outcome::Malformed)]
    #[case::empty_record_inside(b"\x16\x03\x01\0\x01\x01\x16\x03\x01\0\0", Outcome::Malformed)]
    #[case::message_too_long(b"\x16\x03\x01\0\x04\x01\x01\0\0", Outcome::TooLong)]
    fn what_cannot_become_a_hello_is_named_at_once(#[case] stream: &[u8], #[case] outcome: Outcome) {
        assert_eq!(client_hello(stream), Progress::Failed(outcome));
    }
}
