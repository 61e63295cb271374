//! A TLS server that answers as it is told, over HTTP/2 and HTTP/1.1.

use std::convert::Infallible;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::string::Ia5String;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, SanType};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{Acceptor, ResolvesServerCert, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;

/// A request as the server sees it.
pub(crate) struct Asked<'a> {
    pub(crate) sni: Option<&'a str>,
    pub(crate) authority: &'a str,
    pub(crate) protocol: &'static str,
}

/// What to do about it.
#[derive(Clone, Copy)]
pub(crate) enum Reply {
    Status(u16),
    /// Over HTTP/1.1 the connection is closed then, which nothing announces.
    Closing(u16),
    /// 200, with a body of this many bytes.
    Long(usize),
    Silence,
}

/// Compares names.
pub(crate) fn right(asked: &Asked<'_>) -> Reply {
    let authority = asked.authority.to_ascii_lowercase();
    let (host, _port) = authority.split_once(':').unwrap_or((&authority, ""));
    let host = host.strip_suffix('.').unwrap_or(host);
    Reply::Status(match asked.sni {
        Some(sni) if sni != host => 421,
        _ => 200,
    })
}

/// What the server does.
#[derive(Clone, Copy)]
pub(crate) struct Behaviour {
    /// Names of each certificate; the first is the default.
    pub(crate) certificates: &'static [&'static [&'static str]],
    /// Whether a name that no certificate has is refused.
    pub(crate) strict: bool,
    pub(crate) alpn: &'static [&'static str],
    /// The SNI that demands a client certificate.
    pub(crate) demands: Option<&'static str>,
    /// What is sent after the handshake instead of HTTP.
    pub(crate) garbage: bool,
    pub(crate) reply: fn(&Asked<'_>) -> Reply,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            certificates: &[&["*.example"]],
            strict: false,
            alpn: &["h2", "http/1.1"],
            demands: None,
            garbage: false,
            reply: |_| Reply::Status(200),
        }
    }
}

/// A server that runs until it is dropped.
pub(crate) struct Server {
    pub(crate) port: u16,
    /// `method path` of each request over HTTP/1.1.
    pub(crate) requests: Arc<Mutex<Vec<String>>>,
    _runtime: Runtime,
}

impl Server {
    pub(crate) fn start(behaviour: Behaviour) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let listener = runtime
            .block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))
            .unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests = Arc::default();
        let keys = Arc::new(Keys::new(&behaviour));
        let log = Arc::clone(&requests);
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, behaviour, Arc::clone(&keys), Arc::clone(&log)));
            }
        });
        Self {
            port,
            requests,
            _runtime: runtime,
        }
    }
}

/// What is presented, by server name.
#[derive(Debug)]
struct Keys {
    keys: Vec<(&'static [&'static str], Arc<CertifiedKey>)>,
    clients: RootCertStore,
}

impl Keys {
    fn new(behaviour: &Behaviour) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let keys = behaviour.certificates.iter().map(|names| {
            let mut params = CertificateParams::default();
            let san = |name: &&str| SanType::DnsName(Ia5String::try_from(*name).unwrap());
            params.subject_alt_names = names.iter().map(san).collect();
            let key = KeyPair::generate().unwrap();
            let certificate = params.signed_by(&key, &issuer).unwrap();
            let der = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
            let chain = vec![certificate.der().clone()];
            let signer = ring::sign::any_supported_type(&der).unwrap();
            (*names, Arc::new(CertifiedKey::new(chain, signer)))
        });
        let keys = keys.collect();
        let mut clients = RootCertStore::empty();
        clients.add(CertificateDer::from(issuer.der().to_vec())).unwrap();
        Self { keys, clients }
    }

    fn of(&self, sni: Option<&str>, strict: bool) -> Option<Arc<CertifiedKey>> {
        let covers = |pattern: &&str, name: &str| {
            pattern
                .strip_prefix('*')
                .map_or(*pattern == name, |parent| name.ends_with(parent))
        };
        let found = self
            .keys
            .iter()
            .find(|(names, _)| sni.is_some_and(|sni| names.iter().any(|pattern| covers(pattern, sni))));
        match found {
            Some((_, key)) => Some(Arc::clone(key)),
            None if strict => None,
            None => self.keys.first().map(|(_, key)| Arc::clone(key)),
        }
    }
}

