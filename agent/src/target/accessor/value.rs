//! Symbolic values: what a register or a memory cell holds, in terms of the function's arguments.

/// Most loads in a row that are followed.
pub const DEPTH: usize = 4;
/// Largest offset that is taken for one inside an object. OpenSSL's connection objects have less than 16 KiB.
const LARGEST_OFFSET: i64 = 1 << 16;

/// A value that the function was given or loaded: an argument, then loads at fixed offsets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Path {
    argument: u8,
    depth: u8,
    width: u8,
    offsets: [u32; DEPTH],
}

impl Path {
    /// The argument with this number, from 0.
    pub const fn argument(number: u8) -> Self {
        Self {
            argument: number,
            depth: 0,
            width: 8,
            offsets: [0; DEPTH],
        }
    }

    /// What lies at an offset behind this pointer; `None` if it is no pointer or the offset none.
    pub fn load(self, offset: i64, width: u8) -> Option<Self> {
        if self.width != 8 || !(0..LARGEST_OFFSET).contains(&offset) {
            return None;
        }
        let mut loaded = self;
        *loaded.offsets.get_mut(usize::from(self.depth))? = u32::try_from(offset).ok()?;
        loaded.depth += 1;
        loaded.width = width;
        Some(loaded)
    }

    /// The pointer that the last load went through, and its offset.
    pub fn source(self) -> Option<(Self, u32)> {
        let depth = self.depth.checked_sub(1)?;
        let mut pointer = self;
        let offset = std::mem::take(&mut pointer.offsets[usize::from(depth)]);
        pointer.depth = depth;
        pointer.width = 8;
        Some((pointer, offset))
    }

    /// The low bytes of what was loaded; `None` of an argument. Images are little-endian: they are what a
    /// narrower load at the same offset gives.
    pub fn narrowed(self, width: u8) -> Option<Self> {
        let narrower = Self {
            width: self.width.min(width),
            ..self
        };
        (self.depth > 0).then_some(narrower)
    }

    /// Number of the argument it starts from.
    pub fn root(self) -> u8 {
        self.argument
    }

    /// Offsets of the loads, in order.
    pub fn offsets(&self) -> &[u32] {
        &self.offsets[..usize::from(self.depth)]
    }

    /// Bytes that the last load took.
    pub fn width(self) -> u8 {
        self.width
    }
}

/// What is known of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Value {
    /// Nothing.
    Unknown,
    /// A number.
    Constant(u64),
    /// An address in the function's own frame, relative to the stack pointer at its entry.
    Frame(i64),
    /// A given or loaded value plus a displacement.
    Place(Path, i64),
}

impl Value {
    /// The sum with a number.
    #[must_use]
    pub fn plus(self, addend: i64) -> Self {
        match self {
            Self::Unknown => Self::Unknown,
            Self::Constant(value) => Self::Constant(value.wrapping_add_signed(addend)),
            Self::Frame(offset) => offset.checked_add(addend).map_or(Self::Unknown, Self::Frame),
            Self::Place(path, displacement) => displacement
                .checked_add(addend)
                .map_or(Self::Unknown, |sum| Self::Place(path, sum)),
        }
    }

    /// The low `width` bytes with zeros above, as far as they are known.
    #[must_use]
    pub fn truncated(self, width: u8) -> Self {
        match self {
            _ if width >= 8 => self,
            Self::Constant(value) => Self::Constant(value & ((1 << (8 * width)) - 1)),
            Self::Place(path, 0) => path
                .narrowed(width)
                .map_or(Self::Unknown, |path| Self::Place(path, 0)),
            Self::Frame(_) | Self::Place(..) | Self::Unknown => Self::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loads_are_remembered_in_order() {
        let path = Path::argument(0).load(0x898, 8).unwrap().load(0, 8).unwrap();
        assert_eq!(path.offsets(), [0x898, 0]);
        let (pointer, offset) = path.source().unwrap();
        assert_eq!((pointer.offsets(), offset), ([0x898].as_slice(), 0));
    }

    #[test]
    fn only_pointers_are_followed_and_only_so_far() {
        let integer = Path::argument(0).load(0x38, 4).unwrap();
        assert_eq!(integer.load(0, 8), None);
        assert_eq!(Path::argument(0).load(-8, 8), None);
        assert_eq!(Path::argument(0).load(LARGEST_OFFSET, 8), None);
        let deep = (0..DEPTH)
            .try_fold(Path::argument(0), |path, _| path.load(0, 8))
            .unwrap();
        assert_eq!(deep.load(0, 8), None);
    }

    #[test]
    fn truncation_keeps_what_fits() {
        let integer = Value::Place(Path::argument(0).load(0x38, 4).unwrap(), 0);
        assert_eq!(integer.truncated(4), integer);
        let long = Value::Place(Path::argument(0).load(0x38, 8).unwrap(), 0);
        assert_eq!(long.truncated(4), integer);
        assert_ne!(long.truncated(8), integer);
        assert_eq!(Value::Place(Path::argument(0), 0).truncated(4), Value::Unknown);
        assert_eq!(Value::Constant(0x1_0000_0020).truncated(4), Value::Constant(0x20));
        assert_eq!(Value::Frame(0).truncated(4), Value::Unknown);
    }
}
