//! A program that tests put together: one segment of code, one of constants.

use std::io::Write;
use std::sync::Arc;

use super::Program;

/// Address of the code.
pub(crate) const CODE: u64 = 0x40_1000;
/// Address of the constants.
pub(super) const CONSTANTS: u64 = 0x40_3000;

const EXECUTABLE: u16 = 2;
const POSITION_INDEPENDENT: u16 = 3;

/// A file with this code, in hexadecimal digits, and these constants.
pub(crate) fn program(code: &str, constants: &[u8]) -> Program {
    read(&image(POSITION_INDEPENDENT, &digits(code), constants))
}

/// The same at fixed addresses.
pub(super) fn fixed_program(code: &str, constants: &[u8]) -> Program {
    read(&image(EXECUTABLE, &digits(code), constants))
}

pub(crate) fn digits(code: &str) -> Vec<u8> {
    let code: String = code.split_whitespace().collect();
    (0..code.len() / 2)
        .map(|index| u8::from_str_radix(&code[index * 2..index * 2 + 2], 16).unwrap())
        .collect()
}

fn read(bytes: &[u8]) -> Program {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    Program::read(Arc::new(file)).unwrap()
}

fn image(kind: u16, code: &[u8], constants: &[u8]) -> Vec<u8> {
    let mut image = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
    for half in [kind, 62] {
        image.extend(half.to_le_bytes());
    }
    image.extend(1_u32.to_le_bytes());
    for word in [0_u64, 64, 0] {
        image.extend(word.to_le_bytes());
    }
    image.extend(0_u32.to_le_bytes());
    for half in [64_u16, 56, 2, 64, 0, 0] {
        image.extend(half.to_le_bytes());
    }
    let start = 64 + 2 * 56;
    let parts = [
        (5_u32, start, CODE, code),
        (4, start + code.len(), CONSTANTS, constants),
    ];
    for (flags, offset, address, bytes) in parts {
        image.extend(1_u32.to_le_bytes());
        image.extend(flags.to_le_bytes());
        for word in [
            offset as u64,
            address,
            address,
            bytes.len() as u64,
            bytes.len() as u64,
            1,
        ] {
            image.extend(word.to_le_bytes());
        }
    }
    image.extend(code);
    image.extend(constants);
    image
}
