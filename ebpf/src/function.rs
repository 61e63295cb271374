//! The functions of a TLS library that the agent hooks, and the cookie that tells a program which one fired.

/// A hooked function. The numbers are part of the contract: append-only, and they start at 1 because a
/// missing attach cookie reads 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Function {
    /// `SSL *SSL_new(SSL_CTX *ctx)`
    SslNew = 1,
    /// `void SSL_free(SSL *ssl)`
    SslFree = 2,
    /// `long SSL_ctrl(SSL *ssl, int cmd, long larg, void *parg)`
    SslCtrl = 3,
    /// `int SSL_set_fd(SSL *ssl, int fd)`
    SslSetFd = 4,
    /// `int SSL_set_rfd(SSL *ssl, int fd)`
    SslSetRfd = 5,
    /// `int SSL_set_wfd(SSL *ssl, int fd)`
    SslSetWfd = 6,
    /// `int SSL_read(SSL *ssl, void *buf, int num)`
    SslRead = 7,
    /// `int SSL_read_ex(SSL *ssl, void *buf, size_t num, size_t *readbytes)`
    SslReadEx = 8,
    /// `int SSL_write(SSL *ssl, const void *buf, int num)`
    SslWrite = 9,
    /// `int SSL_write_ex(SSL *s, const void *buf, size_t num, size_t *written)`
    SslWriteEx = 10,
    /// `int SSL_do_handshake(SSL *ssl)`
    SslDoHandshake = 11,
    /// `int SSL_accept(SSL *ssl)`
    SslAccept = 12,
    /// `int SSL_connect(SSL *ssl)`
    SslConnect = 13,
    /// `int SSL_clear(SSL *ssl)`
    SslClear = 14,
    /// `int SSL_write_ex2(SSL *s, const void *buf, size_t num, uint64_t flags, size_t *written)`, since OpenSSL 3.3, and
    /// the function inside that serves all others that write.
    SslWriteEx2 = 15,
}

impl Function {
    /// Every function, in the order of its number.
    pub const ALL: [Self; 15] = [
        Self::SslNew,
        Self::SslFree,
        Self::SslCtrl,
        Self::SslSetFd,
        Self::SslSetRfd,
        Self::SslSetWfd,
        Self::SslRead,
        Self::SslReadEx,
        Self::SslWrite,
        Self::SslWriteEx,
        Self::SslDoHandshake,
        Self::SslAccept,
        Self::SslConnect,
        Self::SslClear,
        Self::SslWriteEx2,
    ];

    /// The exported symbol.
    pub const fn symbol(self) -> &'static str {
        match self {
            Self::SslNew => "SSL_new",
            Self::SslFree => "SSL_free",
            Self::SslCtrl => "SSL_ctrl",
            Self::SslSetFd => "SSL_set_fd",
            Self::SslSetRfd => "SSL_set_rfd",
            Self::SslSetWfd => "SSL_set_wfd",
            Self::SslRead => "SSL_read",
            Self::SslReadEx => "SSL_read_ex",
            Self::SslWrite => "SSL_write",
            Self::SslWriteEx => "SSL_write_ex",
            Self::SslDoHandshake => "SSL_do_handshake",
            Self::SslAccept => "SSL_accept",
            Self::SslConnect => "SSL_connect",
            Self::SslClear => "SSL_clear",
            Self::SslWriteEx2 => "SSL_write_ex2",
        }
    }

    /// The function with this number.
    pub const fn from_number(number: u8) -> Option<Self> {
        if number == 0 || number as usize > Self::ALL.len() {
            return None;
        }
        Some(Self::ALL[number as usize - 1])
    }
}

/// Slots of the hit counters.
pub const HIT_SLOTS: u32 = 72;
/// Slot of the tracepoint `sock_recv_length`.
pub const HIT_SOCK_RECV: u32 = 64;
/// Slot of the tracepoint `sock_send_length`.
pub const HIT_SOCK_SEND: u32 = 65;
/// Slot of the tracepoint `sched_process_exec`.
pub const HIT_EXEC: u32 = 66;
/// Slot of the tracepoint `sched_process_exit`.
pub const HIT_EXIT: u32 = 67;
/// Slot of the tc program where packets come in.
pub const HIT_TC_INGRESS: u32 = 68;
/// Slot of the tc program where packets go out.
pub const HIT_TC_EGRESS: u32 = 69;
/// Slot of the XDP program.
pub const HIT_XDP: u32 = 70;
/// A function's entry counts in the slot of its number, its return this much higher.
pub const HIT_RETURN: u32 = 32;

