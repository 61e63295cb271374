//! The examples of RFC 7541, Appendix C.2 to C.6: fields, and size of the table after each block.

use rstest::rstest;

use super::*;

const DROPPED: &str = "(dropped)";

/// Decodes the octets that a string spells in hexadecimal, and lists each field as `Name value`.
fn decode(decoder: &mut Decoder, hexadecimal: &str) -> Vec<String> {
    let digits: Vec<u8> = hexadecimal.bytes().filter(u8::is_ascii_hexdigit).collect();
    let block: Vec<u8> = digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect();
    let mut fields = Vec::new();
    decoder
        .decode(&block, |name, value| {
            fields.push(format!("{name:?} {}", value.unwrap_or(DROPPED)));
        })
        .unwrap();
    fields
}

#[rstest]
#[case::c_2_1_incremental(
    "400a6375 73746f6d 2d6b6579 0d637573 746f6d2d 68656164 6572",
    "Other (dropped)",
    55
)]
#[case::c_2_2_without_indexing("040c2f73 616d706c 652f7061 7468", "Path (dropped)", 0)]
#[case::c_2_3_never_indexed("10087061 7373776f 72640673 65637265 74", "Other (dropped)", 0)]
#[case::c_2_4_indexed("82", "Method GET", 0)]
fn representations(#[case] block: &str, #[case] field: &str, #[case] size: u64) {
    let mut decoder = Decoder::new();
    assert_eq!(decode(&mut decoder, block), [field]);
    assert_eq!(decoder.table.size(), size);
}

#[rstest]
#[case::c_3_plain([
    "82868441 0f777777 2e657861 6d706c65 2e636f6d",
    "828684be 58086e6f 2d636163 6865",
    "828785bf 400a6375 73746f6d 2d6b6579 0c637573 746f6d2d 76616c75 65",
])]
#[case::c_4_huffman([
    "82868441 8cf1e3c2 e5f23a6b a0ab90f4 ff",
    "828684be 5886a8eb 10649cbf",
    "828785bf 408825a8 49e95ba9 7d7f8925 a849e95b b8e8b4bf",
])]
fn requests(#[case] blocks: [&str; 3]) {
    let mut decoder = Decoder::new();
    let four = [
        "Method GET",
        "Scheme (dropped)",
        "Path (dropped)",
        "Authority www.example.com",
    ];
    assert_eq!(decode(&mut decoder, blocks[0]), four);
    assert_eq!(decoder.table.size(), 57);

    let five = [&four[..], &["Other (dropped)"]].concat();
    assert_eq!(decode(&mut decoder, blocks[1]), five);
    assert_eq!(decoder.table.size(), 110);

    assert_eq!(decode(&mut decoder, blocks[2]), five);
    assert_eq!(decoder.table.size(), 164);
}

#[rstest]
#[case::c_5_plain([
    "48033330 32580770 72697661 7465611d 4d6f6e2c 20323120 4f637420 32303133 2032303a 31333a32 3120474d
     546e1768 74747073 3a2f2f77 77772e65 78616d70 6c652e63 6f6d",
    "48033330 37c1c0bf",
    "88c1611d 4d6f6e2c 20323120 4f637420 32303133 2032303a 31333a32 3220474d 54c05a04 677a6970 7738666f
     6f3d4153 444a4b48 514b425a 584f5157 454f5049 55415851 57454f49 553b206d 61782d61 67653d33 3630303b
     20766572 73696f6e 3d31",
])]
#[case::c_6_huffman([
    "48826402 5885aec3 771a4b61 96d07abe 941054d4 44a82005 95040b81 66e082a6 2d1bff6e 919d29ad 171863c7
     8f0b97c8 e9ae82ae 43d3",
    "4883640e ffc1c0bf",
    "88c16196 d07abe94 1054d444 a8200595 040b8166 e084a62d 1bffc05a 839bd9ab 77ad94e7 821dd7f2 e6c7b335
     dfdfcd5b 3960d5af 27087f36 72c1ab27 0fb5291f 95873160 65c003ed 4ee5b106 3d5007",
])]
fn responses_that_evict(#[case] blocks: [&str; 3]) {
    let mut decoder = Decoder::new();
    decoder.table.resize(256);
    let others = |count| vec!["Other (dropped)"; count];
    assert_eq!(
        decode(&mut decoder, blocks[0]),
        [vec!["Status 302"], others(3)].concat()
    );
    assert_eq!(decoder.table.size(), 222);

    assert_eq!(
        decode(&mut decoder, blocks[1]),
        [vec!["Status 307"], others(3)].concat()
    );
    assert_eq!(decoder.table.size(), 222);

    assert_eq!(
        decode(&mut decoder, blocks[2]),
        [vec!["Status 200"], others(5)].concat()
    );
    assert_eq!(decoder.table.size(), 215);
}

#[rstest]
#[case::index_zero(&[0x80], Malformed::IndexZero)]
#[case::index_beyond_the_tables(&[0xbe], Malformed::Index { index: 0, entries: 0 })]
#[case::name_beyond_the_tables(&[0x7e, 0x00], Malformed::Index { index: 0, entries: 0 })]
#[case::update_behind_a_field(&[0x82, 0x20], Malformed::MisplacedUpdate { size: 0 })]
#[case::update_beyond_the_limit(&[0x3f, 0xe2, 0x1f], Malformed::ExcessiveUpdate { size: 4097 })]
#[case::value_cut_off(&[0x41, 0x05, b'a'], Malformed::Truncated)]
#[case::name_that_is_no_huffman_code(&[0x40, 0x81, 0x00, 0x00], Malformed::Huffman)]
fn refuses_and_then_knows_nothing(#[case] block: &[u8], #[case] malformed: Malformed) {
    let mut decoder = Decoder::new();
    assert_eq!(decoder.decode(block, |_, _| {}), Err(malformed));
    let mut fields = Vec::new();
    decoder
        .decode(&[0xbe, 0x82], |name, value| {
            fields.push((name, value.map(str::to_owned)));
        })
        .unwrap();
    assert_eq!(
        fields,
        [(Name::Unknown, None), (Name::Method, Some("GET".to_owned()))]
    );
}

#[test]
fn a_size_of_zero_evicts_everything() {
    let mut decoder = Decoder::new();
    decode(&mut decoder, "410161");
    decode(&mut decoder, "20 3fe11f 82");
    assert_eq!(decoder.table.size(), 0);
}
