//! Ethernet, and the VLAN tags that stand in the packet. One that the card or the kernel took out of it is not seen,
//! and needs not be.

use super::{Packet, Skip, number};

/// `ETH_P_IP`.
pub const IPV4: u16 = 0x0800;
/// `ETH_P_IPV6`.
pub const IPV6: u16 = 0x86dd;
/// `ETH_P_8021Q`.
const VLAN: u16 = 0x8100;
/// `ETH_P_8021AD`, the outer tag of two.
const SERVICE_VLAN: u16 = 0x88a8;

const HEADER: u32 = 14;
const TAG: u32 = 4;
/// Tags that are looked past.
const TAGS: usize = 2;

/// The type of what the frame carries, and the offset at which that begins.
///
/// # Errors
/// [`Skip`] if it carries neither IPv4 nor IPv6.
#[inline(always)]
pub fn read(packet: &impl Packet) -> Result<(u16, u32), Skip> {
    let header = packet.load::<14>(0).ok_or(Skip::Malformed)?;
    let mut kind = number(&header, 12);
    let mut offset = HEADER;
    for _ in 0..TAGS {
        if kind != VLAN && kind != SERVICE_VLAN {
            break;
        }
        let tag = packet.load::<4>(offset).ok_or(Skip::Malformed)?;
        kind = number(&tag, 2);
        offset += TAG;
    }
    match kind {
        IPV4 | IPV6 => Ok((kind, offset)),
        VLAN | SERVICE_VLAN => Err(Skip::Deep),
        _ => Err(Skip::Other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::samples::{Bytes, ethernet};

    #[test]
    fn up_to_two_tags_are_looked_past() {
        let service = &[0x88, 0xa8, 0x00, 0x64];
        let customer = &[0x81, 0x00, 0x00, 0x0a];
        for (tags, offset) in [
            (vec![], 14),
            (customer.to_vec(), 18),
            ([*service, *customer].concat(), 22),
        ] {
            assert_eq!(read(&Bytes(ethernet(&tags, IPV6, b""))), Ok((IPV6, offset)));
        }
        let three = [*service, *customer, *customer].concat();
        assert_eq!(read(&Bytes(ethernet(&three, IPV4, b""))), Err(Skip::Deep));
    }

    #[test]
    fn what_is_no_ip_or_cut_off_is_passed_over() {
        assert_eq!(read(&Bytes(ethernet(&[], 0x0806, &[0; 28]))), Err(Skip::Other));
        assert_eq!(read(&Bytes(vec![0; 13])), Err(Skip::Malformed));
        let mut cut = ethernet(&[0x81, 0x00, 0x00, 0x0a], IPV4, b"");
        cut.pop();
        assert_eq!(read(&Bytes(cut)), Err(Skip::Malformed));
    }
}
