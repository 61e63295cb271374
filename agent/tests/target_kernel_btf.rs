//! The running kernel's type information.

use std::collections::BTreeSet;
use std::path::Path;

use btf_rs::Btf;
use ebpf::layout::KernelLayout;
use wrongway::target::kernel_btf::{KERNEL_BTF, KernelLayoutError, kernel_layout};

#[test]
fn the_running_kernel_has_every_member() {
    if !Path::new(KERNEL_BTF).exists() {
        println!("1 skipped: this kernel has no {KERNEL_BTF}");
        return;
    }
    let layout = kernel_layout(&Btf::from_file(KERNEL_BTF).unwrap()).unwrap();
    assert_ne!(layout, KernelLayout::NOTHING);

    // struct sock_common has begun like this ever since it exists; its addresses are one aligned pair.
    assert_eq!(layout.sock_peer_v4, 0);
    assert_eq!(layout.sock_local_v4, 4);
    assert_eq!(layout.sock_local_port, layout.sock_peer_port + 2);
    assert_eq!(layout.sock_local_v6, layout.sock_peer_v6 + 16);
    let common = [
        layout.sock_peer_v4,
        layout.sock_local_v4,
        layout.sock_peer_port,
        layout.sock_local_port,
        layout.sock_family,
        layout.sock_net,
        layout.sock_peer_v6,
        layout.sock_local_v6,
        layout.sock_protocol,
    ];
    assert_eq!(BTreeSet::from(common).len(), common.len(), "{layout:?}");
    let pointers = [
        layout.task_files,
        layout.files_fdt,
        layout.fdtable_fd,
        layout.file_inode,
        layout.file_private_data,
        layout.socket_sk,
        layout.sock_net,
    ];
    assert!(pointers.iter().all(|offset| offset % 8 == 0), "{layout:?}");
}

#[test]
fn a_missing_structure_is_named() {
    // Magic, version 1, no flags, a header of 24 bytes, no types, one empty string.
    let mut bytes = vec![0x9f, 0xeb, 1, 0];
    for field in [24_u32, 0, 0, 0, 1] {
        bytes.extend(field.to_le_bytes());
    }
    bytes.push(0);
    let error = kernel_layout(&Btf::from_bytes(&bytes).unwrap()).unwrap_err();
    assert!(
        matches!(error, KernelLayoutError::NoStruct("task_struct")),
        "{error}"
    );
}
