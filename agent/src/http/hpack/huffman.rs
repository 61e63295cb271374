//! The Huffman code of string literals: RFC 7541, section 5.2 and Appendix B.

use super::Malformed;

/// The code that ends a string and must never stand in one.
const END_OF_STRING: u16 = 256;
const SHORTEST: u32 = 5;
const LONGEST: u32 = 30;

/// Bits of each symbol's code. The code is canonical: codes of one length are consecutive numbers in the order
/// of their symbols, and the first of a length continues where the shorter ones ended. So the lengths alone
/// determine Appendix B.
#[rustfmt::skip]
const LENGTHS: [u8; 257] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28,
    28, 28, 28, 28, 28, 28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6,
    5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10, 13, 6, 7, 7, 7, 7, 7, 7,
    7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
    15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7,
    7, 7, 7, 15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,
    24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22, 21, 20, 22, 22, 23, 23, 21,
    23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
    26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24,
    21, 21, 26, 26, 28, 27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
    26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26, 30,
];

static CODE: Code = Code::from_lengths();

/// Decodes a string and hands over octet by octet, so that a caller who wants only its length keeps nothing.
///
/// # Errors
/// [`Malformed::Huffman`] if the string holds the end-of-string symbol, or ends in anything but fewer than eight
/// bits that are all ones.
pub(super) fn decode(input: &[u8], mut each: impl FnMut(u8)) -> Result<(), Malformed> {
    // The bits not yet decoded stand at the top of `pending`.
    let (mut pending, mut bits) = (0_u64, 0_u32);
    let mut rest = input;
    loop {
        while bits < LONGEST {
            if let Some((octets, behind)) = rest.split_first_chunk() {
                pending |= u64::from(u32::from_be_bytes(*octets)) << (32 - bits);
                bits += u32::BITS;
                rest = behind;
            } else if let Some((&octet, behind)) = rest.split_first() {
                pending |= u64::from(octet) << (56 - bits);
                bits += u8::BITS;
                rest = behind;
            } else {
                break;
            }
        }
        // Nearly all of what is sent are codes of at most eight bits.
        while bits >= u8::BITS
            && let Some((octet, length)) = CODE.short(pending)
        {
            each(octet);
            pending <<= length;
            bits -= length;
        }
        if bits < LONGEST && !rest.is_empty() {
            continue;
        }
        // Ones fill up a window at the end of the string: no shorter code than the end of string begins so.
        let window = pending | u64::MAX.checked_shr(bits).unwrap_or(0);
        if window == u64::MAX && bits < u8::BITS {
            return Ok(());
        }
        let (octet, length) = match CODE.short(window) {
            Some(short) => short,
            None => CODE.first(window >> 32).ok_or(Malformed::Huffman)?,
        };
        if length > bits {
            return Err(Malformed::Huffman);
        }
        each(octet);
        pending <<= length;
        bits -= length;
    }
}

/// The code, laid out for decoding.
struct Code {
    /// For each length, the first 32-bit window that is beyond its codes.
    beyond: [u64; LONGEST as usize + 1],
    /// For each length, the window of its first code.
    start: [u64; LONGEST as usize + 1],
    /// For each length, where its symbols begin in `symbols`.
    index: [usize; LONGEST as usize + 1],
    /// Symbols in the order of their codes.
    symbols: [u16; LENGTHS.len()],
    /// For each octet, the symbol whose code it begins with and the bits of that code, 0 if that is a longer one.
    short: [(u8, u8); 256],
}

impl Code {
    const fn from_lengths() -> Self {
        let mut code = Self {
            beyond: [0; LONGEST as usize + 1],
            start: [0; LONGEST as usize + 1],
            index: [0; LONGEST as usize + 1],
            symbols: [0; LENGTHS.len()],
            short: [(0, 0); 256],
        };
        let (mut next_window, mut position, mut length) = (0_u64, 0, SHORTEST);
        let mut octets = 0;
        while length <= LONGEST {
            code.start[length as usize] = next_window;
            code.index[length as usize] = position;
            let mut symbol = 0;
            while symbol <= END_OF_STRING {
                if LENGTHS[symbol as usize] as u32 == length {
                    code.symbols[position] = symbol;
                    position += 1;
                    // The octets that codes begin with rise with the codes.
                    let next_octets = octets + (1 << 8 >> length);
                    while octets < next_octets {
                        code.short[octets] = (symbol.to_le_bytes()[0], LENGTHS[symbol as usize]);
                        octets += 1;
                    }
                    next_window += 1 << (32 - length);
                }
                symbol += 1;
            }
            code.beyond[length as usize] = next_window;
            length += 1;
        }
        code
    }

