//! Where one build of a TLS library keeps the facts of a connection, and where its calls pass by.

use super::UNKNOWN;

/// How many libraries can be observed at once, slot 0 unused.
pub const MAX_LAYOUTS: u32 = 1024;

/// Byte offsets into the objects of one library image, derived from its own accessor functions.
///
/// Chains are followed left to right: each element is added to the pointer so far and the pointer there is
/// loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "user", derive(bytemuck::Pod, bytemuck::Zeroable))]
#[repr(C)]
pub struct Layout {
    /// 32 bytes at the second offset (`SSL_get_client_random`), in the connection object or, if the first is
    /// known, in the object that it points to.
    pub client_random: [u32; 2],
    /// `int`, 1 on the server's side (`SSL_is_server`).
    pub server: u32,
    /// `char *`: the name in the ClientHello, as set by a client or received by a server
    /// (`SSL_get_servername`).
    pub hostname: u32,
    /// `int`, nonzero if the session was resumed (`SSL_session_reused`).
    pub resumed: u32,
    /// `int`, the negotiated protocol version, 0x0303 or 0x0304 (`SSL_version`).
    pub version: u32,
    /// Chain from the connection to the certificate that this server presents (`SSL_get_certificate`).
    pub own_certificate: [u32; 3],
    /// Chain from the connection to the certificate that the peer presented
    /// (`SSL_get0_peer_certificate`).
    pub peer_certificate: [u32; 2],
    /// In a certificate object: `unsigned char *` and `long` of the encoded `TBSCertificate`.
    pub certificate_encoding: u32,
    /// `unsigned char *` at the second offset and `size_t` at the third of the protocol that ALPN chose
    /// (`SSL_get0_alpn_selected`), in the connection object or, if the first is known, in the object that it
    /// points to.
    pub alpn: [u32; 3],
    /// `int`, the `SSL_VERIFY_*` that this side demands (`SSL_get_verify_mode`).
    pub verify_mode: u32,
    /// `BIO *` that the connection reads from (`SSL_get_rbio`).
    pub read_bio: u32,
    /// In a BIO: pointer to its method, and in that its `int` type (`BIO_method_type`).
    pub bio_type: [u32; 2],
    /// `OSSL_HANDSHAKE_STATE`, 1 once the handshake is over (`SSL_get_state`).
    pub state: u32,
    /// `int`, 2 once the server accepted early data (`SSL_get_early_data_status`).
    pub early_data: u32,
    /// `int`, how many own the object (`SSL_up_ref`).
    pub references: u32,
    /// `int`, 0 for a TLS connection. Only since OpenSSL 3.2, where QUIC's objects pass through the same functions.
    pub kind: u32,
    /// 1 if `SSL_clear` is hooked: a new client random without it is a renegotiation.
    pub clears: u32,
    /// How the library's functions were found: [`NAMED`], [`ON_TRIAL`] or [`PROMOTED`].
    pub proof: u32,
    /// Where reads pass by, if they do.
    pub read: Passage,
    /// Where writes that succeed pass by, if they do.
    pub write: Passage,
}

/// What is found where at the places inside a function that its calls pass with their result: a register by the number
/// that the machine gives it, or [`STACK`] and a distance from the top of the stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "user", derive(bytemuck::Pod, bytemuck::Zeroable))]
#[repr(C)]
pub struct Passage {
    /// `SSL *`
    pub ssl: u32,
    /// `void *`, where the data begins.
    pub buffer: u32,
    /// `size_t *`, where it stands how much was moved, if the call succeeded.
    pub count: u32,
    /// `int` that must be `wanted`, else the call is one of another kind; [`UNKNOWN`] if there are none.
    pub guard: u32,
    /// See `guard`.
    pub wanted: u32,
    /// Where the connection is when the place `ssl` holds the number of bytes that were moved instead; [`UNKNOWN`] if it
    /// never does.
    pub aside_ssl: u32,
    /// What takes the place of `guard` then.
    pub aside_guard: u32,
}

/// Marks a [`Passage`]'s place in the stack; the other bits are the distance from its top in bytes.
pub const STACK: u32 = 1 << 31;

impl Passage {
    /// There is none.
    pub const NONE: Self = Self {
        ssl: UNKNOWN,
        buffer: UNKNOWN,
        count: UNKNOWN,
        guard: UNKNOWN,
        wanted: 0,
        aside_ssl: UNKNOWN,
        aside_guard: UNKNOWN,
    };
}

/// [`Layout::proof`]: by their names.
pub const NAMED: u32 = 0;
/// [`Layout::proof`]: by what their code does, and nothing is told of them but sightings.
pub const ON_TRIAL: u32 = 1;
/// [`Layout::proof`]: by what their code does, and what they showed on trial was true.
pub const PROMOTED: u32 = 2;

impl Layout {
    /// Nothing is known.
    pub const NOTHING: Self = Self {
        client_random: [UNKNOWN; 2],
        server: UNKNOWN,
        hostname: UNKNOWN,
        resumed: UNKNOWN,
        version: UNKNOWN,
        own_certificate: [UNKNOWN; 3],
        peer_certificate: [UNKNOWN; 2],
        certificate_encoding: UNKNOWN,
        alpn: [UNKNOWN; 3],
        verify_mode: UNKNOWN,
        read_bio: UNKNOWN,
        bio_type: [UNKNOWN; 2],
        state: UNKNOWN,
        early_data: UNKNOWN,
        references: UNKNOWN,
        kind: UNKNOWN,
        clears: 0,
        proof: NAMED,
        read: Passage::NONE,
        write: Passage::NONE,
    };
}

const _: () = assert!(size_of::<Layout>() == 156);

#[cfg(all(test, feature = "user"))]
mod tests {
    use super::*;

    #[test]
    fn nothing_known_is_unknown_everywhere() {
        let layout: [u32; 39] = bytemuck::cast(Layout::NOTHING);
        assert_eq!(layout[..23], [UNKNOWN; 23]);
        assert_eq!(layout[23..25], [0, NAMED]);
        let passage = [UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, 0, UNKNOWN, UNKNOWN];
        assert_eq!(layout[25..], [passage, passage].concat());
    }
}
