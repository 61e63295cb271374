//! Certificates, read while the call that uses their connection keeps them alive.

use ebpf::{
    connection::{Key, Tracked},
    fault::Fault,
    layout::Layout,
    record::{CERTIFICATE, CertificateHeader, Kind},
};

use crate::{facts::field, memory, ring, stats};

/// The certificate that this side presents.
#[inline(always)]
pub fn own(ssl: u64, layout: &Layout) -> Option<u64> {
    let [cert, key, x509] = layout.own_certificate;
    let object = field::<u64>(ssl, cert)?;
    let object = field::<u64>(object, key)?;
    field::<u64>(object, x509)
}

/// The certificate that the other side presented.
#[inline(always)]
pub fn of_peer(ssl: u64, layout: &Layout) -> Option<u64> {
    let [session, peer] = layout.peer_certificate;
    let object = field::<u64>(ssl, session)?;
    field::<u64>(object, peer)
}

/// A slot for a certificate.
#[repr(C)]
struct CertificateSlot {
    header: CertificateHeader,
    bytes: [u8; CERTIFICATE],
}

/// Sends the encoding of a certificate object.
#[inline(always)]
pub fn send(tracked: &Tracked, key: &Key, id: u64, layout: &Layout, x509: Option<u64>, own: u8) {
    let Some(x509) = x509 else { return };
    // ASN1_ENCODING: unsigned char *enc, long len.
    let Some([bytes, length]) = field::<[u64; 2]>(x509, layout.certificate_encoding) else {
        return;
    };
    if bytes == 0 || length == 0 || length > u64::from(u16::MAX) {
        return;
    }
    let Some(mut entry) = ring::reserve::<CertificateSlot>() else {
        return;
    };
    let copied = memory::clamp(length, CERTIFICATE as u64);
    // SAFETY: the entry is this program's alone until it is submitted.
    unsafe {
        let slot = entry.as_mut_ptr();
        if !memory::copy_user::<CERTIFICATE>((&raw mut (*slot).bytes).cast(), bytes, copied) {
            entry.discard(0);
            stats::lost(Fault::UserMemory);
            return;
        }
        let size = size_of::<CertificateHeader>() as u32 + copied as u32;
        (&raw mut (*slot).header).write(CertificateHeader {
            header: ring::header(Kind::Certificate, size, id, key.ssl, tracked.born),
            length: copied as u32,
            full_length: length as u32,
            own,
            reserved: [0; 7],
        });
    }
    ring::submit(entry, ring::Urgency::Soon);
}