/// Presents one certificate, or refuses.
#[derive(Debug)]
struct One(Option<Arc<CertifiedKey>>);

impl ResolvesServerCert for One {
    fn resolve(&self, _hello: rustls::server::ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.0.clone()
    }
}

async fn serve(stream: TcpStream, behaviour: Behaviour, keys: Arc<Keys>, log: Arc<Mutex<Vec<String>>>) {
    let Ok(start) = LazyConfigAcceptor::new(Acceptor::default(), stream).await else {
        return;
    };
    let sni = start.client_hello().server_name().map(str::to_owned);
    let config = config(&behaviour, &keys, sni.as_deref());
    let Ok(mut stream) = start.into_stream(Arc::new(config)).await else {
        return;
    };
    if behaviour.garbage {
        let _ = stream.write_all(b"this is no HTTP\r\n\r\n").await;
        let _ = stream.shutdown().await;
    } else if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
        multiplexed(stream, sni, behaviour).await;
    } else {
        sequential(stream, sni, behaviour, &log).await;
    }
}

fn config(behaviour: &Behaviour, keys: &Keys, sni: Option<&str>) -> ServerConfig {
    let provider = Arc::new(ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap();
    let builder = if behaviour.demands.is_some() && behaviour.demands == sni {
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(keys.clients.clone()), provider)
            .build()
            .unwrap();
        builder.with_client_cert_verifier(verifier)
    } else {
        builder.with_no_client_auth()
    };
    let mut config = builder.with_cert_resolver(Arc::new(One(keys.of(sni, behaviour.strict))));
    config.alpn_protocols = behaviour.alpn.iter().map(|protocol| (*protocol).into()).collect();
    config
}

async fn multiplexed(stream: TlsStream<TcpStream>, sni: Option<String>, behaviour: Behaviour) {
    let service = service_fn(move |request: Request<Incoming>| {
        let reply = (behaviour.reply)(&Asked {
            sni: sni.as_deref(),
            authority: request
                .uri()
                .authority()
                .map_or("", |authority| authority.as_str()),
            protocol: "h2",
        });
        async move {
            let (status, body) = match reply {
                Reply::Status(status) | Reply::Closing(status) => (status, 0),
                Reply::Long(body) => (200, body),
                Reply::Silence => std::future::pending().await,
            };
            let body = Full::new(Bytes::from(vec![b'x'; body]));
            Ok::<_, Infallible>(Response::builder().status(status).body(body).unwrap())
        }
    });
    let _ = http2::Builder::new(TokioExecutor::new())
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn sequential(
    mut stream: TlsStream<TcpStream>,
    sni: Option<String>,
    behaviour: Behaviour,
    log: &Mutex<Vec<String>>,
) {
    while let Some(head) = head(&mut stream).await {
        let first = head.lines().next().unwrap_or_default().to_owned();
        log.lock().unwrap().push(first);
        let host = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("host").then_some(value.trim())
        });
        let reply = (behaviour.reply)(&Asked {
            sni: sni.as_deref(),
            authority: host.unwrap_or_default(),
            protocol: "http/1.1",
        });
        let (status, body, last) = match reply {
            Reply::Status(status) => (status, 0, false),
            Reply::Closing(status) => (status, 0, true),
            Reply::Long(body) => (200, body, false),
            Reply::Silence => std::future::pending().await,
        };
        let head = format!("HTTP/1.1 {status} x\r\nlocation: /elsewhere\r\ncontent-length: {body}\r\n\r\n");
        let response = [head.into_bytes(), vec![b'x'; body]].concat();
        if stream.write_all(&response).await.is_err() {
            return;
        }
        let _ = stream.flush().await;
        if last {
            let _ = stream.shutdown().await;
            return;
        }
    }
}

/// The next request's head.
async fn head(stream: &mut TlsStream<TcpStream>) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        if stream.read(&mut byte).await.ok()? == 0 {
            return None;
        }
        head.push(byte[0]);
    }
    String::from_utf8(head).ok()
}
