//! Segments in pieces that fit a processor's cache.

use super::{Program, Segment};

/// Bytes that are looked at in one go.
const CHUNK: usize = 256 << 10;

/// Shows a segment piece by piece, each with its address. Pieces overlap by `overlap` bytes, so that what is no
/// longer than that is whole in one of them, and may be seen twice.
pub(super) fn each(program: &Program, segment: &Segment, overlap: usize, mut visit: impl FnMut(u64, &[u8])) {
    let mut buffer = vec![0; CHUNK + overlap];
    let mut kept = 0;
    let mut position = 0;
    while position < segment.size {
        let left = usize::try_from(segment.size - position).unwrap_or(usize::MAX);
        let wanted = CHUNK.min(left);
        let Some(offset) = segment.offset.checked_add(position) else {
            return;
        };
        let count = program.read_at(offset, &mut buffer[kept..kept + wanted]);
        if count == 0 {
            return;
        }
        let end = kept + count;
        // No underflow: what was kept was read before.
        visit(segment.address + position - kept as u64, &buffer[..end]);
        position += count as u64;
        let keep = overlap.min(end);
        buffer.copy_within(end - keep..end, 0);
        kept = keep;
    }
}
