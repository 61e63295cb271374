//! What the programs cost for a packet of each kind, as `wrongway bench-wire` tells.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};
use comfy_table::{CellAlignment, Table};
use serde::Deserialize;

use crate::rig::process::output_of;
use crate::style;

#[derive(Debug, Deserialize)]
struct Cost {
    program: String,
    packet: String,
    nanoseconds: u64,
}

/// A line for each kind of packet.
///
/// # Errors
///
/// When the kernel refuses the programs.
pub(super) fn table(binary: &Path) -> Result<Table> {
    let printed = output_of(Command::new(binary).arg("bench-wire"))?;
    let mut order = Vec::new();
    let mut costs = BTreeMap::new();
    for line in printed.lines() {
        let cost: Cost = serde_json::from_str(line).with_context(|| format!("no cost: {line}"))?;
        if !order.contains(&cost.packet) {
            order.push(cost.packet.clone());
        }
        costs.insert((cost.packet, cost.program), cost.nanoseconds);
    }
    let mut table = Table::new();
    table.load_style(style::TABLE).set_header(["packet", "tc", "xdp"]);
    for packet in order {
        let of = |program: &str| {
            costs
                .get(&(packet.clone(), program.to_owned()))
                .map_or_else(String::new, u64::to_string)
        };
        table.add_row([packet.clone(), of("tc"), of("xdp")]);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    Ok(table)
}
