//! The programs that see packets. They pass every one, and leave those behind them in the chain their say.

use aya_ebpf::{
    bindings::{TC_ACT_UNSPEC, xdp_action::XDP_PASS},
    macros::{classifier, xdp},
    programs::{TcContext, XdpContext},
};
use ebpf::{
    function::{HIT_TC_EGRESS, HIT_TC_INGRESS, HIT_XDP},
    record::Hook,
};

use crate::{
    stats,
    wire::{
        self,
        frame::{SocketBuffer, XdpBuffer},
    },
};

/// `int (struct __sk_buff *skb)`, where packets come in: before the network stack sees them, after the driver put
/// segments together.
#[classifier]
pub fn tc_ingress(context: TcContext) -> i32 {
    stats::hit(HIT_TC_INGRESS);
    let interface = interface(&context);
    wire::inspect(&SocketBuffer(context), interface, Hook::TcIngress);
    TC_ACT_UNSPEC
}

/// The same where packets go out, which XDP never sees: before large segments are cut.
#[classifier]
pub fn tc_egress(context: TcContext) -> i32 {
    stats::hit(HIT_TC_EGRESS);
    let interface = interface(&context);
    wire::inspect(&SocketBuffer(context), interface, Hook::TcEgress);
    TC_ACT_UNSPEC
}

/// `int (struct xdp_md *ctx)`: in the driver, or, where that cannot, before anything else.
#[xdp(frags)]
pub fn xdp_ingress(context: XdpContext) -> u32 {
    stats::hit(HIT_XDP);
    let interface = context.ingress_ifindex() as u32;
    wire::inspect(&XdpBuffer(context), interface, Hook::Xdp);
    XDP_PASS
}

#[inline(always)]
fn interface(context: &TcContext) -> u32 {
    // SAFETY: the context is the one the program was called with.
    unsafe { (*context.skb.skb).ifindex }
}