    /// The octet whose code stands at the top, and the bits of that code; `None` if it has more than eight.
    const fn short(&self, pending: u64) -> Option<(u8, u32)> {
        let [top, ..] = pending.to_be_bytes();
        match self.short[top as usize] {
            (_, 0) => None,
            (octet, length) => Some((octet, length as u32)),
        }
    }

    /// The octet whose code begins a window of 32 bits, and the bits of that code; `None` for the end of string.
    fn first(&self, window: u64) -> Option<(u8, u32)> {
        let length = (SHORTEST..LONGEST)
            .find(|&length| window < self.beyond[length as usize])
            .unwrap_or(LONGEST);
        let ordinal = (window - self.start[length as usize]) >> (32 - length);
        let position = self.index[length as usize] + usize::try_from(ordinal).unwrap_or(usize::MAX);
        // The longest codes use up every window, so the position is always one of the table's.
        let symbol = self.symbols.get(position).copied().unwrap_or(END_OF_STRING);
        u8::try_from(symbol).ok().map(|octet| (octet, length))
    }
}

/// Encodes a string, for tests of the decoder.
#[cfg(test)]
pub(super) fn encode(input: &[u8]) -> Vec<u8> {
    let (mut output, mut pending, mut bits) = (Vec::new(), 0_u64, 0_u32);
    for &octet in input {
        let position = CODE
            .symbols
            .iter()
            .position(|&symbol| symbol == u16::from(octet))
            .unwrap();
        let length = u32::from(LENGTHS[usize::from(octet)]);
        let ordinal = u64::try_from(position - CODE.index[length as usize]).unwrap();
        pending = pending << length | ((CODE.start[length as usize] >> (32 - length)) + ordinal);
        bits += length;
        while bits >= 8 {
            bits -= 8;
            output.push(u8::try_from(pending >> bits & 0xff).unwrap());
        }
    }
    if bits > 0 {
        output.push(u8::try_from((pending << (8 - bits) | 0xff >> bits) & 0xff).unwrap());
    }
    output
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn decoded(input: &[u8]) -> Result<Vec<u8>, Malformed> {
        let mut octets = Vec::new();
        decode(input, |octet| octets.push(octet))?;
        Ok(octets)
    }

    #[test]
    fn the_codes_use_up_the_whole_code_space() {
        assert_eq!(CODE.beyond[LONGEST as usize], 1 << 32);
        assert_eq!(CODE.symbols[LENGTHS.len() - 1], END_OF_STRING);
    }

    #[rstest]
    #[case::empty(&[], b"")]
    #[case::rfc_c_4_1(
        &[0xf1, 0xe3, 0xc2, 0xe5, 0xf2, 0x3a, 0x6b, 0xa0, 0xab, 0x90, 0xf4, 0xff],
        b"www.example.com"
    )]
    #[case::rfc_c_4_2(&[0xa8, 0xeb, 0x10, 0x64, 0x9c, 0xbf], b"no-cache")]
    #[case::rfc_c_6_1_status(&[0x64, 0x02], b"302")]
    #[case::thirty_bits(&[0xff, 0xff, 0xff, 0xf3], b"\n")]
    fn decodes(#[case] input: &[u8], #[case] octets: &[u8]) {
        assert_eq!(decoded(input).unwrap(), octets);
    }

    #[test]
    fn every_octet_survives_encoding_and_decoding() {
        let octets: Vec<u8> = (0..=255).collect();
        assert_eq!(decoded(&encode(&octets)).unwrap(), octets);
    }

    #[rstest]
    #[case::end_of_string(&[0xff, 0xff, 0xff, 0xff])]
    #[case::a_whole_octet_of_padding(&[0x64, 0x02, 0xff])]
    #[case::padding_of_zeros(&[0x00])]
    #[case::truncated_long_code(&[0xff, 0xff])]
    fn refuses(#[case] input: &[u8]) {
        assert!(matches!(decoded(input), Err(Malformed::Huffman)));
    }
}
