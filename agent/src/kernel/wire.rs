//! Attaches the programs that look for ClientHellos in packets to network interfaces.

use aya::programs::{
    LinkOrder, ProgramError, SchedClassifier, TcAttachType, Xdp, XdpMode,
    tc::{self, NlOptions, SchedClassifierLink, TcAttachOptions},
    xdp::XdpLink,
};
use thiserror::Error;

use super::{
    Kernel, LoadError,
    load::{refused, refused_program},
};

/// How an interface is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WireMode {
    /// By tc, packets that come in and packets that go out.
    Tc,
    /// By tc, packets that come in.
    TcIngress,
    /// By XDP in the driver: packets that come in.
    XdpNative,
    /// By XDP in front of the network stack: packets that come in.
    XdpGeneric,
}

impl WireMode {
    /// Every mode.
    pub const ALL: [Self; 4] = [Self::Tc, Self::TcIngress, Self::XdpNative, Self::XdpGeneric];

    /// The mode's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tc => "tc",
            Self::TcIngress => "tc-ingress",
            Self::XdpNative => "xdp-native",
            Self::XdpGeneric => "xdp-generic",
        }
    }
}

/// The programs on one interface. Dropping it detaches them.
pub struct WireLinks {
    _links: Vec<WireLink>,
}

#[expect(dead_code, reason = "held until they are dropped")]
enum WireLink {
    Tc(SchedClassifierLink),
    Xdp(XdpLink),
}

/// Why an interface is not watched.
#[derive(Debug, Error)]
#[error("cannot watch interface {interface} by {}: {reason}", .mode.as_str())]
pub struct WireError {
    interface: String,
    mode: WireMode,
    reason: String,
}

impl Kernel {
    /// Watches an interface of this process's network namespace. The programs are loaded with the first one.
    ///
    /// # Errors
    /// Returns what the kernel refused; nothing stays attached then.
    pub fn attach_wire(&mut self, interface: &str, mode: WireMode) -> Result<WireLinks, WireError> {
        let links = match mode {
            WireMode::Tc => self
                .tc("tc_ingress", interface, TcAttachType::Ingress)
                .and_then(|first| {
                    Ok(vec![
                        first,
                        self.tc("tc_egress", interface, TcAttachType::Egress)?,
                    ])
                }),
            WireMode::TcIngress => self
                .tc("tc_ingress", interface, TcAttachType::Ingress)
                .map(|link| vec![link]),
            WireMode::XdpNative => self.xdp(interface, XdpMode::Driver).map(|link| vec![link]),
            WireMode::XdpGeneric => self.xdp(interface, XdpMode::Skb).map(|link| vec![link]),
        };
        match links {
            Ok(links) => Ok(WireLinks { _links: links }),
            Err(error) => Err(WireError {
                interface: interface.to_owned(),
                mode,
                reason: error.to_string(),
            }),
        }
    }

    fn tc(&mut self, name: &str, interface: &str, direction: TcAttachType) -> Result<WireLink, LoadError> {
        let tcx = self.features.tcx;
        let program: &mut SchedClassifier = self.program(name)?;
        if program.fd().is_err() {
            program.load().map_err(|error| refused_program(name, &error))?;
        }
        let options = if tcx {
            // In front of others: one that takes a packet out would hide it.
            TcAttachOptions::TcxOrder(LinkOrder::first())
        } else {
            // It may be there already, ours or another's. What is wrong else shows in the next step.
            drop(tc::qdisc_add_clsact(interface));
            TcAttachOptions::Netlink(NlOptions::default())
        };
        let link = program
            .attach_with_options(interface, direction, options)
            .and_then(|id| program.take_link(id))
            .map_err(|error| refused(name, &error))?;
        Ok(WireLink::Tc(link))
    }

    fn xdp(&mut self, interface: &str, mode: XdpMode) -> Result<WireLink, LoadError> {
        let name = "xdp_ingress";
        let program: &mut Xdp = self.program(name)?;
        if program.fd().is_err() {
            program.load().map_err(|error| refused_program(name, &error))?;
        }
        let link = program
            .attach(interface, mode)
            .and_then(|id| program.take_link(id))
            .map_err(|error: ProgramError| refused(name, &error))?;
        Ok(WireLink::Xdp(link))
    }
}
