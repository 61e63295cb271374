//! Offsets of a library's objects, derived from the code of its own accessor functions.
//!
//! An accessor such as `SSL_is_server` is a few instructions that load a field and return it. Following
//! every path through them with symbolic values tells where the field is in this very build; no table of
//! versions is needed. What is not proven stays unknown, with a reason.
//!
//! Exploring is the only part that depends on the machine: `x86_64` gives an [`explore::Exploration`],
//! and the `rules` decide from it.

use ebpf::layout::{Layout, UNKNOWN};

use super::family::Family;
use super::image::{Image, Machine, Symbol};

pub mod explore;
mod rules;
mod state;
#[cfg(test)]
mod tests;
pub mod value;
mod x86_64;

use explore::{Code, Exploration};

/// Encodes a changed certificate anew: it marks the cached encoding as stale.
pub(super) const CERTIFICATE_ENCODER: &str = "i2d_re_X509_tbs";
/// States the library's version as a number.
const VERSION_NUMBER: &str = "OpenSSL_version_num";
/// Gives the peer's certificate, borrowed; since OpenSSL 3.0.
const PEER_BORROWED: &str = "SSL_get0_peer_certificate";
/// Gives the peer's certificate, counted; before OpenSSL 3.0.
const PEER_COUNTED: &str = "SSL_get_peer_certificate";

/// Tells what a BIO is; defined by the library that holds the certificate code.
const BIO_TYPE: &str = "BIO_method_type";

/// Every function whose code is read.
pub(super) const SYMBOLS: [&str; 17] = [
    "SSL_get_client_random",
    "SSL_is_server",
    "SSL_get_servername",
    "SSL_session_reused",
    "SSL_version",
    "SSL_get_certificate",
    PEER_BORROWED,
    PEER_COUNTED,
    CERTIFICATE_ENCODER,
    VERSION_NUMBER,
    "SSL_get0_alpn_selected",
    "SSL_get_verify_mode",
    "SSL_get_rbio",
    BIO_TYPE,
    "SSL_get_state",
    "SSL_get_early_data_status",
    "SSL_up_ref",
];

/// A field of [`Layout`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Field {
    /// [`Layout::client_random`]
    ClientRandom,
    /// [`Layout::server`]
    Server,
    /// [`Layout::hostname`]
    Hostname,
    /// [`Layout::resumed`]
    Resumed,
    /// [`Layout::version`]
    Version,
    /// [`Layout::own_certificate`]
    OwnCertificate,
    /// [`Layout::peer_certificate`]
    PeerCertificate,
    /// [`Layout::certificate_encoding`]
    CertificateEncoding,
    /// [`Layout::alpn`]
    Alpn,
    /// [`Layout::verify_mode`]
    VerifyMode,
    /// [`Layout::read_bio`]
    ReadBio,
    /// [`Layout::bio_type`]
    BioType,
    /// [`Layout::state`]
    State,
    /// [`Layout::early_data`]
    EarlyData,
    /// [`Layout::references`]
    References,
}

impl Field {
    /// Every field.
    pub const ALL: [Self; 15] = [
        Self::ClientRandom,
        Self::Server,
        Self::Hostname,
        Self::Resumed,
        Self::Version,
        Self::OwnCertificate,
        Self::PeerCertificate,
        Self::CertificateEncoding,
        Self::Alpn,
        Self::VerifyMode,
        Self::ReadBio,
        Self::BioType,
        Self::State,
        Self::EarlyData,
        Self::References,
    ];

    /// The name in listings.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ClientRandom => "client_random",
            Self::Server => "server",
            Self::Hostname => "hostname",
            Self::Resumed => "resumed",
            Self::Version => "version",
            Self::OwnCertificate => "own_certificate",
            Self::PeerCertificate => "peer_certificate",
            Self::CertificateEncoding => "certificate_encoding",
            Self::Alpn => "alpn",
            Self::VerifyMode => "verify_mode",
            Self::ReadBio => "read_bio",
            Self::BioType => "bio_type",
            Self::State => "state",
            Self::EarlyData => "early_data",
            Self::References => "references",
        }
    }
}

/// Why a field is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// Code of this machine cannot be followed.
    Machine,
    /// The library does not define the accessor.
    AccessorAbsent,
    /// The library that holds the accessor was not found beside this one.
    CryptoAbsent,
    /// Not every path could be followed within the limits.
    TooComplex,
    /// A path leads to something that is no code.
    Undecodable,
    /// No path shows where the field is.
    NotShown,
    /// Paths show different places.
    Ambiguous,
    /// The field lies behind more pointers than a layout can express.
    Indirect,
    /// What the accessor shows does not mean the same in this family of libraries.
    Family,
    /// No symbol names the accessor.
    Stripped,
}

impl Reason {
    /// The name in listings and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Machine => "machine",
            Self::AccessorAbsent => "accessor_absent",
            Self::CryptoAbsent => "crypto_absent",
            Self::TooComplex => "too_complex",
            Self::Undecodable => "undecodable",
            Self::NotShown => "not_shown",
            Self::Ambiguous => "ambiguous",
            Self::Indirect => "indirect",
            Self::Family => "family",
            Self::Stripped => "stripped",
        }
    }
}

/// What could be derived, and what could not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Derivation {
    /// The offsets.
    pub layout: Layout,
    /// The unknown ones, in the order of [`Field::ALL`].
    pub missing: Vec<(Field, Reason)>,
}

