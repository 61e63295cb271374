//! Messages of the kernel's route netlink about interfaces: rtnetlink(7), netlink(7).

use netlink_packet_core::{NLM_F_DUMP, NLM_F_REQUEST, NetlinkBuffer, NlasIterator};

use super::{Change, Interface, Kind};

const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const RTM_NEWLINK: u16 = 16;
const RTM_DELLINK: u16 = 17;
const RTM_GETLINK: u16 = 18;
const AF_UNSPEC: u8 = 0;
const IFLA_IFNAME: u16 = 3;
const IFLA_LINKINFO: u16 = 18;
const IFLA_INFO_KIND: u16 = 1;
const ARPHRD_ETHER: u16 = 1;
const ARPHRD_LOOPBACK: u16 = 772;
/// `struct nlmsghdr`.
const HEADER: usize = 16;
/// `struct ifinfomsg`.
const INFO: usize = 16;

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Message {
    /// Something happened to an interface, or it is part of the list that was asked for.
    Change(Change),
    /// The list is complete.
    Done,
    /// The request was refused, with this number.
    Refused(i32),
}

/// Asks for a list of all interfaces.
pub(super) fn request() -> [u8; HEADER + INFO] {
    let mut bytes = [0; HEADER + INFO];
    let mut request = NetlinkBuffer::new(&mut bytes[..]);
    request.set_length(u32::try_from(HEADER + INFO).unwrap_or_default());
    request.set_message_type(RTM_GETLINK);
    request.set_flags(NLM_F_REQUEST | NLM_F_DUMP);
    request.payload_mut()[0] = AF_UNSPEC;
    bytes
}

/// The messages of a datagram that are about interfaces, or end the list of them. What is malformed, or about bridge
/// ports, is left out.
pub(super) fn messages(mut bytes: &[u8]) -> Vec<Message> {
    let mut messages = Vec::new();
    while let Ok(packet) = NetlinkBuffer::new_checked(bytes) {
        messages.extend(message(packet.message_type(), packet.payload()));
        // Aligned to four bytes.
        let length = usize::try_from(packet.length())
            .unwrap_or(usize::MAX)
            .next_multiple_of(4);
        bytes = bytes.get(length..).unwrap_or_default();
    }
    messages
}

fn message(kind: u16, payload: &[u8]) -> Option<Message> {
    match kind {
        NLMSG_DONE => Some(Message::Done),
        NLMSG_ERROR => Some(Message::Refused(i32::from_ne_bytes(*payload.first_chunk()?))),
        RTM_NEWLINK | RTM_DELLINK => {
            let (info, attributes) = payload.split_at_checked(INFO)?;
            // Of the family of bridges are messages about ports.
            if info[0] != AF_UNSPEC {
                return None;
            }
            let index = u32::from_ne_bytes(*info[4..].first_chunk()?);
            if kind == RTM_DELLINK {
                return Some(Message::Change(Change::Gone(index)));
            }
            let hardware = u16::from_ne_bytes([info[2], info[3]]);
            Some(Message::Change(Change::Present(Interface {
                index,
                name: text(&attribute(attributes, IFLA_IFNAME)?)?,
                kind: of_kind(hardware, attribute(attributes, IFLA_LINKINFO).as_deref()),
            })))
        }
        _ => None,
    }
}

fn of_kind(hardware: u16, information: Option<&[u8]>) -> Kind {
    // The kernel names the kind of those that it makes itself.
    let name = information.and_then(|information| attribute(information, IFLA_INFO_KIND));
    match (hardware, name.and_then(|name| text(&name)).as_deref()) {
        (ARPHRD_LOOPBACK, _) => Kind::Loopback,
        (ARPHRD_ETHER, None) => Kind::Device,
        (ARPHRD_ETHER, Some("veth")) => Kind::Pair,
        (ARPHRD_ETHER, Some(_)) => Kind::Derived,
        _ => Kind::Headless,
    }
}

