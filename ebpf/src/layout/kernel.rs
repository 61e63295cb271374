//! Where the running kernel keeps what leads from a task to its socket.

use super::UNKNOWN;

/// Byte offsets into the running kernel's structures, read from its BTF at start.
///
/// Most lead from a task to the socket behind a file descriptor:
/// `task->files->fdt->fd[n]->private_data->sk`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "user", derive(bytemuck::Pod, bytemuck::Zeroable))]
#[repr(C)]
pub struct KernelLayout {
    /// `task_struct.files`
    pub task_files: u32,
    /// `files_struct.fdt`
    pub files_fdt: u32,
    /// `fdtable.max_fds`
    pub fdtable_max_fds: u32,
    /// `fdtable.fd`
    pub fdtable_fd: u32,
    /// `file.f_inode`
    pub file_inode: u32,
    /// `inode.i_mode`
    pub inode_mode: u32,
    /// `file.private_data`
    pub file_private_data: u32,
    /// `socket.sk`
    pub socket_sk: u32,
    /// `sock.__sk_common.skc_family`
    pub sock_family: u32,
    /// `sock.sk_protocol`
    pub sock_protocol: u32,
    /// `sock.__sk_common.skc_rcv_saddr`
    pub sock_local_v4: u32,
    /// `sock.__sk_common.skc_daddr`
    pub sock_peer_v4: u32,
    /// `sock.__sk_common.skc_v6_rcv_saddr`
    pub sock_local_v6: u32,
    /// `sock.__sk_common.skc_v6_daddr`
    pub sock_peer_v6: u32,
    /// `sock.__sk_common.skc_num`: local port, host order
    pub sock_local_port: u32,
    /// `sock.__sk_common.skc_dport`: peer's port, network order
    pub sock_peer_port: u32,
    /// `sock.__sk_common.skc_net.net`
    pub sock_net: u32,
    /// `net.ns.inum`
    pub net_inum: u32,
    /// `task_struct.exit_code`
    pub task_exit_code: u32,
}

impl KernelLayout {
    /// Nothing is known: sockets stay unknown.
    pub const NOTHING: Self = Self {
        task_files: UNKNOWN,
        files_fdt: UNKNOWN,
        fdtable_max_fds: UNKNOWN,
        fdtable_fd: UNKNOWN,
        file_inode: UNKNOWN,
        inode_mode: UNKNOWN,
        file_private_data: UNKNOWN,
        socket_sk: UNKNOWN,
        sock_family: UNKNOWN,
        sock_protocol: UNKNOWN,
        sock_local_v4: UNKNOWN,
        sock_peer_v4: UNKNOWN,
        sock_local_v6: UNKNOWN,
        sock_peer_v6: UNKNOWN,
        sock_local_port: UNKNOWN,
        sock_peer_port: UNKNOWN,
        sock_net: UNKNOWN,
        net_inum: UNKNOWN,
        task_exit_code: UNKNOWN,
    };
}

const _: () = assert!(size_of::<KernelLayout>() == 76);

#[cfg(all(test, feature = "user"))]
mod tests {
    use super::*;

    #[test]
    fn nothing_known_is_unknown_everywhere() {
        let layout: [u32; 19] = bytemuck::cast(KernelLayout::NOTHING);
        assert_eq!(layout, [UNKNOWN; 19]);
    }
}
