//! The contract between Wrongway's eBPF programs and its agent, and the kernel's pure logic.
//!
//! Nothing here names `aya_ebpf`: the same code runs in the kernel and in tests on the host.
#![cfg_attr(target_arch = "bpf", no_std)]
#![forbid(unsafe_op_in_unsafe_fn)]

pub mod call;
pub mod connection;
pub mod fault;
pub mod framing;
pub mod function;
pub mod hello;
pub mod layout;
pub mod opening;
pub mod packet;
pub mod record;
