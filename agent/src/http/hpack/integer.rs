//! Integers: RFC 7541, section 5.1.

use super::Malformed;

/// Octets that may follow the prefix. Five hold more than 32 bits, and nothing in HPACK is larger.
const CONTINUATION: usize = 5;

/// Reads an integer whose first octet holds it in its low `prefix` bits, 1 to 7, and moves `input` behind it.
///
/// # Errors
/// [`Malformed::Truncated`] if the input ends inside it, [`Malformed::Integer`] if it does not fit 32 bits or is
/// encoded with more than [`CONTINUATION`] further octets.
pub(super) fn decode(input: &mut &[u8], prefix: u32) -> Result<u32, Malformed> {
    let mask = (1_u8 << prefix) - 1;
    let first = octet(input)? & mask;
    if first < mask {
        return Ok(u32::from(first));
    }
    let mut value = u64::from(mask);
    for position in 0..CONTINUATION {
        let octet = octet(input)?;
        value += u64::from(octet & 0x7f) << (7 * position);
        if octet & 0x80 == 0 {
            return u32::try_from(value).map_err(|_| Malformed::Integer);
        }
    }
    Err(Malformed::Integer)
}

fn octet(input: &mut &[u8]) -> Result<u8, Malformed> {
    let (&octet, rest) = input.split_first().ok_or(Malformed::Truncated)?;
    *input = rest;
    Ok(octet)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::rfc_c_1_1(&[0b1110_1010], 5, 10)]
    #[case::rfc_c_1_2(&[0b0001_1111, 0b1001_1010, 0b0000_1010], 5, 1337)]
    #[case::rfc_c_1_3(&[0b0010_1010], 7, 42)]
    #[case::largest(&[0x7f, 0x80, 0xff, 0xff, 0xff, 0x0f], 7, u32::MAX)]
    #[case::padded_with_zeros(&[0x7f, 0x80, 0x80, 0x00], 7, 127)]
    fn decodes(#[case] mut input: &[u8], #[case] prefix: u32, #[case] value: u32) {
        assert_eq!(decode(&mut input, prefix).unwrap(), value);
        assert!(input.is_empty());
    }

    #[rstest]
    #[case::more_than_32_bits(&[0x7f, 0x81, 0xff, 0xff, 0xff, 0x0f])]
    #[case::endless(&[0x7f, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00])]
    fn refuses(#[case] mut input: &[u8]) {
        assert!(matches!(decode(&mut input, 7), Err(Malformed::Integer)));
    }

    #[rstest]
    #[case::empty(&[])]
    #[case::inside(&[0x7f, 0x80])]
    fn notices_truncation(#[case] mut input: &[u8]) {
        assert!(matches!(decode(&mut input, 7), Err(Malformed::Truncated)));
    }
}
