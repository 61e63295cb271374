//! Packets as tc and XDP programs are given them.

use core::mem::MaybeUninit;

use aya_ebpf::{
    EbpfContext as _,
    helpers::generated::{bpf_skb_load_bytes, bpf_xdp_get_buff_len, bpf_xdp_load_bytes},
    programs::{TcContext, XdpContext},
};
use ebpf::packet::Packet;

use crate::memory;

/// The verifier wants to know how far into a packet a pointer may lie. Headers lie nearer.
const DIRECT: u64 = 0x3fff;

/// A packet of a tc program.
pub struct SocketBuffer(pub TcContext);

/// A packet of an XDP program.
pub struct XdpBuffer(pub XdpContext);

impl Packet for SocketBuffer {
    #[inline(always)]
    fn length(&self) -> u32 {
        self.0.len()
    }

    #[inline(always)]
    fn segment_size(&self) -> u32 {
        // SAFETY: the context is the one the program was called with.
        unsafe { (*self.0.skb.skb).gso_size }
    }

    #[inline(always)]
    fn load<const N: usize>(&self, offset: u32) -> Option<[u8; N]> {
        // SAFETY: the context's own bounds.
        if let Some(bytes) = unsafe { direct(self.0.data(), self.0.data_end(), offset) } {
            return Some(bytes);
        }
        let mut bytes = MaybeUninit::<[u8; N]>::uninit();
        // SAFETY: there is room for N bytes, and the helper fills them all where it returns 0.
        unsafe {
            let to = bytes.as_mut_ptr().cast();
            (bpf_skb_load_bytes(self.0.as_ptr(), offset, to, N as u32) == 0).then(|| bytes.assume_init())
        }
    }

    #[inline(always)]
    unsafe fn copy(&self, offset: u32, to: *mut u8, count: u32) -> bool {
        // SAFETY: the caller vouches for `to`.
        unsafe { bpf_skb_load_bytes(self.0.as_ptr(), offset, to.cast(), count) == 0 }
    }

    #[inline(always)]
    fn forgotten(&self, number: u32) -> u32 {
        forgotten(number, self.length())
    }
}

impl Packet for XdpBuffer {
    #[inline(always)]
    fn length(&self) -> u32 {
        // SAFETY: the context is the one the program was called with.
        unsafe { bpf_xdp_get_buff_len(self.0.ctx) as u32 }
    }

    #[inline(always)]
    fn segment_size(&self) -> u32 {
        0
    }

    #[inline(always)]
    fn load<const N: usize>(&self, offset: u32) -> Option<[u8; N]> {
        // SAFETY: the context's own bounds.
        if let Some(bytes) = unsafe { direct(self.0.data(), self.0.data_end(), offset) } {
            return Some(bytes);
        }
        let mut bytes = MaybeUninit::<[u8; N]>::uninit();
        // SAFETY: there is room for N bytes, and the helper fills them all where it returns 0.
        unsafe {
            let to = bytes.as_mut_ptr().cast();
            (bpf_xdp_load_bytes(self.0.ctx, offset, to, N as u32) == 0).then(|| bytes.assume_init())
        }
    }

    #[inline(always)]
    unsafe fn copy(&self, offset: u32, to: *mut u8, count: u32) -> bool {
        // SAFETY: the caller vouches for `to`.
        unsafe { bpf_xdp_load_bytes(self.0.ctx, offset, to.cast(), count) == 0 }
    }

    #[inline(always)]
    fn forgotten(&self, number: u32) -> u32 {
        forgotten(number, self.0.rx_queue_index())
    }
}

/// Reads bytes where they lie, if they lie in the packet's first part; a call of a helper costs several times as
/// much.
///
/// # Safety
/// `data` and `end` must be the bounds that the kernel gave.
#[inline(always)]
unsafe fn direct<const N: usize>(data: usize, end: usize, offset: u32) -> Option<[u8; N]> {
    let offset = memory::through_memory(u64::from(offset));
    if offset > DIRECT {
        return None;
    }
    let start = data + offset as usize;
    if start + N > end {
        return None;
    }
    let mut words = MaybeUninit::<Words<N>>::uninit();
    let to = words.as_mut_ptr() as usize;
    let mut at = 0;
    // SAFETY: within the bounds of both. A load of BPF needs no alignment, and where the compiler is not told that
    // there is one, it loads byte by byte.
    unsafe {
        while at + 8 <= N {
            ((to + at) as *mut u64).write(((start + at) as *const u64).read());
            at += 8;
        }
        if N & 4 != 0 {
            ((to + at) as *mut u32).write(((start + at) as *const u32).read());
            at += 4;
        }
        if N & 2 != 0 {
            ((to + at) as *mut u16).write(((start + at) as *const u16).read());
            at += 2;
        }
        if N & 1 != 0 {
            ((to + at) as *mut u8).write(((start + at) as *const u8).read());
        }
        Some(words.assume_init().0)
    }
}

/// Bytes that are aligned as words.
#[repr(C, align(8))]
struct Words<const N: usize>([u8; N]);

/// The number, taken twice exclusively or with one that the verifier does not know.
#[inline(always)]
fn forgotten(number: u32, unknown: u32) -> u32 {
    memory::through_memory(u64::from(number ^ unknown)) as u32 ^ unknown
}
