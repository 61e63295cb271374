//! String literals: RFC 7541, section 5.2. Only what may be kept is ever copied out of the input.

use super::name::{self, Name};
use super::{Malformed, huffman, integer};
use crate::http::bounds;

/// A string literal as it stands in the block.
pub(super) struct Text<'a> {
    octets: &'a [u8],
    huffman: bool,
}

impl<'a> Text<'a> {
    /// Takes a string off the front of `input`.
    ///
    /// # Errors
    /// [`Malformed::Truncated`] or [`Malformed::Integer`].
    pub(super) fn take(input: &mut &'a [u8]) -> Result<Self, Malformed> {
        let huffman = input.first().is_some_and(|octet| octet & 0x80 != 0);
        let length = usize::try_from(integer::decode(input, 7)?).map_err(|_| Malformed::Truncated)?;
        let (octets, rest) = input.split_at_checked(length).ok_or(Malformed::Truncated)?;
        *input = rest;
        Ok(Self { octets, huffman })
    }

    /// Octets of the string that this encodes.
    ///
    /// # Errors
    /// [`Malformed::Huffman`].
    pub(super) fn length(&self) -> Result<u32, Malformed> {
        let mut length = 0;
        self.each(|_| length += 1)?;
        Ok(length)
    }

    /// The string as a field name, and its octets.
    ///
    /// # Errors
    /// [`Malformed::Huffman`].
    pub(super) fn name(&self) -> Result<(Name, u32), Malformed> {
        let (mut kept, mut length) = ([0; name::LONGEST], 0_u32);
        let mut room = kept.iter_mut();
        self.each(|octet| {
            if let Some(place) = room.next() {
                *place = octet;
            }
            length += 1;
        })?;
        let whole = usize::try_from(length).ok().and_then(|length| kept.get(..length));
        Ok((whole.map_or(Name::Other, Name::recognise), length))
    }

    /// The string as a value, `None` if it is too long to be kept, and its octets. Octets that are no UTF-8 become
    /// U+FFFD, which no authority, method or status can contain.
    ///
    /// # Errors
    /// [`Malformed::Huffman`].
    pub(super) fn value(&self) -> Result<(Option<String>, u32), Malformed> {
        let (mut kept, mut length) = (Vec::new(), 0_u32);
        self.each(|octet| {
            if kept.len() < bounds::VALUE {
                kept.push(octet);
            }
            length += 1;
        })?;
        let whole = usize::try_from(length).is_ok_and(|length| length == kept.len());
        let value = whole.then(|| String::from_utf8_lossy(&kept).into_owned());
        Ok((value, length))
    }

    fn each(&self, mut each: impl FnMut(u8)) -> Result<(), Malformed> {
        if self.huffman {
            huffman::decode(self.octets, each)
        } else {
            self.octets.iter().for_each(|&octet| each(octet));
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_too_long_to_keep_still_counts_its_octets() {
        let mut block = vec![0x7f, 0x82, 0x03];
        block.extend([b'x'; bounds::VALUE + 1]);
        let text = Text::take(&mut block.as_slice()).unwrap();
        assert_eq!(text.value().unwrap(), (None, 513));
    }

    #[test]
    fn octets_that_are_no_text_cannot_pass_for_a_name() {
        let text = Text::take(&mut [0x02, b'a', 0xff].as_slice()).unwrap();
        assert_eq!(text.value().unwrap().0.as_deref(), Some("a\u{fffd}"));
    }

    #[test]
    fn a_length_beyond_the_block_is_refused() {
        assert!(matches!(
            Text::take(&mut [0x02, b'a'].as_slice()),
            Err(Malformed::Truncated)
        ));
    }
}
