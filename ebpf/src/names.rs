//! Server names that clients set, kept until their connection is announced. Used only where a library does not
//! let them be read from its object.

use core::mem::MaybeUninit;

use aya_ebpf::{bindings::BPF_ANY, helpers::generated, macros::map, maps::LruHashMap};
use ebpf::{connection::Key, record::NAME};

/// A NUL-terminated name.
#[repr(C)]
pub struct Name {
    bytes: [u8; NAME],
}

#[map]
static NAMES: LruHashMap<Key, Name> = LruHashMap::with_max_entries(1024, 0);

/// Notes the name at this address.
#[inline(always)]
pub fn remember(key: &Key, address: u64) {
    let mut name = MaybeUninit::<Name>::zeroed();
    if address == 0 {
        let _ = NAMES.remove(key);
        return;
    }
    // SAFETY: the helper writes at most NAME bytes into the zeroed value.
    let written = unsafe {
        generated::bpf_probe_read_user_str(name.as_mut_ptr().cast(), NAME as u32, address as *const _)
    };
    if written > 0 {
        // SAFETY: zeroed, any bytes are valid.
        let _ = NAMES.insert(key, unsafe { name.assume_init_ref() }, u64::from(BPF_ANY));
    }
}

/// Copies the name of this connection to `to` and tells its length, 0 if none was set.
///
/// # Safety
/// `to` must be valid for writes of [`NAME`] bytes.
#[inline(always)]
pub unsafe fn recall(key: &Key, to: *mut u8) -> u16 {
    let Some(name) = NAMES.get_ptr(key) else { return 0 };
    // SAFETY: the map's value has NAME bytes, and the caller vouches for `to`.
    let written = unsafe { generated::bpf_probe_read_kernel_str(to.cast(), NAME as u32, name.cast()) };
    let _ = NAMES.remove(key);
    if written > 1 { written as u16 - 1 } else { 0 }
}
