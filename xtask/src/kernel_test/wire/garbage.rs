//! Packets that are nothing, or lie.

use std::collections::BTreeSet;
use std::fs;

use anyhow::{Context as _, Result, ensure};

use super::{Setting, World, shapes};
use crate::rig::frames::{self, ACK, IPV4, IPV6, SYN, client_hello, ethernet, ipv4, ipv6, tcp};
use crate::rig::network::CONTAINER;

/// Packets of each kind, and how often they are sent.
const PACKETS: usize = 1000;
const TIMES: usize = 10;
/// KiB by which the agent may grow: its rings are pages that it sees for the first time.
const GROWTH: u64 = 64 << 10;
/// Losses in the kernel that are to be expected of such packets. A ring may fill where the agent gets no time.
const EXPECTED: [&str; 6] = [
    "fragment",
    "headers_deep",
    "hello_too_long",
    "hello_scattered",
    "flows_full",
    "wire_full",
];

pub(super) fn no_harm(setting: &Setting) -> Result<String> {
    let world = World::new(setting)?;
    let pid = world.agent.process.pid();
    let before = memory(pid)?;
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let frames: Vec<Vec<u8>> = (0..PACKETS).flat_map(|_| kinds(&mut random)).collect();
    frames::send(&setting.scratch, &world.pair.container, CONTAINER, &frames, TIMES)?;

    let name = "after.wire.example";
    let hello = shapes::segment(ACK, 50_000, 1, &client_hello(name, 517));
    world.send(CONTAINER, &[hello])?;
    world.wait_for(&BTreeSet::from([name.to_owned()]))?;
    let after = memory(pid)?;
    ensure!(after < before + GROWTH, "{before} KiB before, {after} after");
    let losses = world.pair.node.inside(|| world.agent.losses())?;
    let unexpected: Vec<_> = losses
        .iter()
        .filter(|loss| loss.labels.contains("stage=\"kernel\""))
        .filter(|loss| {
            !EXPECTED
                .iter()
                .any(|reason| loss.labels.contains(&format!("\"{reason}\"")))
        })
        .collect();
    ensure!(unexpected.is_empty(), "losses: {unexpected:?}");
    Ok(format!(
        "{} packets; {before} KiB before, {after} after",
        frames.len() * TIMES
    ))
}

/// One packet of each kind.
fn kinds(random: &mut Random) -> [Vec<u8>; 10] {
    let port = random.number(60_000);
    let mut headers = ipv4(6, &tcp(ACK, port, 1, &random.bytes(100)));
    let mut lengths = headers.clone();
    let mut fragment = headers.clone();
    let mut options = headers.clone();
    let at = usize::from(random.number(40));
    headers[at] = random.byte();
    lengths[2..4].copy_from_slice(&random.number(u16::MAX).to_be_bytes());
    fragment[6..8].copy_from_slice(&random.number(u16::MAX).to_be_bytes());
    options[0] = 0x40 | random.byte() & 0xf;
    let mut data_offset = tcp(ACK, port, 1, &random.bytes(30));
    data_offset[12] = random.byte();
    let mut extensions = ipv6(6, &random.bytes(60));
    extensions[6] = [0, 43, 44, 51, 60, 135, 6, 17][usize::from(random.byte() & 7)];
    extensions[40] = extensions[6];
    extensions[41] = random.byte();
    let mut hello = client_hello("garbage.wire.example", 200);
    for _ in 0..8 {
        let at = usize::from(random.number(200)) % hello.len();
        hello[at] = random.byte();
    }
    let mut quic = vec![0; 8];
    quic.extend([0xc0 | random.byte() & 0xf, 0, 0, 0, 1]);
    quic.extend(random.bytes(1200));
    let length = u16::try_from(quic.len()).unwrap_or_default();
    quic[4..6].copy_from_slice(&length.to_be_bytes());
    let length = usize::from(random.number(120)) + 14;
    [
        random.bytes(length),
        ethernet(&[], IPV4, &headers),
        ethernet(&[], IPV4, &lengths),
        ethernet(&[], IPV4, &fragment),
        ethernet(&[], IPV4, &options),
        ethernet(&[], IPV4, &ipv4(6, &data_offset)),
        ethernet(&[], IPV6, &extensions),
        ethernet(
            &[0x81, 0, 0, 1, 0x81, 0, 0, 2, 0x81, 0, 0, 3],
            IPV4,
            &ipv4(6, &tcp(SYN, port, 1, &[])),
        ),
        ethernet(&[], IPV4, &ipv4(6, &tcp(ACK, port, 1, &hello))),
        ethernet(&[], IPV4, &ipv4(17, &quic)),
    ]
}

/// Numbers without a pattern, the same in each run: xorshift.
struct Random(u64);

impl Random {
    fn byte(&mut self) -> u8 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.to_be_bytes()[0]
    }

    /// Below `bound`.
    fn number(&mut self, bound: u16) -> u16 {
        u16::from_be_bytes([self.byte(), self.byte()]) % bound
    }

    fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.byte()).collect()
    }
}

/// Resident memory of a process in KiB.
fn memory(pid: u32) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    status
        .lines()
        .find_map(|line| {
            line.strip_prefix("VmRSS:")?
                .trim()
                .strip_suffix(" kB")?
                .parse()
                .ok()
        })
        .context("no VmRSS")
}
