//! Frames: RFC 9113, sections 4.1 and 6.

/// Octets of a frame's header.
const HEADER: usize = 9;

const ACK: u8 = 0x1;
const END_HEADERS: u8 = 0x4;
const PADDED: u8 = 0x8;
const PRIORITY: u8 = 0x20;

const SETTINGS_HEADER_TABLE_SIZE: u16 = 0x1;

/// What the header of a frame says about header blocks, even if the frame is broken or cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Carries {
    /// The first part of a stream's block: HEADERS.
    Head {
        /// The stream.
        stream: u32,
    },
    /// Another part of a block, or that of a promise: `PUSH_PROMISE`, CONTINUATION.
    Part,
    /// None.
    Nothing,
}

/// What a frame carries, by its header; `None` if not all of that is there.
pub(super) fn carries(bytes: &[u8]) -> Option<Carries> {
    let header = bytes.get(..HEADER)?;
    let (stream, _) = stream_id(&header[5..])?;
    Some(match header[3] {
        0x1 => Carries::Head { stream },
        0x5 | 0x9 => Carries::Part,
        _ => Carries::Nothing,
    })
}

/// A frame.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Frame<'a> {
    /// HEADERS, section 6.2, without padding and priority.
    Headers {
        stream: u32,
        fragment: &'a [u8],
        last: bool,
    },
    /// `PUSH_PROMISE`, section 6.6, without padding.
    PushPromise {
        stream: u32,
        fragment: &'a [u8],
        last: bool,
    },
    /// CONTINUATION, section 6.10.
    Continuation {
        stream: u32,
        fragment: &'a [u8],
        last: bool,
    },
    /// `RST_STREAM`, section 6.4.
    Reset { stream: u32 },
    /// SETTINGS, section 6.5, with the one setting that matters here.
    Settings { header_table_size: Option<u32> },
    /// The acknowledgement of SETTINGS.
    SettingsAcknowledged,
    /// GOAWAY, section 6.8: streams of the recipient above `last_stream` were and will not be processed.
    GoAway { last_stream: u32 },
    /// A type that says nothing about requests.
    Other,
}

/// Reads a whole frame; `None` if it breaks the rules of its type.
pub(super) fn parse(bytes: &[u8]) -> Option<Frame<'_>> {
    let (header, payload) = bytes.split_at_checked(HEADER)?;
    let length = u32::from_be_bytes([0, header[0], header[1], header[2]]);
    if usize::try_from(length).ok()? != payload.len() {
        return None;
    }
    let flags = header[4];
    let (stream, _) = stream_id(&header[5..])?;
    let last = flags & END_HEADERS != 0;
    match header[3] {
        0x1 if stream != 0 => {
            let payload = without_padding(flags, payload)?;
            let fragment = if flags & PRIORITY == 0 {
                payload
            } else {
                payload.get(5..)?
            };
            Some(Frame::Headers {
                stream,
                fragment,
                last,
            })
        }
        0x3 if stream != 0 && payload.len() == 4 => Some(Frame::Reset { stream }),
        0x4 if stream == 0 => settings(flags, payload),
        0x5 if stream != 0 => {
            let (_promised, fragment) = stream_id(without_padding(flags, payload)?)?;
            Some(Frame::PushPromise {
                stream,
                fragment,
                last,
            })
        }
        0x7 if stream == 0 && payload.len() >= 8 => {
            let (last_stream, _) = stream_id(payload)?;
            Some(Frame::GoAway { last_stream })
        }
        0x9 if stream != 0 => Some(Frame::Continuation {
            stream,
            fragment: payload,
            last,
        }),
        0x1 | 0x3 | 0x4 | 0x5 | 0x7 | 0x9 => None,
        _ => Some(Frame::Other),
    }
}

/// A stream identifier and what follows. The first bit is reserved: section 4.1.
fn stream_id(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (id, rest) = bytes.split_first_chunk()?;
    Some((u32::from_be_bytes(*id) & 0x7fff_ffff, rest))
}

/// Strips padding: section 6.1.
fn without_padding(flags: u8, payload: &[u8]) -> Option<&[u8]> {
    if flags & PADDED == 0 {
        return Some(payload);
    }
    let (&padding, rest) = payload.split_first()?;
    rest.len()
        .checked_sub(usize::from(padding))
        .map(|length| &rest[..length])
}

