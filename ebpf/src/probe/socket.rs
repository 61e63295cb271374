//! Sockets: which one a TLS function used while a thread was inside of it, and the 4-tuple behind it.

use aya_ebpf::{helpers::bpf_get_current_pid_tgid, macros::raw_tracepoint, programs::RawTracePointContext};
use ebpf::{
    call::{Call, MORE, OTHERS},
    connection::Tracked,
    function::{HIT_SOCK_RECV, HIT_SOCK_SEND},
    layout::UNKNOWN,
    record::{Socket, SocketSource},
};

use crate::{calls, layouts, memory, socket_use, stats};

const AF_INET: u16 = 2;
const AF_INET6: u16 = 10;
const IPPROTO_TCP: u16 = 6;
const S_IFMT: u16 = 0o170_000;
const S_IFSOCK: u16 = 0o140_000;

/// `TP_PROTO(struct sock *sk, int ret, int flags)`, in the thread that receives, after each receive call on
/// any socket. There are no kprobes everywhere; this is the tracepoint that names the socket.
#[raw_tracepoint(tracepoint = "sock_recv_length")]
pub fn sock_recv(context: RawTracePointContext) -> i32 {
    stats::hit(HIT_SOCK_RECV);
    note(context.arg(0));
    0
}

/// `TP_PROTO(struct sock *sk, int ret, int flags)`: the same for sending.
#[raw_tracepoint(tracepoint = "sock_send_length")]
pub fn sock_send(context: RawTracePointContext) -> i32 {
    stats::hit(HIT_SOCK_SEND);
    note(context.arg(0));
    0
}

/// `TP_PROTO(struct sock *sk)`, where the kernel has no `sock_recv_length` (before 6.3): after data was taken
/// from a TCP socket's queue.
#[raw_tracepoint(tracepoint = "tcp_rcv_space_adjust")]
pub fn tcp_recv(context: RawTracePointContext) -> i32 {
    stats::hit(HIT_SOCK_RECV);
    note(context.arg(0));
    0
}

#[inline(always)]
fn note(sock: *const core::ffi::c_void) {
    let sock = sock as u64;
    let id = bpf_get_current_pid_tgid();
    let Some(call) = calls::current(id) else {
        socket_use::note(sock, id);
        return;
    };
    if call.sock == 0 {
        // Whether it is one of TCP, is asked where it matters.
        call.sock = sock;
    } else if call.sock != sock && is_tcp(sock) {
        if is_tcp(call.sock) {
            call.conflict |= MORE;
        } else {
            call.sock = sock;
        }
    }
}

/// Whether it is a TCP socket.
#[inline(always)]
pub fn is_tcp(sock: u64) -> bool {
    let kernel = layouts::kernel();
    let family = field::<u16>(sock, kernel.sock_family);
    let protocol = field::<u16>(sock, kernel.sock_protocol);
    matches!(family, Some(AF_INET | AF_INET6)) && protocol == Some(IPPROTO_TCP)
}

/// The `struct sock` behind a descriptor of the current process:
/// `task->files->fdt->fd[n]->private_data->sk`.
#[inline(always)]
pub fn of_descriptor(descriptor: i32) -> Option<u64> {
    let kernel = layouts::kernel();
    if descriptor < 0 || kernel.task_files == UNKNOWN {
        return None;
    }
    let files = field::<u64>(memory::current_task(), kernel.task_files)?;
    let table = field::<u64>(files, kernel.files_fdt)?;
    if descriptor as u32 >= field::<u32>(table, kernel.fdtable_max_fds)? {
        return None;
    }
    let array = field::<u64>(table, kernel.fdtable_fd)?;
    let file = memory::kernel::<u64>(array + u64::from(descriptor as u32) * 8)?;
    let inode = field::<u64>(file, kernel.file_inode)?;
    if field::<u16>(inode, kernel.inode_mode)? & S_IFMT != S_IFSOCK {
        return None;
    }
    let socket = field::<u64>(file, kernel.file_private_data)?;
    let sock = field::<u64>(socket, kernel.socket_sk)?;
    is_tcp(sock).then_some(sock)
}

/// Takes the socket that a call used for the connection's, unless another has been told already.
#[inline(always)]
pub fn settle(tracked: &mut Tracked, call: &Call) {
    if tracked.placed != 0 || call.sock == 0 || call.conflict & OTHERS != 0 || !is_tcp(call.sock) {
        return;
    }
    if call.conflict & MORE != 0 || tracked.sock != 0 && tracked.sock != call.sock {
        tracked.conflict = 1;
    } else {
        tracked.sock = call.sock;
    }
}

/// Fills in the 4-tuple of a `struct sock`; leaves `family` 0 if it cannot be read.
#[inline(always)]
pub fn describe(sock: u64, source: SocketSource, socket: &mut Socket) {
    let kernel = layouts::kernel();
    *socket = Socket::UNKNOWN;
    let Some(family) = field::<u16>(sock, kernel.sock_family) else {
        return;
    };
    // One by one: of several that may be missing, the compiler leaves some unset, which the verifier refuses.
    if family == AF_INET {
        let Some(local) = field::<[u8; 4]>(sock, kernel.sock_local_v4) else {
            return;
        };
        let Some(peer) = field::<[u8; 4]>(sock, kernel.sock_peer_v4) else {
            return;
        };
        socket.local[0] = local[0];
        socket.local[1] = local[1];
        socket.local[2] = local[2];
        socket.local[3] = local[3];
        socket.peer[0] = peer[0];
        socket.peer[1] = peer[1];
        socket.peer[2] = peer[2];
        socket.peer[3] = peer[3];
    } else {
        let Some(local) = field::<[u8; 16]>(sock, kernel.sock_local_v6) else {
            return;
        };
        socket.local = local;
        let Some(peer) = field::<[u8; 16]>(sock, kernel.sock_peer_v6) else {
            return;
        };
        socket.peer = peer;
    }
    let Some((local_port, peer_port)) = ports(sock) else {
        return;
    };
    socket.local_port = local_port;
    socket.peer_port = peer_port;
    if let Some(net) = field::<u64>(sock, kernel.sock_net) {
        socket.netns = field::<u32>(net, kernel.net_inum).unwrap_or(0);
    }
    socket.family = family;
    socket.source = source as u8;
}

/// The ports of a `struct sock`, its own and the peer's, in host order.
#[inline(always)]
pub fn ports(sock: u64) -> Option<(u16, u16)> {
    let kernel = layouts::kernel();
    let local = field::<u16>(sock, kernel.sock_local_port)?;
    let peer = field::<u16>(sock, kernel.sock_peer_port)?;
    Some((local, u16::from_be(peer)))
}

#[inline(always)]
fn field<T: Copy>(object: u64, offset: u32) -> Option<T> {
    if object == 0 || offset == UNKNOWN {
        return None;
    }
    memory::kernel(object + u64::from(offset))
}