/// The metric label of a slot of the hit counters: the function's symbol, with `:return` for its return, or
/// the tracepoint's or the packet program's name.
#[cfg(feature = "user")]
pub fn hit_name(slot: u32) -> Option<std::borrow::Cow<'static, str>> {
    let name = |number: u32| {
        u8::try_from(number)
            .ok()
            .and_then(Function::from_number)
            .map(Function::symbol)
    };
    match slot {
        HIT_SOCK_RECV => Some("sock_recv_length".into()),
        HIT_SOCK_SEND => Some("sock_send_length".into()),
        HIT_EXEC => Some("sched_process_exec".into()),
        HIT_EXIT => Some("sched_process_exit".into()),
        HIT_TC_INGRESS => Some("tc:ingress".into()),
        HIT_TC_EGRESS => Some("tc:egress".into()),
        HIT_XDP => Some("xdp".into()),
        HIT_RETURN.. => name(slot - HIT_RETURN).map(|name| format!("{name}:return").into()),
        _ => name(slot).map(Into::into),
    }
}

/// What an attach cookie carries: which library image the probe sits in (a slot of the layout map, 1 or
/// more) and which of its functions fired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cookie {
    /// Slot of the library's [`crate::layout::Layout`]; 1 to [`crate::layout::MAX_LAYOUTS`] - 1.
    pub slot: u16,
    /// Number of the [`Function`].
    pub function: u8,
    /// Whether only the sockets that the function's calls use are asked for: what they move is told elsewhere.
    pub for_sockets: bool,
}

/// The bit that says [`Cookie::for_sockets`].
const FOR_SOCKETS: u64 = 1 << 24;

impl Cookie {
    /// The cookie as the kernel keeps it.
    pub const fn to_raw(self) -> u64 {
        let for_sockets = if self.for_sockets { FOR_SOCKETS } else { 0 };
        self.slot as u64 | (self.function as u64) << 16 | for_sockets
    }

    /// The cookie back from the kernel; slot or function 0 mean that there was none.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the fields are 16 and 8 bits wide"
    )]
    pub const fn from_raw(raw: u64) -> Self {
        Self {
            slot: raw as u16,
            function: (raw >> 16) as u8,
            for_sockets: raw & FOR_SOCKETS != 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_functions_agree() {
        for function in Function::ALL {
            assert_eq!(Function::from_number(function as u8), Some(function));
        }
        assert_eq!(Function::from_number(0), None);
        assert_eq!(Function::from_number(16), None);
    }

    #[test]
    fn cookies_survive_the_round_trip() {
        for for_sockets in [false, true] {
            let cookie = Cookie {
                slot: 65_535,
                function: 255,
                for_sockets,
            };
            assert_eq!(Cookie::from_raw(cookie.to_raw()), cookie);
        }
    }

    #[test]
    fn cookies_tell_slots_and_functions_apart() {
        let mut raw = std::collections::BTreeSet::new();
        for slot in [1, 2, 255, 256, 65_535] {
            for function in Function::ALL {
                let function = function as u8;
                for for_sockets in [false, true] {
                    let cookie = Cookie {
                        slot,
                        function,
                        for_sockets,
                    };
                    assert!(raw.insert(cookie.to_raw()));
                }
            }
        }
        let missing = Cookie::from_raw(0);
        assert_eq!(Function::from_number(missing.function), None);
        assert_eq!(missing.slot, 0);
    }

    #[test]
    fn every_layout_has_a_slot_that_cookies_can_name() {
        assert!(u16::try_from(crate::layout::MAX_LAYOUTS - 1).is_ok());
    }

    #[test]
    fn symbols_are_unique() {
        let symbols: std::collections::BTreeSet<_> = Function::ALL.map(Function::symbol).into();
        assert_eq!(symbols.len(), Function::ALL.len());
    }

    #[test]
    fn entries_returns_and_all_else_have_slots_of_their_own() {
        let mut slots = vec![HIT_SOCK_RECV, HIT_SOCK_SEND, HIT_EXEC, HIT_EXIT];
        slots.extend([HIT_TC_INGRESS, HIT_TC_EGRESS, HIT_XDP]);
        for function in Function::ALL {
            slots.extend([function as u32, function as u32 + HIT_RETURN]);
        }
        let unique: std::collections::BTreeSet<_> = slots.iter().copied().collect();
        assert_eq!(unique.len(), slots.len());
        assert!(slots.iter().all(|slot| *slot < HIT_SLOTS));
    }

    #[cfg(feature = "user")]
    #[test]
    fn every_slot_in_use_has_a_name_of_its_own() {
        let names: Vec<_> = (0..HIT_SLOTS).filter_map(hit_name).collect();
        let unique: std::collections::BTreeSet<_> = names.iter().collect();
        assert_eq!(unique.len(), names.len(), "{names:?}");
        assert_eq!(names.len(), 2 * Function::ALL.len() + 7);
        assert_eq!(hit_name(7).as_deref(), Some("SSL_read"));
        assert_eq!(hit_name(7 + HIT_RETURN).as_deref(), Some("SSL_read:return"));
        assert_eq!(hit_name(HIT_EXIT).as_deref(), Some("sched_process_exit"));
        for slot in [0, HIT_RETURN, HIT_SLOTS, u32::MAX] {
            assert_eq!(hit_name(slot), None, "{slot}");
        }
    }
}
