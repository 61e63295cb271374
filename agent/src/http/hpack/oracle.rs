//! Another implementation as judge: what `loona-hpack` encodes is read right.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn reads_what_another_encoder_writes(
        blocks in vec(vec((
            prop::sample::select(vec![":authority", ":method", ":status", "host", "cookie", "x-custom"]),
            "[a-c]{0,2}|[ -~]{200,500}",
        ), 0..8), 1..40),
    ) {
        let mut encoder = loona_hpack::Encoder::new();
        let mut decoder = Decoder::new();
        for fields in blocks {
            let block = encoder.encode(fields.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())));
            let mut expected = fields.iter();
            decoder.decode(&block, |name, value| {
                let (sent_name, sent_value) = expected.next().unwrap();
                assert_eq!(name, Name::recognise(sent_name.as_bytes()));
                assert_eq!(value, name.has_kept_value().then_some(sent_value.as_str()));
            }).unwrap();
        }
    }

    #[test]
    fn another_decoder_reads_the_same_huffman_code(text in "[ -~\\n\\t]{0,200}") {
        let mut block = vec![0x40, 0x01, b'x', 0xff];
        let encoded = huffman::encode(text.as_bytes());
        prop_assume!((127..255).contains(&encoded.len()));
        block.push(u8::try_from(encoded.len() - 127).unwrap());
        block.extend(encoded);
        let fields = loona_hpack::Decoder::new().decode(&block).unwrap();
        prop_assert_eq!(&fields[0].1, text.as_bytes());
    }
}
