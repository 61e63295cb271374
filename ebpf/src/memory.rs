//! Reads of user and kernel memory, in forms that the verifier accepts.

use core::{mem::MaybeUninit, ptr};

use aya_ebpf::helpers::{bpf_get_current_task, bpf_probe_read_kernel, bpf_probe_read_user, generated};

/// Reads a value of the observed process. `None` if its page is not resident or not mapped.
#[inline(always)]
pub fn user<T: Copy>(address: u64) -> Option<T> {
    // SAFETY: the helper checks the address; T is plain data.
    unsafe { bpf_probe_read_user(address as *const T) }.ok()
}

/// Reads a value of the kernel.
#[inline(always)]
pub fn kernel<T: Copy>(address: u64) -> Option<T> {
    // SAFETY: the helper checks the address; T is plain data.
    unsafe { bpf_probe_read_kernel(address as *const T) }.ok()
}

/// Copies `count` bytes of the observed process, at most `N`, to `to`.
///
/// # Safety
/// `to` must be valid for writes of `N` bytes.
#[inline(always)]
pub unsafe fn copy_user<const N: usize>(to: *mut u8, address: u64, count: u64) -> bool {
    let count = clamp(count, N as u64);
    // SAFETY: count is at most N, and the caller vouches for N bytes.
    unsafe { generated::bpf_probe_read_user(to.cast(), count as u32, address as *const _) == 0 }
}

/// The smaller of two numbers, computed so that the verifier sees the bound.
#[inline(always)]
pub fn clamp(value: u64, most: u64) -> u64 {
    let value = through_memory(value);
    if value > most { most } else { value }
}

/// The same number, which the compiler takes for another. It does not know then what it knew of the number, nor use
/// the register from before a comparison after it: the verifier would not see the bound.
#[inline(always)]
pub fn through_memory(value: u64) -> u64 {
    let slot = MaybeUninit::new(value);
    // SAFETY: initialised above.
    unsafe { ptr::read_volatile(slot.as_ptr()) }
}

/// Address of the current `task_struct`.
#[inline(always)]
pub fn current_task() -> u64 {
    // SAFETY: the helper has no preconditions.
    unsafe { bpf_get_current_task() }
}
