//! The eBPF object that the agent embeds: its types are laid out as the agent believes, and it has the programs
//! and maps that the agent asks for.
//!
//! The object's BTF has the types that statics are made of. Records are only ever written through pointers, and
//! for those the compiler makes no BTF; the DWARF beside it has them.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::collections::{BTreeMap, BTreeSet};
use std::mem::offset_of;

use btf_rs::{Btf, Type};
use ebpf::call::{Call, Thread, Walk};
use ebpf::connection::{Key, Tracked};
use ebpf::framing::{Framing, Stream};
use ebpf::hello::follow::{Followed, Set};
use ebpf::hello::start::Start;
use ebpf::layout::{KernelLayout, Layout, Passage};
use ebpf::record::{
    CertificateHeader, Close, Connection, DataHeader, DatagramHeader, Flow, Header, SegmentHeader, Sighting,
    Socket,
};
use gimli::{AttributeValue, EndianSlice, NativeEndian};
use object::{Object as _, ObjectSection as _, ObjectSymbol as _, SymbolKind};
use wrongway::kernel::OBJECT;

/// Size of a structure and the offset of each of its members, in bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Shape {
    size: u64,
    members: BTreeMap<String, u64>,
}

/// The shape of a structure as it is on this side, from the names of all its fields.
macro_rules! shape {
    ($kind:ident: $($field:ident),+) => {{
        // Does not compile where a field is left out.
        let _ = |$kind { $($field: _),+ }: $kind| {};
        let offsets = [$((stringify!($field), offset_of!($kind, $field))),+];
        let members = offsets.map(|(name, offset)| (name.to_owned(), offset as u64));
        Shape {
            size: size_of::<$kind>() as u64,
            members: members.into(),
        }
    }};
}

/// Structures that the programs and the agent share, by their path.
fn shared() -> Vec<(&'static str, Shape)> {
    vec![
        (
            "ebpf::record::Header",
            shape!(Header: kind, size, time, tgid, tid, ssl, born),
        ),
        (
            "ebpf::record::socket::Socket",
            shape!(Socket: local, peer, netns, local_port, peer_port, family, source, reserved),
        ),
        (
            "ebpf::record::connection::Connection",
            shape!(
                Connection: header, client_random, socket, library, side, name_state, name_source, from_start,
                resumed, renegotiated, version, name_length, verify_mode, alpn_state, alpn_length, carrier,
                early, reserved, alpn, name
            ),
        ),
        (
            "ebpf::record::connection::Close",
            shape!(Close: header, sequences),
        ),
        (
            "ebpf::record::trial::Sighting",
            shape!(
                Sighting: header, client_random, requested, moved, library, function, from_start, first,
                impossible, opening, reserved, socket, padding
            ),
        ),
        (
            "ebpf::record::data::DataHeader",
            shape!(DataHeader: header, offset, sequence, length, direction, flags, content, reserved, entry),
        ),
        (
            "ebpf::record::certificate::CertificateHeader",
            shape!(CertificateHeader: header, length, full_length, own, reserved),
        ),
        (
            "ebpf::record::wire::Flow",
            shape!(Flow: source, destination, interface, source_port, destination_port, family, hook, reserved),
        ),
        (
            "ebpf::record::wire::SegmentHeader",
            shape!(SegmentHeader: header, flow, first, sequence, length),
        ),
        (
            "ebpf::record::wire::DatagramHeader",
            shape!(DatagramHeader: header, flow, length),
        ),
        (
            "ebpf::hello::follow::Followed",
            shape!(Followed: identity, begun, passed, end, segments, reserved, start),
        ),
        ("ebpf::hello::start::Start", shape!(Start: bytes, last, known)),
        (
            "ebpf::layout::library::Layout",
            shape!(
                Layout: client_random, server, hostname, resumed, version, own_certificate, peer_certificate,
                certificate_encoding, alpn, verify_mode, read_bio, bio_type, state, early_data, references, kind,
                clears, proof, read, write
            ),
        ),
        (
            "ebpf::layout::library::Passage",
            shape!(Passage: ssl, buffer, count, guard, wanted, aside_ssl, aside_guard),
        ),
        ("ebpf::layout::kernel::KernelLayout", kernel_layout()),
        ("ebpf::connection::Key", shape!(Key: ssl, tgid, reserved)),
        ("ebpf::connection::Tracked", tracked()),
    ]
}

fn kernel_layout() -> Shape {
    shape!(
        KernelLayout: task_files, files_fdt, fdtable_max_fds, fdtable_fd, file_inode, inode_mode,
        file_private_data, socket_sk, sock_family, sock_protocol, sock_local_v4, sock_peer_v4, sock_local_v6,
        sock_peer_v6, sock_local_port, sock_peer_port, sock_net, net_inum, task_exit_code
    )
}