fn attribute(attributes: &[u8], wanted: u16) -> Option<Vec<u8>> {
    NlasIterator::new(attributes)
        .map_while(Result::ok)
        .find(|attribute| attribute.kind() == wanted)
        .map(|attribute| attribute.value().to_vec())
}

/// A text that ends with a NUL, or not.
fn text(value: &[u8]) -> Option<String> {
    let end = value.iter().position(|byte| *byte == 0).unwrap_or(value.len());
    String::from_utf8(value[..end].to_vec()).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    fn encoded(kind: u16, payload: &[u8]) -> Vec<u8> {
        let length = HEADER + payload.len();
        let mut bytes = vec![0; length];
        let mut packet = NetlinkBuffer::new(&mut bytes[..]);
        packet.set_length(u32::try_from(length).unwrap());
        packet.set_message_type(kind);
        packet.payload_mut().copy_from_slice(payload);
        bytes.resize(length.next_multiple_of(4), 0);
        bytes
    }

    fn attribute_of(kind: u16, value: &[u8]) -> Vec<u8> {
        let length = 4 + value.len();
        let mut bytes = Vec::new();
        bytes.extend(u16::try_from(length).unwrap().to_ne_bytes());
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(value);
        bytes.resize(length.next_multiple_of(4), 0);
        bytes
    }

    fn link(family: u8, hardware: u16, index: u32, attributes: &[Vec<u8>]) -> Vec<u8> {
        let mut payload = vec![family, 0];
        payload.extend(hardware.to_ne_bytes());
        payload.extend(index.to_ne_bytes());
        payload.extend([0; 8]);
        payload.extend(attributes.concat());
        payload
    }

    #[rstest]
    #[case::device(1, None, Kind::Device)]
    #[case::pair(1, Some("veth"), Kind::Pair)]
    #[case::bridge(1, Some("bridge"), Kind::Derived)]
    #[case::tap(1, Some("tun"), Kind::Derived)]
    #[case::loopback(772, None, Kind::Loopback)]
    #[case::wireguard(65_534, Some("wireguard"), Kind::Headless)]
    #[case::tunnel(768, Some("ipip"), Kind::Headless)]
    fn kinds_are_told_apart(#[case] hardware: u16, #[case] kind: Option<&str>, #[case] expected: Kind) {
        let mut attributes = vec![attribute_of(IFLA_IFNAME, b"x0\0")];
        if let Some(kind) = kind {
            let information = attribute_of(IFLA_INFO_KIND, &[kind.as_bytes(), b"\0"].concat());
            attributes.push(attribute_of(IFLA_LINKINFO, &information));
        }
        let bytes = encoded(RTM_NEWLINK, &link(0, hardware, 9, &attributes));
        let expected = Interface {
            index: 9,
            name: "x0".to_owned(),
            kind: expected,
        };
        assert_eq!(messages(&bytes), [Message::Change(Change::Present(expected))]);
    }

    #[test]
    fn a_list_ends_and_a_refusal_has_a_number() {
        let gone = encoded(RTM_DELLINK, &link(0, 1, 9, &[]));
        let refused = encoded(NLMSG_ERROR, &(-1_i32).to_ne_bytes());
        let bytes = [gone, encoded(NLMSG_DONE, &[0; 4]), refused].concat();
        let expected = [
            Message::Change(Change::Gone(9)),
            Message::Done,
            Message::Refused(-1),
        ];
        assert_eq!(messages(&bytes), expected);
    }

    #[test]
    fn bridge_ports_that_go_are_not_interfaces_that_go() {
        let port = encoded(RTM_DELLINK, &link(7, 1, 9, &[]));
        assert_eq!(messages(&port), []);
    }

    proptest! {
        #[test]
        fn no_bytes_do_harm(kind in 0_u16..20, bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            messages(&bytes);
            messages(&encoded(kind, &bytes));
        }
    }
}