fn settings(flags: u8, payload: &[u8]) -> Option<Frame<'_>> {
    if flags & ACK != 0 {
        return payload.is_empty().then_some(Frame::SettingsAcknowledged);
    }
    let (settings, rest) = payload.as_chunks::<6>();
    // A setting given twice counts as given last: section 6.5.3.
    let header_table_size = settings.iter().rev().find_map(|&[id_high, id_low, a, b, c, d]| {
        (u16::from_be_bytes([id_high, id_low]) == SETTINGS_HEADER_TABLE_SIZE)
            .then_some(u32::from_be_bytes([a, b, c, d]))
    });
    rest.is_empty().then_some(Frame::Settings { header_table_size })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::plain(&[0, 0, 1, 1, 4, 0, 0, 0, 1, 0x82])]
    #[case::padded(&[0, 0, 4, 1, 0xc, 0, 0, 0, 1, 2, 0x82, 0, 0])]
    #[case::priority(&[0, 0, 6, 1, 0x24, 0, 0, 0, 1, 0x80, 0, 0, 3, 16, 0x82])]
    #[case::padded_and_priority(&[0, 0, 8, 1, 0x2c, 0, 0, 0, 1, 1, 0x80, 0, 0, 3, 16, 0x82, 0])]
    #[case::reserved_bit(&[0, 0, 1, 1, 4, 0x80, 0, 0, 1, 0x82])]
    fn headers(#[case] bytes: &[u8]) {
        let expected = Frame::Headers {
            stream: 1,
            fragment: &[0x82],
            last: true,
        };
        assert_eq!(parse(bytes), Some(expected));
    }

    #[test]
    fn push_promise_names_the_stream_it_answers() {
        let bytes = [0, 0, 7, 5, 0xc, 0, 0, 0, 1, 1, 0, 0, 0, 2, 0x82, 0];
        let expected = Frame::PushPromise {
            stream: 1,
            fragment: &[0x82],
            last: true,
        };
        assert_eq!(parse(&bytes), Some(expected));
    }

    #[test]
    fn settings_given_twice_count_as_given_last() {
        let bytes = [
            0, 0, 18, 4, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 2, 0, 3, 0, 0, 0, 9,
        ];
        assert_eq!(
            parse(&bytes),
            Some(Frame::Settings {
                header_table_size: Some(2)
            })
        );
    }

    #[rstest]
    #[case::reset(&[0, 0, 4, 3, 0, 0, 0, 0, 5, 0, 0, 0, 8], Frame::Reset { stream: 5 })]
    #[case::go_away(&[0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0], Frame::GoAway { last_stream: 3 })]
    #[case::acknowledgement(&[0, 0, 0, 4, 1, 0, 0, 0, 0], Frame::SettingsAcknowledged)]
    #[case::unheard_of(&[0, 0, 0, 0xee, 0, 0, 0, 0, 0], Frame::Other)]
    fn others(#[case] bytes: &[u8], #[case] frame: Frame<'_>) {
        assert_eq!(parse(bytes), Some(frame));
    }

    #[rstest]
    #[case::header_cut_off(&[0, 0, 0, 1, 4, 0, 0, 0])]
    #[case::length_that_lies(&[0, 0, 2, 1, 4, 0, 0, 0, 1, 0x82])]
    #[case::headers_on_stream_0(&[0, 0, 1, 1, 4, 0, 0, 0, 0, 0x82])]
    #[case::more_padding_than_payload(&[0, 0, 2, 1, 0xc, 0, 0, 0, 1, 2, 0x82])]
    #[case::priority_cut_off(&[0, 0, 4, 1, 0x24, 0, 0, 0, 1, 0, 0, 0, 0])]
    #[case::reset_of_odd_length(&[0, 0, 3, 3, 0, 0, 0, 0, 5, 0, 0, 0])]
    #[case::settings_of_odd_length(&[0, 0, 5, 4, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0])]
    #[case::acknowledgement_with_payload(&[0, 0, 6, 4, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1])]
    #[case::settings_on_a_stream(&[0, 0, 0, 4, 0, 0, 0, 0, 1])]
    #[case::go_away_cut_off(&[0, 0, 4, 7, 0, 0, 0, 0, 0, 0, 0, 0, 3])]
    fn refuses(#[case] bytes: &[u8]) {
        assert_eq!(parse(bytes), None);
    }
}
