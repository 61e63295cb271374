//! Which interfaces are watched, and by which programs.

use super::{Interface, Kind};
use crate::kernel::WireMode;

/// What the command line says of interfaces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choice {
    /// Only these; if empty, those that together show each packet.
    pub names: Vec<String>,
    /// By which kind of program.
    pub mode: Mode,
}

/// The kind of program that looks at packets.
///
/// What `cargo xtask bench --wire` shows: tc costs least, and is the only one to see packets that go out. XDP in front
/// of the network stack has large segments put into one piece first, and XDP in the driver of a veth pair keeps them
/// from being large at all, at a multiple of the cost of everything else.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Mode {
    /// What costs least for the kind of interface: tc, or XDP where that is refused
    #[default]
    Auto,
    /// tc: packets in both directions
    Tc,
    /// XDP: only packets that come in
    Xdp,
}

/// On the loopback interface each packet is seen both ways: one is enough.
const LOOPBACK: &[WireMode] = &[WireMode::TcIngress];
const BOTH: &[WireMode] = &[WireMode::Tc];
const BOTH_OR_INCOMING: &[WireMode] = &[WireMode::Tc, WireMode::XdpGeneric];
const LOOPBACK_OR_XDP: &[WireMode] = &[WireMode::TcIngress, WireMode::XdpGeneric];
const XDP: &[WireMode] = &[WireMode::XdpNative, WireMode::XdpGeneric];
const LOOPBACK_XDP: &[WireMode] = &[WireMode::XdpGeneric];

impl Choice {
    /// How to watch an interface: what to try, in this order. Nothing, if it is not to be watched.
    pub(in crate::live) fn modes(&self, interface: &Interface) -> &'static [WireMode] {
        if !self.includes(interface) {
            return &[];
        }
        match (self.mode, interface.kind) {
            (Mode::Auto, Kind::Loopback) => LOOPBACK_OR_XDP,
            (Mode::Auto, _) => BOTH_OR_INCOMING,
            (Mode::Tc, Kind::Loopback) => LOOPBACK,
            (Mode::Tc, _) => BOTH,
            (Mode::Xdp, Kind::Loopback) => LOOPBACK_XDP,
            (Mode::Xdp, _) => XDP,
        }
    }

    /// What a derived interface carries, a device or a pair shows as well; and what a tunnel carries, only encrypted
    /// or wrapped: whoever wants that names the interface.
    fn includes(&self, interface: &Interface) -> bool {
        if interface.kind == Kind::Headless {
            return false;
        }
        if self.names.is_empty() {
            matches!(interface.kind, Kind::Loopback | Kind::Device | Kind::Pair)
        } else {
            self.names.contains(&interface.name)
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn interface(name: &str, kind: Kind) -> Interface {
        Interface {
            index: 7,
            name: name.to_owned(),
            kind,
        }
    }

    #[rstest]
    #[case::loopback(Kind::Loopback, Some(WireMode::TcIngress))]
    #[case::device(Kind::Device, Some(WireMode::Tc))]
    #[case::pair(Kind::Pair, Some(WireMode::Tc))]
    #[case::bridge(Kind::Derived, None)]
    #[case::tunnel(Kind::Headless, None)]
    fn unnamed_are_chosen_by_kind(#[case] kind: Kind, #[case] first: Option<WireMode>) {
        let modes = Choice::default().modes(&interface("x", kind));
        assert_eq!(modes.first().copied(), first);
    }

    #[test]
    fn named_ones_are_all_there_is() {
        let choice = Choice {
            names: vec!["br0".to_owned(), "wg0".to_owned()],
            mode: Mode::Auto,
        };
        assert!(!choice.modes(&interface("br0", Kind::Derived)).is_empty());
        assert!(choice.modes(&interface("eth0", Kind::Device)).is_empty());
        let headless = choice.modes(&interface("wg0", Kind::Headless));
        assert!(headless.is_empty(), "its packets cannot be read");
    }

    #[test]
    fn the_mode_is_kept_to() {
        let modes = |mode, kind| {
            let names = Vec::new();
            Choice { names, mode }.modes(&interface("x", kind))
        };
        assert_eq!(modes(Mode::Tc, Kind::Device), [WireMode::Tc]);
        assert_eq!(modes(Mode::Xdp, Kind::Device), XDP);
        assert_eq!(modes(Mode::Xdp, Kind::Loopback), [WireMode::XdpGeneric]);
    }
}
