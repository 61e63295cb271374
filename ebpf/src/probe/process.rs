//! Processes that change their image or end: the agent looks for libraries and forgets connections.

use aya_ebpf::{helpers::bpf_get_current_pid_tgid, macros::raw_tracepoint, programs::RawTracePointContext};
use ebpf::{
    function::{HIT_EXEC, HIT_EXIT},
    layout::UNKNOWN,
    record::Kind,
};

use crate::{
    layouts, memory,
    ring::{self, Urgency},
    socket_use, stats,
};

/// `TP_PROTO(struct task_struct *p, pid_t old_pid, struct linux_binprm *bprm)`: the new image stands, its
/// libraries are not mapped yet.
#[raw_tracepoint(tracepoint = "sched_process_exec")]
pub fn process_exec(_context: RawTracePointContext) -> i32 {
    stats::hit(HIT_EXEC);
    let id = bpf_get_current_pid_tgid();
    socket_use::forget((id >> 32) as u32);
    // Its libraries are about to be mapped.
    ring::send_header(Kind::Exec, Urgency::Now, id);
    0
}

/// `TP_PROTO(struct task_struct *p)`, once a thread; a process ends with its leader.
#[raw_tracepoint(tracepoint = "sched_process_exit")]
pub fn process_exit(_context: RawTracePointContext) -> i32 {
    let id = bpf_get_current_pid_tgid();
    if id >> 32 == id & 0xffff_ffff {
        stats::hit(HIT_EXIT);
        socket_use::forget((id >> 32) as u32);
        if is_crash() {
            ring::send_header(Kind::Crash, Urgency::Now, id);
        }
        ring::send_header(Kind::Exit, Urgency::Soon, id);
    }
    0
}

/// Whether a signal ends the process that says that its code or its memory is not what it should be.
#[inline(always)]
fn is_crash() -> bool {
    const SIGILL: u32 = 4;
    const SIGTRAP: u32 = 5;
    const SIGBUS: u32 = 7;
    const SIGSEGV: u32 = 11;
    let offset = layouts::kernel().task_exit_code;
    if offset == UNKNOWN {
        return false;
    }
    // The signal is in the lower seven bits, as in the status that `wait` gives.
    let code = memory::kernel::<u32>(memory::current_task() + u64::from(offset));
    matches!(
        code.map(|code| code & 0x7f),
        Some(SIGILL | SIGTRAP | SIGBUS | SIGSEGV)
    )
}
