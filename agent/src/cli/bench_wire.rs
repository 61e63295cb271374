//! `wrongway bench-wire`, for benchmarks of this project.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use serde_json::json;

use super::bench_probes::wait_to_be_ended;
use super::failure::kernel_failure;
use crate::kernel::{Kernel, Limits, PacketProgram, WireMode};

/// Arguments of `wrongway bench-wire`.
#[derive(Clone, Debug, Args)]
pub struct BenchWireArgs {
    /// Interface to watch until ended.
    #[arg(long, value_name = "NAME", requires = "mode")]
    pub interface: Option<String>,
    /// How to watch it.
    #[arg(long, value_name = "MODE", value_parser = mode)]
    pub mode: Option<WireMode>,
}

/// Watches an interface, or else prints what a packet of each kind costs.
///
/// # Errors
/// If the kernel refuses.
pub fn run(args: &BenchWireArgs) -> anyhow::Result<ExitCode> {
    let mut kernel = Kernel::load_object(Limits::default()).map_err(|error| kernel_failure(error.into()))?;
    if let (Some(interface), Some(mode)) = (&args.interface, args.mode) {
        let _links = kernel.attach_wire(interface, mode).context("cannot watch")?;
        println!("attached");
        wait_to_be_ended()?;
    } else {
        for program in [PacketProgram::Tc, PacketProgram::Xdp] {
            for (name, before, packet, times) in packets() {
                let cost =
                    cost(&mut kernel, program, before.as_deref(), &packet, times).map_err(kernel_failure)?;
                let line =
                    json!({"program": program.as_str(), "packet": name, "nanoseconds": cost.as_nanos()});
                println!("{line}");
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn mode(text: &str) -> Result<WireMode, String> {
    WireMode::ALL
        .into_iter()
        .find(|mode| mode.as_str() == text)
        .ok_or_else(|| format!("one of {}", WireMode::ALL.map(WireMode::as_str).join(", ")))
}

/// Runs of which the shortest counts: whatever else the processor does meanwhile only adds.
const RUNS: usize = 201;

/// What one run of the program on `packet` costs, after one on `before`.
fn cost(
    kernel: &mut Kernel,
    program: PacketProgram,
    before: Option<&[u8]>,
    packet: &[u8],
    times: u32,
) -> anyhow::Result<Duration> {
    let mut least = Duration::MAX;
    for _ in 0..RUNS {
        if let Some(before) = before {
            kernel.try_packet(program, before, 1)?;
        }
        least = least.min(kernel.try_packet(program, packet, times)?);
    }
    Ok(least)
}

/// A packet's name, the one that is sent before it, its bytes, and how often it is sent.
type Sent = (&'static str, Option<Vec<u8>>, Vec<u8>, u32);

/// More than fit the ring, which nobody empties, would be counted as losses, and cost less.
const FEW: u32 = 10;
const MANY: u32 = 10_000;
const SYN: u8 = 2;
const ACK: u8 = 16;

fn packets() -> Vec<Sent> {
    let syn = tcp(SYN, 40_000, 0, &[]);
    let data = tcp(ACK, 40_001, 1, &[0x17; 1000]);
    let mut hello = vec![22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3];
    hello.resize(517, 0xaa);
    let mut udp = vec![0x9c, 0x40, 0x01, 0xbb, 4, 184, 0, 0];
    udp.resize(8 + 1200, 0x17);
    let mut other = frame(&ipv4(6, &[]));
    other[12..14].copy_from_slice(&[8, 6]);
    vec![
        ("neither IPv4 nor IPv6", None, other, MANY),
        ("acknowledgement", None, tcp(ACK, 40_001, 1, &[]), MANY),
        ("data", None, data, MANY),
        (
            "data, IPv6",
            None,
            frame(&ipv6(&segment(ACK, 40_001, 1, &[0x17; 1000]))),
            MANY,
        ),
        ("UDP datagram", None, frame(&ipv4(17, &udp)), MANY),
        ("SYN", None, syn.clone(), MANY),
        // Beyond what is taken for a ClientHello while its first bytes are missing.
        (
            "data of a followed stream",
            Some(syn.clone()),
            tcp(ACK, 40_000, 30_000, &[0x17; 1000]),
            MANY,
        ),
        (
            "first data, not TLS",
            Some(syn),
            tcp(ACK, 40_000, 1, b"GET / HTTP/1.1\r\n\r\n"),
            1,
        ),
        ("ClientHello, handed up", None, tcp(ACK, 40_002, 1, &hello), FEW),
    ]
}

fn tcp(flags: u8, port: u16, sequence: u32, payload: &[u8]) -> Vec<u8> {
    frame(&ipv4(6, &segment(flags, port, sequence, payload)))
}

fn segment(flags: u8, port: u16, sequence: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = port.to_be_bytes().to_vec();
    bytes.extend([0x01, 0xbb]);
    bytes.extend(sequence.to_be_bytes());
    // With timestamps, as nearly all have them.
    bytes.extend([0, 0, 0, 0, 8 << 4, flags, 0xff, 0xff, 0, 0, 0, 0]);
    bytes.extend([1, 1, 8, 10, 0, 0, 0, 0, 0, 0, 0, 0]);
    bytes.extend(payload);
    bytes
}

fn ipv4(protocol: u8, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(20 + payload.len()).unwrap_or(u16::MAX);
    let mut bytes = vec![0x45, 0];
    bytes.extend(length.to_be_bytes());
    bytes.extend([0, 0, 0x40, 0, 64, protocol, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2]);
    bytes.extend(payload);
    bytes
}

fn ipv6(payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len()).unwrap_or(u16::MAX);
    let mut bytes = vec![0x60, 0, 0, 0];
    bytes.extend(length.to_be_bytes());
    bytes.extend([6, 64]);
    for last in [1, 2] {
        bytes.extend([0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last]);
    }
    bytes.extend(payload);
    bytes
}

fn frame(packet: &[u8]) -> Vec<u8> {
    let kind = if packet[0] >> 4 == 4 { [8, 0] } else { [0x86, 0xdd] };
    [&[2; 12], &kind[..], packet].concat()
}