/// Derives the offsets of a TLS library. `crypto` is the image that holds its certificate code, which may
/// be the same one.
pub fn layout(tls: &Image, crypto: Option<&Image>) -> Derivation {
    let mut derivation = Derivation {
        layout: Layout::NOTHING,
        missing: Vec::new(),
    };
    let layout = &mut derivation.layout;
    let missing = &mut derivation.missing;
    let integer = |name| rules::integer(&explore(tls, name)?);

    let random = explore(tls, "SSL_get_client_random").and_then(|code| rules::client_random(&code));
    layout.client_random = keep(Field::ClientRandom, random, [UNKNOWN; 2], missing);
    layout.server = keep(Field::Server, integer("SSL_is_server"), UNKNOWN, missing);
    layout.hostname = keep(Field::Hostname, hostname(tls), UNKNOWN, missing);
    layout.resumed = keep(Field::Resumed, integer("SSL_session_reused"), UNKNOWN, missing);
    layout.version = keep(Field::Version, integer("SSL_version"), UNKNOWN, missing);
    let own = explore(tls, "SSL_get_certificate").and_then(|code| rules::pointers(&code));
    layout.own_certificate = keep(Field::OwnCertificate, own, [UNKNOWN; 3], missing);
    layout.peer_certificate = keep(Field::PeerCertificate, peer(tls), [UNKNOWN; 2], missing);
    let encoding = encoding(tls, crypto);
    layout.certificate_encoding = keep(Field::CertificateEncoding, encoding, UNKNOWN, missing);
    let alpn = openssl(tls, "SSL_get0_alpn_selected").and_then(|code| rules::alpn(&code));
    layout.alpn = keep(Field::Alpn, alpn, [UNKNOWN; 3], missing);
    let integer = |name| rules::integer(&openssl(tls, name)?);
    layout.verify_mode = keep(
        Field::VerifyMode,
        integer("SSL_get_verify_mode"),
        UNKNOWN,
        missing,
    );
    let bio = openssl(tls, "SSL_get_rbio").and_then(|code| rules::pointers(&code));
    let [bio] = keep(Field::ReadBio, bio, [UNKNOWN], missing);
    layout.read_bio = bio;
    layout.bio_type = keep(Field::BioType, bio_type(tls, crypto), [UNKNOWN; 2], missing);
    layout.state = keep(Field::State, integer("SSL_get_state"), UNKNOWN, missing);
    let early = integer("SSL_get_early_data_status");
    layout.early_data = keep(Field::EarlyData, early, UNKNOWN, missing);
    let references = openssl(tls, "SSL_up_ref").and_then(|code| rules::references(&code));
    layout.references = keep(Field::References, references, UNKNOWN, missing);
    let kind = explore(tls, "SSL_is_server").ok();
    layout.kind = kind.and_then(|code| rules::kind(&code)).unwrap_or(UNKNOWN);
    derivation
}

/// The version that an OpenSSL's own code states, such as `1.1.1k` or `3.0.19`.
pub fn version(crypto: &Image) -> Option<String> {
    rules::version(&explore(crypto, VERSION_NUMBER).ok()?)
}

fn keep<T>(field: Field, found: Result<T, Reason>, unknown: T, missing: &mut Vec<(Field, Reason)>) -> T {
    found.unwrap_or_else(|reason| {
        missing.push((field, reason));
        unknown
    })
}

/// Other families keep the name that a server received elsewhere than the one that a client sets, so an
/// empty field would wrongly read as "none was sent".
fn hostname(tls: &Image) -> Result<u32, Reason> {
    rules::hostname(&openssl(tls, "SSL_get_servername")?)
}

fn peer(tls: &Image) -> Result<[u32; 2], Reason> {
    let name = if tls.defines(PEER_BORROWED) {
        PEER_BORROWED
    } else {
        PEER_COUNTED
    };
    rules::pointers(&explore(tls, name)?)
}

fn encoding(tls: &Image, crypto: Option<&Image>) -> Result<u32, Reason> {
    if Family::of(tls) != Family::OpenSsl {
        return Err(Reason::Family);
    }
    rules::certificate_encoding(&explore(
        crypto.ok_or(Reason::CryptoAbsent)?,
        CERTIFICATE_ENCODER,
    )?)
}

fn bio_type(tls: &Image, crypto: Option<&Image>) -> Result<[u32; 2], Reason> {
    if Family::of(tls) != Family::OpenSsl {
        return Err(Reason::Family);
    }
    rules::integer_behind(&explore(crypto.ok_or(Reason::CryptoAbsent)?, BIO_TYPE)?)
}

/// Follows an accessor whose values are known to mean what they mean in OpenSSL only there.
fn openssl(tls: &Image, name: &str) -> Result<Exploration, Reason> {
    if Family::of(tls) != Family::OpenSsl {
        return Err(Reason::Family);
    }
    explore(tls, name)
}

/// Follows the accessor of this name.
fn explore(image: &Image, name: &str) -> Result<Exploration, Reason> {
    let explorer = explorer(image.machine()).ok_or(Reason::Machine)?;
    let symbol = image.symbol(name).ok_or(Reason::AccessorAbsent)?;
    Ok(explorer(image, symbol))
}

/// The one place to add a machine.
fn explorer(machine: Machine) -> Option<fn(&dyn Code, Symbol) -> Exploration> {
    match machine {
        Machine::X86_64 => Some(x86_64::explore),
        Machine::Aarch64 | Machine::Other(_) => None,
    }
}

impl Code for Image {
    fn fetch(&self, address: u64, buffer: &mut [u8]) -> usize {
        self.code(address, buffer)
    }
}
