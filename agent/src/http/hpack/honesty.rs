//! Whatever an encoder does and whatever of it is lost: a decoded value is right, or unknown, never wrong.

use std::collections::VecDeque;

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// A field as it is sent.
type Sent = (&'static str, String);

/// An encoder that makes every choice the format leaves it, as its tests tell it.
struct Encoder {
    table: VecDeque<Sent>,
    capacity: usize,
}

/// What the encoder does next.
#[derive(Clone, Debug)]
enum Step {
    /// Sends a block. Each field comes with the choice of its representation.
    Block(Vec<(Sent, u8)>),
    /// Sets the size of the table, in the next block.
    Resize(u16),
    /// The onlooker misses the next block.
    Lose,
}

impl Encoder {
    fn size(&self) -> usize {
        self.table
            .iter()
            .map(|(name, value)| name.len() + value.len() + 32)
            .sum()
    }

    fn evict_to(&mut self, size: usize) {
        while self.size() > size {
            self.table.pop_back();
        }
    }

    fn resize(&mut self, capacity: u16, block: &mut Vec<u8>) {
        self.capacity = usize::from(capacity);
        self.evict_to(self.capacity);
        integer(block, 0x20, 5, self.capacity);
    }

    /// `choice`: bit 0 Huffman, bit 1 insertion, bit 2 never indexed, bit 3 no reference to a table.
    fn field(&mut self, (name, value): &Sent, choice: u8, block: &mut Vec<u8>) {
        let spelled_out = choice & 8 != 0;
        let same = self
            .table
            .iter()
            .position(|entry| entry.0 == *name && entry.1 == *value);
        if let Some(index) = same.filter(|_| !spelled_out) {
            return integer(block, 0x80, 7, 62 + index);
        }
        let (pattern, prefix) = match choice {
            _ if choice & 2 != 0 => (0x40, 6),
            _ if choice & 4 != 0 => (0x10, 4),
            _ => (0x00, 4),
        };
        let dynamic = self
            .table
            .iter()
            .position(|entry| entry.0 == *name)
            .map(|index| 62 + index);
        let fixed = (1..=61).find(|&index| match *name {
            ":authority" => index == 1,
            ":method" => index == 2,
            ":status" => index == 8,
            "host" => index == 38,
            _ => false,
        });
        if let Some(index) = dynamic.or(fixed).filter(|_| !spelled_out) {
            integer(block, pattern, prefix, index);
        } else {
            integer(block, pattern, prefix, 0);
            string(block, name, choice);
        }
        string(block, value, choice);
        if choice & 2 != 0 {
            let size = name.len() + value.len() + 32;
            self.evict_to(self.capacity.saturating_sub(size));
            if size <= self.capacity {
                self.table.push_front((name, value.clone()));
            }
        }
    }
}

fn integer(block: &mut Vec<u8>, pattern: u8, prefix: u32, value: usize) {
    let mask = (1_usize << prefix) - 1;
    if value < mask {
        return block.push(pattern | u8::try_from(value).unwrap());
    }
    block.push(pattern | u8::try_from(mask).unwrap());
    let mut rest = value - mask;
    while rest >= 128 {
        block.push(u8::try_from(rest % 128).unwrap() | 128);
        rest /= 128;
    }
    block.push(u8::try_from(rest).unwrap());
}

fn string(block: &mut Vec<u8>, text: &str, choice: u8) {
    if choice & 1 == 0 {
        integer(block, 0, 7, text.len());
        block.extend(text.bytes());
    } else {
        let encoded = huffman::encode(text.as_bytes());
        integer(block, 0x80, 7, encoded.len());
        block.extend(encoded);
    }
}

fn sent() -> impl Strategy<Value = Sent> {
    let name = prop::sample::select(vec![
        ":authority",
        ":method",
        ":status",
        "host",
        "cookie",
        "x-custom",
    ]);
    let value = prop_oneof!["[a-c]{0,2}", "[a-z.:0-9]{30,60}", "[ -~]{90,200}"];
    (name, value)
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        8 => vec((sent(), any::<u8>()), 0..8).prop_map(Step::Block),
        1 => prop::sample::select(vec![0, 40, 100, 256, 1000, 4096]).prop_map(Step::Resize),
        1 => Just(Step::Lose),
    ];
    vec(step, 1..60)
}

/// Runs the steps, and hands over what was sent and what was read of every block the onlooker saw.
fn run(steps: &[Step], late: bool, mut each: impl FnMut(&Sent, Name, Option<&str>, bool)) {
    let mut encoder = Encoder {
        table: VecDeque::new(),
        capacity: 4096,
    };
    let mut decoder = Decoder::new();
    let (mut sizes, mut losing, mut lost_any) = (Vec::new(), false, late);
    if late {
        decoder.forget();
        decoder.forget_limit();
    }
    for step in steps {
        let fields = match step {
            Step::Resize(size) => {
                sizes.push(*size);
                continue;
            }
            Step::Lose => {
                losing = true;
                continue;
            }
            Step::Block(fields) => fields,
        };
        let mut block = Vec::new();
        for size in sizes.drain(..) {
            encoder.resize(size, &mut block);
        }
        for (field, choice) in fields {
            encoder.field(field, *choice, &mut block);
        }
        if std::mem::take(&mut losing) {
            decoder.forget();
            decoder.forget_limit();
            lost_any = true;
            continue;
        }
        let mut expected = fields.iter().map(|(field, _)| field);
        decoder
            .decode(&block, |name, value| {
                each(expected.next().unwrap(), name, value, lost_any);
            })
            .unwrap();
        assert!(expected.next().is_none());
    }
}

fn assert_right((sent_name, sent_value): &Sent, name: Name, value: Option<&str>) {
    assert_eq!(name, Name::recognise(sent_name.as_bytes()));
    assert_eq!(value, name.has_kept_value().then_some(sent_value.as_str()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn without_losses_everything_is_right(mut steps in steps()) {
        steps.retain(|step| !matches!(step, Step::Lose));
        run(&steps, false, |sent, name, value, _| assert_right(sent, name, value));
    }

    #[test]
    fn with_losses_a_value_is_right_or_unknown(steps in steps(), late in any::<bool>()) {
        run(&steps, late, |sent, name, value, lost_any| {
            if name == Name::Unknown && lost_any {
                assert_eq!(value, None);
            } else {
                assert_right(sent, name, value);
            }
        });
    }

    #[test]
    fn arbitrary_octets_never_panic(blocks in vec(vec(any::<u8>(), 0..64), 0..16)) {
        let mut decoder = Decoder::new();
        for block in blocks {
            let _ = decoder.decode(&block, |_, _| {});
        }
    }
}

#[test]
fn entries_inserted_after_a_loss_are_known_again() {
    let authority: Sent = (":authority", "a.example".to_owned());
    let steps = [
        Step::Block(vec![(authority.clone(), 2)]),
        Step::Lose,
        Step::Block(vec![(("x-custom", "1".to_owned()), 2)]),
        Step::Block(vec![(authority.clone(), 0)]),
        Step::Block(vec![(authority.clone(), 2 | 8)]),
        Step::Block(vec![(authority, 0)]),
    ];
    let mut names = Vec::new();
    run(&steps, false, |_, name, _, _| names.push(name));
    assert_eq!(
        names,
        [Name::Authority, Name::Unknown, Name::Authority, Name::Authority]
    );
}