fn tracked() -> Shape {
    shape!(
        Tracked: born, random, sock, framing, descriptor, library, announced, from_start, conflict, moved,
        placed, reserved
    )
}

/// Structures that statics of the programs are made of, by their name.
fn in_statics() -> Vec<(&'static str, Shape)> {
    vec![
        ("KernelLayout", kernel_layout()),
        ("Tracked", tracked()),
        ("Framing", shape!(Framing: streams, requests, protocol, reserved)),
        (
            "Stream",
            shape!(
                Stream: offset, remaining, length, number, window, sequence, status, phase, flags, entry,
                position, field, frame, kind, begun, silent, reserved
            ),
        ),
        ("Thread", shape!(Thread: depth, calls, walk, registers)),
        (
            "Call",
            shape!(Call: ssl, buffer, requested, count, stack, sock, conflict, function),
        ),
        (
            "Walk",
            shape!(Walk: buffer, length, position, head, id, ssl, direction, count, used, found, window),
        ),
    ]
}

fn elf() -> object::File<'static> {
    object::File::parse(OBJECT).unwrap()
}

fn section(name: &str) -> &'static [u8] {
    let section = elf()
        .section_by_name(name)
        .map(|section| section.file_range().unwrap());
    let (start, size) = section.unwrap_or_default();
    let (start, size) = (usize::try_from(start).unwrap(), usize::try_from(size).unwrap());
    &OBJECT[start..start + size]
}

#[test]
fn statics_are_laid_out_as_their_types_are_here() {
    let btf = Btf::from_bytes(section(".BTF")).unwrap();
    for (name, expected) in in_statics() {
        let types = btf.resolve_types_by_name(name).unwrap();
        let shapes: Vec<Shape> = types
            .iter()
            .filter_map(|found| match found {
                Type::Struct(found) => Some(found),
                _ => None,
            })
            .map(|found| btf_shape(&btf, found))
            .collect();
        assert_eq!(shapes, [expected], "{name}");
    }
}

fn btf_shape(btf: &Btf, found: &btf_rs::Struct) -> Shape {
    let member = |member: &btf_rs::Member| {
        assert_eq!(member.bit_offset() % 8, 0);
        (
            btf.resolve_name(member).unwrap(),
            u64::from(member.bit_offset() / 8),
        )
    };
    Shape {
        size: found.size() as u64,
        members: found.members.iter().map(member).collect(),
    }
}

type Slice = EndianSlice<'static, NativeEndian>;

#[test]
fn what_is_shared_is_laid_out_as_it_is_here() {
    let load = |id: gimli::SectionId| -> Result<Slice, gimli::Error> {
        Ok(EndianSlice::new(section(id.name()), NativeEndian))
    };
    let dwarf = gimli::Dwarf::load(load).unwrap();
    let mut shapes = BTreeMap::new();
    let mut units = dwarf.units();
    while let Some(header) = units.next().unwrap() {
        let unit = dwarf.unit(header).unwrap();
        let mut tree = unit.entries_tree(None).unwrap();
        collect(&dwarf, &unit, tree.root().unwrap(), "", &mut shapes);
    }
    for (path, expected) in shared() {
        let found = shapes.get(path).cloned().unwrap_or_default();
        assert_eq!(found, BTreeSet::from([expected]), "{path}");
    }
}

/// Adds the structures below an entry, each by its path. One that several units have is there once, if all
/// agree.
fn collect(
    dwarf: &gimli::Dwarf<Slice>,
    unit: &gimli::Unit<Slice>,
    node: gimli::EntriesTreeNode<'_, '_, Slice>,
    path: &str,
    shapes: &mut BTreeMap<String, BTreeSet<Shape>>,
) {
    let tag = node.entry().tag();
    let here = match name(dwarf, unit, node.entry()) {
        // It is named after its file.
        Some(_) if tag == gimli::DW_TAG_compile_unit => String::new(),
        Some(name) if path.is_empty() => name,
        Some(name) => format!("{path}::{name}"),
        None => path.to_owned(),
    };
    let size = number(node.entry(), gimli::DW_AT_byte_size);
    let mut members = BTreeMap::new();
    let mut children = node.children();
    while let Some(child) = children.next().unwrap() {
        let entry = child.entry();
        if entry.tag() == gimli::DW_TAG_member
            && let (Some(name), Some(offset)) = (
                name(dwarf, unit, entry),
                number(entry, gimli::DW_AT_data_member_location),
            )
        {
            members.insert(name, offset);
        }
        collect(dwarf, unit, child, &here, shapes);
    }
    if tag == gimli::DW_TAG_structure_type
        && let Some(size) = size
    {
        shapes.entry(here).or_default().insert(Shape { size, members });
    }
}

