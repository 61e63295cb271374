//! The life of an OpenSSL connection object, and what applications set on it before the handshake.
//!
//! Every program makes its connections with `SSL_new`, whichever way it shakes hands afterwards: that is what
//! marks a connection's start where no handshake function is ever called.

use aya_ebpf::{
    EbpfContext,
    helpers::{bpf_get_attach_cookie, bpf_get_current_pid_tgid},
    macros::{uprobe, uretprobe},
    programs::{ProbeContext, RetProbeContext},
};
use ebpf::{
    connection::Key,
    function::{Cookie, Function, HIT_RETURN},
};

use crate::{close, connections, facts, layouts, names, stats};

/// `SSL *SSL_new(SSL_CTX *ctx)`
#[uretprobe]
pub fn ssl_new(context: RetProbeContext) -> u32 {
    stats::hit(HIT_RETURN + Function::SslNew as u32);
    // SAFETY: the context is the one this program was called with.
    let cookie = Cookie::from_raw(unsafe { bpf_get_attach_cookie(context.as_ptr()) });
    let ssl = context.ret::<u64>();
    if ssl != 0 {
        let _ = connections::begin(&key(ssl), cookie.slot);
    }
    0
}

/// `void SSL_free(SSL *ssl)`, which gives up one of the object's owners, most often the only one.
#[uprobe]
pub fn ssl_free(context: ProbeContext) -> u32 {
    // SAFETY: the context is the one this program was called with.
    let cookie = Cookie::from_raw(unsafe { bpf_get_attach_cookie(context.as_ptr()) });
    stats::hit(Function::SslFree as u32);
    let Some(ssl) = context.arg::<u64>(0) else {
        return 0;
    };
    let key = key(ssl);
    if connections::find(&key).is_none() {
        return 0;
    }
    let owners = layouts::library(cookie.slot).and_then(|layout| facts::owners(ssl, layout));
    // Without the count, an object that lives on is found to be in the middle when it is used again.
    if !matches!(owners, Some(2..)) {
        close::end(&key, bpf_get_current_pid_tgid());
    }
    0
}

/// `int SSL_clear(SSL *ssl)`: the object is made ready for another connection. The library itself calls it at the
/// start of a handshake, of an object that is new as well.
#[uprobe]
pub fn ssl_clear(context: ProbeContext) -> u32 {
    stats::hit(Function::SslClear as u32);
    let Some(ssl) = context.arg::<u64>(0) else {
        return 0;
    };
    let key = key(ssl);
    let Some(tracked) = connections::find(&key) else {
        return 0;
    };
    // SAFETY: the pointer comes from the map; the object belongs to the calling thread.
    let tracked = unsafe { &mut *tracked };
    if tracked.announced == 0 {
        // Sockets of an earlier handshake after which nothing was said.
        tracked.sock = 0;
        tracked.conflict = 0;
        return 0;
    }
    let _ = close::restart(
        &key,
        bpf_get_current_pid_tgid(),
        tracked.descriptor,
        tracked.library,
    );
    0
}

/// `int SSL_set_fd(SSL *ssl, int fd)`, `SSL_set_rfd`, `SSL_set_wfd`
#[uprobe]
pub fn ssl_set_fd(context: ProbeContext) -> u32 {
    // SAFETY: the context is the one this program was called with.
    let cookie = Cookie::from_raw(unsafe { bpf_get_attach_cookie(context.as_ptr()) });
    stats::hit(u32::from(cookie.function));
    let (Some(ssl), Some(descriptor)) = (context.arg::<u64>(0), context.arg::<i32>(1)) else {
        return 0;
    };
    if let Some(tracked) = connections::find(&key(ssl)) {
        // SAFETY: the pointer comes from the map; the object belongs to the calling thread.
        unsafe { (*tracked).descriptor = descriptor };
    }
    0
}

/// `long SSL_ctrl(SSL *ssl, int cmd, long larg, void *parg)`, attached only where the name cannot be read from
/// the object.
#[uprobe]
pub fn ssl_ctrl(context: ProbeContext) -> u32 {
    /// `SSL_CTRL_SET_TLSEXT_HOSTNAME`, what `SSL_set_tlsext_host_name` expands to.
    const SET_HOSTNAME: i32 = 55;
    if context.arg::<i32>(1) != Some(SET_HOSTNAME) {
        return 0;
    }
    stats::hit(Function::SslCtrl as u32);
    if let (Some(ssl), Some(name)) = (context.arg::<u64>(0), context.arg::<u64>(3)) {
        names::remember(&key(ssl), name);
    }
    0
}

#[inline(always)]
fn key(ssl: u64) -> Key {
    Key {
        ssl,
        tgid: (bpf_get_current_pid_tgid() >> 32) as u32,
        reserved: 0,
    }
}
