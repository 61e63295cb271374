//! What a function is for.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Choice, Found, Refusal};
use crate::code::{Body, Bounds, Function, Symbol};

/// Whose interface a library has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lineage {
    /// OpenSSL 1.1.1, and others that number their functions.
    OpenSsl11,
    /// OpenSSL 3.0 and later, which name them.
    OpenSsl3,
    /// BoringSSL, and AWS-LC.
    BoringSsl,
}

impl Lineage {
    /// The name in listings.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OpenSsl11 => "openssl_1_1",
            Self::OpenSsl3 => "openssl_3",
            Self::BoringSsl => "boringssl",
        }
    }
}

/// What a function is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// `SSL *SSL_new(SSL_CTX *ctx)`
    New,
    /// `int SSL_do_handshake(SSL *ssl)`
    Handshake,
    /// `int SSL_read(SSL *ssl, void *buf, int num)`
    Read,
    /// `int SSL_write(SSL *ssl, const void *buf, int num)`
    Write,
    /// In OpenSSL, `int ssl_read_internal(SSL *s, void *buf, size_t num, size_t *readbytes)`, 1 on success: what
    /// `SSL_read` and `SSL_read_ex` call. In BoringSSL, `int ssl_read_impl(SSL *ssl)`: what `SSL_read` and `SSL_peek`
    /// call.
    InnerRead,
    /// In OpenSSL, `int ssl_write_internal(SSL *s, const void *buf, size_t num, …, size_t *written)`: what `SSL_write`
    /// and `SSL_write_ex` call. Where the count goes differs: since 3.3 flags stand before it. BoringSSL has none.
    InnerWrite,
    /// `int SSL_shutdown(SSL *ssl)`
    Shutdown,
    /// `void SSL_free(SSL *ssl)`
    Free,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 8] = [
        Self::New,
        Self::Handshake,
        Self::Read,
        Self::Write,
        Self::InnerRead,
        Self::InnerWrite,
        Self::Shutdown,
        Self::Free,
    ];

    /// The name in listings: that of the function in OpenSSL.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::New => "SSL_new",
            Self::Handshake => "SSL_do_handshake",
            Self::Read => "SSL_read",
            Self::Write => "SSL_write",
            Self::InnerRead => "ssl_read_internal",
            Self::InnerWrite => "ssl_write_internal",
            Self::Shutdown => "SSL_shutdown",
            Self::Free => "SSL_free",
        }
    }
}

/// Which arguments tell the inner functions where to store how much they moved, from 0. `None` where that is not proven.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Of [`Role::InnerRead`].
    pub read: Option<u8>,
    /// Of [`Role::InnerWrite`].
    pub write: Option<u8>,
}

/// The choice for each role so far.
#[derive(Debug, Default)]
pub(super) struct Roles {
    choices: BTreeMap<Role, Choice<(Function, Body)>>,
    pub(super) counts: Counts,
}

impl Roles {
    /// Decides about a role.
    pub(super) fn decide(&mut self, role: Role, choice: Choice<(Function, &Body)>) {
        let choice = choice.map(|(function, body)| (function, body.clone()));
        self.choices.insert(role, choice);
    }

    /// Takes a role away.
    pub(super) fn refuse(&mut self, role: Role, refusal: Refusal) {
        self.choices.insert(role, Err(refusal));
    }

    /// The decision about a role.
    pub(super) fn choice(&self, role: Role) -> Choice<&(Function, Body)> {
        match self.choices.get(&role) {
            Some(choice) => choice.as_ref().map_err(|refusal| *refusal),
            None => Err(Refusal::Absent),
        }
    }

    /// Everything that was decided.
    pub(super) fn found(&self, lineage: Lineage) -> Found {
        let mut found = Found {
            lineage,
            functions: Vec::new(),
            missing: Vec::new(),
            counts: self.counts,
        };
        for role in Role::ALL {
            match self.choice(role) {
                Ok((function, _)) => found.functions.push((role, symbol(*function))),
                Err(refusal) => found.missing.push((role, refusal)),
            }
        }
        found
    }
}

fn symbol(function: Function) -> Symbol {
    Symbol {
        address: function.start,
        size: match function.bounds {
            Bounds::Stated => function.end - function.start,
            Bounds::Assumed => 0,
        },
    }
}
