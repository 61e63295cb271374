//! HPACK (RFC 7541) for an onlooker: decodes what it saw, and says *unknown* where it did not see enough.
//!
//! A decoder belongs to one direction of one connection. Of the fields only those that the verdict asks for keep
//! their value; cookies, credentials and paths are skipped and never copied.

mod fixed;
mod huffman;
mod integer;
mod limit;
mod name;
mod table;
mod text;

#[cfg(test)]
mod examples;
#[cfg(test)]
mod honesty;
#[cfg(test)]
mod oracle;

use limit::Limit;
pub(crate) use name::Name;
use table::{Entry, Table};
use text::Text;

/// What is wrong with a header block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Malformed {
    /// The block ends inside a representation.
    #[error("header block ends inside a field")]
    Truncated,
    /// An integer is larger than anything the format has use for.
    #[error("integer in header block exceeds 32 bits")]
    Integer,
    /// No table has an entry of this index.
    #[error("dynamic index {index} is beyond the {entries} entries of the table")]
    Index {
        /// Zero-based index into the dynamic table.
        index: u32,
        /// Entries that the dynamic table holds.
        entries: usize,
    },
    /// Index 0 names nothing: RFC 7541, section 6.1.
    #[error("header block refers to index 0")]
    IndexZero,
    /// A string is not Huffman code.
    #[error("string in header block is no huffman code")]
    Huffman,
    /// A size update stands behind a field: RFC 7541, section 4.2.
    #[error("table size update to {size} stands behind a field")]
    MisplacedUpdate {
        /// Octets.
        size: u32,
    },
    /// A size update exceeds what the decoder's side allowed: RFC 7541, section 6.3.
    #[error("table size update to {size} exceeds the peer's limit")]
    ExcessiveUpdate {
        /// Octets.
        size: u32,
    },
}

/// The decoder of one direction.
pub(crate) struct Decoder {
    table: Table,
    limit: Limit,
}

impl Decoder {
    /// A decoder that sees its direction from the first block on.
    pub(crate) fn new() -> Self {
        Self {
            table: Table::new(limit::INITIAL),
            limit: Limit::new(),
        }
    }

    /// Blocks of this direction were missed: dynamic entries that were known are no longer.
    pub(crate) fn forget(&mut self) {
        self.table.forget();
    }

    /// SETTINGS or their acknowledgement may have been missed.
    pub(crate) fn forget_limit(&mut self) {
        self.limit = Limit::Unknown;
    }

    /// The peer of this direction's encoder sent SETTINGS, with a limit for the table or without.
    pub(crate) fn announce_limit(&mut self, limit: Option<u32>) {
        self.limit.announce(limit);
    }

    /// This direction's encoder acknowledged SETTINGS.
    pub(crate) fn acknowledge_limit(&mut self) {
        self.limit.acknowledge();
    }

    /// Decodes a whole header block and hands over field by field. A value is `None` if it is unknown, or not
    /// one that is kept.
    ///
    /// # Errors
    /// [`Malformed`]; some fields may have been handed over before. The decoder then knows no more than after a
    /// loss, and goes on.
    pub(crate) fn decode(
        &mut self,
        mut block: &[u8],
        mut each: impl FnMut(Name, Option<&str>),
    ) -> Result<(), Malformed> {
        let mut fields = 0;
        while let Some(&first) = block.first() {
            let done = self.representation(first, &mut block, fields == 0, &mut each);
            if done.is_err() {
                self.forget();
                return done;
            }
            if !is_size_update(first) {
                fields += 1;
            }
        }
        Ok(())
    }

    /// One representation: RFC 7541, section 6.
    fn representation(
        &mut self,
        first: u8,
        block: &mut &[u8],
        at_start: bool,
        each: &mut impl FnMut(Name, Option<&str>),
    ) -> Result<(), Malformed> {
        if first & 0b1000_0000 != 0 {
            let index = integer::decode(block, 7)?;
            return self.indexed(index, each);
        }
        if is_size_update(first) {
            let size = integer::decode(block, 5)?;
            return self.update_size(size, at_start);
        }
        // Of literals, those never to be indexed differ from those just not indexed only for a re-encoder.
        let inserts = first & 0b0100_0000 != 0;
        let index = integer::decode(block, if inserts { 6 } else { 4 })?;
        let (name, name_length) = self.name(index, block)?;
        let text = Text::take(block)?;
        let (value, value_length) = if name.has_kept_value() {
            text.value()?
        } else if inserts {
            (None, text.length()?)
        } else {
            (None, 0)
        };
        each(name, value.as_deref());
        if inserts {
            self.table.insert(Entry {
                name,
                name_length,
                value_length,
                value: value.map(Into::into),
            });
        }
        Ok(())
    }

    fn indexed(&self, index: u32, each: &mut impl FnMut(Name, Option<&str>)) -> Result<(), Malformed> {
        if index == 0 {
            return Err(Malformed::IndexZero);
        }
        if let Some(fixed) = fixed::entry(index) {
            each(fixed.name, fixed.value);
        } else {
            let entry = self
                .table
                .entry(index - fixed::LENGTH - 1)?
                .unwrap_or(&Entry::UNKNOWN);
            each(entry.name, entry.value.as_deref());
        }
        Ok(())
    }

    /// The name of a literal, and its octets: from a table, or spelled out if the index is 0.
    fn name(&self, index: u32, block: &mut &[u8]) -> Result<(Name, u32), Malformed> {
        if index == 0 {
            return Text::take(block)?.name();
        }
        if let Some(fixed) = fixed::entry(index) {
            return Ok((fixed.name, fixed.name_length));
        }
        let entry = self
            .table
            .entry(index - fixed::LENGTH - 1)?
            .unwrap_or(&Entry::UNKNOWN);
        Ok((entry.name, entry.name_length))
    }

    fn update_size(&mut self, size: u32, at_start: bool) -> Result<(), Malformed> {
        if !at_start {
            return Err(Malformed::MisplacedUpdate { size });
        }
        if !self.limit.allows(size) {
            return Err(Malformed::ExcessiveUpdate { size });
        }
        self.table.resize(size);
        Ok(())
    }
}

const fn is_size_update(first: u8) -> bool {
    first & 0b1110_0000 == 0b0010_0000
}
