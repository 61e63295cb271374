//! Processes that change their image or end: the agent looks for libraries and forgets connections.

use aya_ebpf::{helpers::bpf_get_current_pid_tgid, macros::raw_tracepoint, programs::RawTracePointContext};
use ebpf::{
    function::{HIT_EXEC, HIT_EXIT},
    record::Kind,
};

use crate::{
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
        ring::send_header(Kind::Exit, Urgency::Soon, id);
    }
    0
}