type Entry = gimli::DebuggingInformationEntry<Slice>;

fn name(dwarf: &gimli::Dwarf<Slice>, unit: &gimli::Unit<Slice>, entry: &Entry) -> Option<String> {
    let value = entry.attr_value(gimli::DW_AT_name)?;
    Some(
        dwarf
            .attr_string(unit, value)
            .unwrap()
            .to_string_lossy()
            .into_owned(),
    )
}

fn number(entry: &Entry, attribute: gimli::DwAt) -> Option<u64> {
    entry
        .attr_value(attribute)
        .as_ref()
        .and_then(AttributeValue::udata_value)
}

#[test]
fn it_has_these_programs() {
    let elf = elf();
    let mut programs = BTreeSet::new();
    for symbol in elf.symbols().filter(|symbol| symbol.kind() == SymbolKind::Text) {
        let section = elf.section_by_index(symbol.section_index().unwrap()).unwrap();
        // What is in .text is called by programs.
        if section.name() != Ok(".text") {
            programs.insert((section.name().unwrap(), symbol.name().unwrap()));
        }
    }
    let expected = [
        ("uprobe", "call_entry"),
        ("uretprobe", "call_return"),
        ("uprobe", "read_passage"),
        ("uprobe", "write_passage"),
        ("uprobe", "empty_entry"),
        ("uretprobe", "empty_return"),
        ("uretprobe", "ssl_new"),
        ("uprobe", "ssl_free"),
        ("uprobe", "ssl_clear"),
        ("uprobe", "ssl_set_fd"),
        ("uprobe", "ssl_ctrl"),
        ("raw_tp/sched_process_exec", "process_exec"),
        ("raw_tp/sched_process_exit", "process_exit"),
        ("raw_tp/sock_recv_length", "sock_recv"),
        ("raw_tp/sock_send_length", "sock_send"),
        ("raw_tp/tcp_rcv_space_adjust", "tcp_recv"),
        ("classifier", "tc_ingress"),
        ("classifier", "tc_egress"),
        ("xdp.frags", "xdp_ingress"),
    ];
    assert_eq!(programs, expected.into());
}

/// Size of a key and of a value, in bytes.
fn sizes<K, V>() -> (usize, usize) {
    (size_of::<K>(), size_of::<V>())
}

#[test]
fn it_has_these_maps_with_keys_and_values_of_these_types() {
    let elf = elf();
    let maps = elf.section_by_name("maps").unwrap();
    let mut found = BTreeMap::new();
    for symbol in elf.symbols().filter(|symbol| symbol.kind() == SymbolKind::Data) {
        if symbol.section_index() != Some(maps.index()) {
            continue;
        }
        // struct bpf_map_def: type, key_size, value_size, and more.
        let start = usize::try_from(symbol.address()).unwrap();
        let field = |index: usize| {
            let bytes = &maps.data().unwrap()[start + 4 * index..][..4];
            u32::from_ne_bytes(bytes.try_into().unwrap()) as usize
        };
        found.insert(symbol.name().unwrap(), (field(1), field(2)));
    }
    let expected = [
        ("CALLS", sizes::<u64, Thread>()),
        ("CONNECTIONS", sizes::<Key, Tracked>()),
        ("FLOWS", sizes::<u32, Set>()),
        ("HITS", sizes::<u32, u64>()),
        ("LAYOUTS", sizes::<u32, Layout>()),
        ("LOSSES", sizes::<u32, u64>()),
        ("MOVERS", sizes::<u32, u64>()),
        ("NAMES", (size_of::<Key>(), ebpf::record::NAME)),
        ("RECORDS", (0, 0)),
        ("SIGHTED", (size_of::<Key>(), 32)),
        ("TELLING", (4, 16)),
        ("WIRE", (0, 0)),
        ("TOLD", (24, 1)),
    ];
    assert_eq!(found, expected.into());
}

#[test]
fn the_globals_that_the_agent_sets_have_the_sizes_of_their_types() {
    let elf = elf();
    let global = elf.symbol_by_name("KERNEL").unwrap();
    assert_eq!(global.size(), size_of::<KernelLayout>() as u64);
    let global = elf.symbol_by_name("FLOW_SEED").unwrap();
    assert_eq!(global.size(), size_of::<u64>() as u64);
}

/// Helpers that probes need are lent to programs under the GPL alone.
#[test]
fn its_license_lets_it_use_the_kernels_helpers() {
    assert_eq!(section("license"), b"Dual MIT/GPL\0");
}
