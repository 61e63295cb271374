//! Offsets inside the running kernel's structures, from its own type information.

use btf_rs::{Btf, BtfType, Struct, Type};
use ebpf::layout::{KernelLayout, UNKNOWN};

/// Where the kernel publishes its type information.
pub const KERNEL_BTF: &str = "/sys/kernel/btf/vmlinux";

/// Anonymous structures and typedefs inside each other that are looked into. The kernel has three.
const DEPTH: usize = 16;

/// Why the offsets could not be read.
#[derive(Debug, thiserror::Error)]
pub enum KernelLayoutError {
    /// The type information itself is broken.
    #[error("the kernel's BTF is broken at {what}: {source}")]
    Broken {
        /// What was looked up.
        what: String,
        /// What the reader says.
        source: btf_rs::Error,
    },
    /// The kernel has no such structure.
    #[error("the kernel's BTF has no struct {0}")]
    NoStruct(&'static str),
    /// The structure has no such member.
    #[error("the kernel's BTF has no member {member} in struct {name}")]
    NoMember {
        /// The structure.
        name: &'static str,
        /// Path of the member.
        member: &'static str,
    },
}

/// Reads the offsets that lead from a task to its sockets.
///
/// # Errors
/// Names the first structure or member that this kernel does not have.
pub fn kernel_layout(btf: &Btf) -> Result<KernelLayout, KernelLayoutError> {
    let member = |name, path| member(btf, name, path);
    Ok(KernelLayout {
        task_files: member("task_struct", "files")?,
        files_fdt: member("files_struct", "fdt")?,
        fdtable_max_fds: member("fdtable", "max_fds")?,
        fdtable_fd: member("fdtable", "fd")?,
        file_inode: member("file", "f_inode")?,
        inode_mode: member("inode", "i_mode")?,
        file_private_data: member("file", "private_data")?,
        socket_sk: member("socket", "sk")?,
        sock_family: member("sock", "__sk_common.skc_family")?,
        sock_protocol: member("sock", "sk_protocol")?,
        sock_local_v4: member("sock", "__sk_common.skc_rcv_saddr")?,
        sock_peer_v4: member("sock", "__sk_common.skc_daddr")?,
        sock_local_v6: member("sock", "__sk_common.skc_v6_rcv_saddr")?,
        sock_peer_v6: member("sock", "__sk_common.skc_v6_daddr")?,
        sock_local_port: member("sock", "__sk_common.skc_num")?,
        sock_peer_port: member("sock", "__sk_common.skc_dport")?,
        sock_net: member("sock", "__sk_common.skc_net.net")?,
        net_inum: member("net", "ns.inum")?,
        // Only tells that a program crashed: no reason to do without sockets.
        task_exit_code: member("task_struct", "exit_code").unwrap_or(UNKNOWN),
    })
}

/// Byte offset of a member, given by its path through named members.
fn member(btf: &Btf, name: &'static str, path: &'static str) -> Result<u32, KernelLayoutError> {
    let absent = || KernelLayoutError::NoMember { name, member: path };
    let mut current = structure(btf, name)?;
    let mut offset = 0;
    let mut steps = path.split('.').peekable();
    while let Some(step) = steps.next() {
        let (bits, found) = search(btf, &current, step, DEPTH)
            .map_err(|source| broken(format!("{name}.{path}"), source))?
            .ok_or_else(absent)?;
        offset += bits;
        if steps.peek().is_some() {
            current = compound(found).ok_or_else(absent)?;
        }
    }
    // A bit field has no address.
    (offset % 8 == 0).then_some(offset / 8).ok_or_else(absent)
}

/// The structure of this name; one that is declared elsewhere only by name does not count.
fn structure(btf: &Btf, name: &'static str) -> Result<Struct, KernelLayoutError> {
    let types = match btf.resolve_types_by_name(name) {
        Ok(types) => types,
        Err(_) if btf.resolve_ids_by_name(name).is_err() => return Err(KernelLayoutError::NoStruct(name)),
        Err(source) => return Err(broken(name.to_owned(), source)),
    };
    types
        .into_iter()
        .find_map(compound)
        .ok_or(KernelLayoutError::NoStruct(name))
}

/// A member by name, in this structure or in the anonymous ones inside it: its offset in bits and its type
/// without typedefs and qualifiers.
fn search(
    btf: &Btf,
    within: &Struct,
    name: &str,
    depth: usize,
) -> Result<Option<(u32, Type)>, btf_rs::Error> {
    for member in &within.members {
        // Nameless members have no name to resolve.
        let member_name = btf.resolve_name(member).unwrap_or_default();
        if member_name != name && !member_name.is_empty() {
            continue;
        }
        let kind = plain(btf, member)?;
        if member_name == name {
            return Ok(Some((member.bit_offset(), kind)));
        }
        let Some(inner) = compound(kind).filter(|_| depth > 0) else {
            continue;
        };
        if let Some((offset, found)) = search(btf, &inner, name, depth - 1)? {
            return Ok(Some((member.bit_offset() + offset, found)));
        }
    }
    Ok(None)
}

/// The type behind a member's typedefs and qualifiers.
fn plain(btf: &Btf, member: &dyn BtfType) -> Result<Type, btf_rs::Error> {
    let mut kind = btf.resolve_chained_type(member)?;
    for _ in 0..DEPTH {
        let qualified = matches!(
            kind,
            Type::Typedef(_) | Type::Const(_) | Type::Volatile(_) | Type::Restrict(_) | Type::TypeTag(_)
        );
        let Some(outer) = kind.as_btf_type().filter(|_| qualified) else {
            break;
        };
        kind = match btf.resolve_chained_type(outer) {
            Ok(inner) => inner,
            // A typedef of void ends there.
            Err(_) => break,
        };
    }
    Ok(kind)
}

fn compound(kind: Type) -> Option<Struct> {
    match kind {
        Type::Struct(found) | Type::Union(found) => Some(found),
        _ => None,
    }
}

fn broken(what: String, source: btf_rs::Error) -> KernelLayoutError {
    KernelLayoutError::Broken { what, source }
}
