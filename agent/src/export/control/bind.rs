//! Taking the control socket's path, and giving it back.

use std::fs::{self, DirBuilder, File};
use std::io::{self, ErrorKind};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, sockopt};

/// Connections that may wait to be accepted.
const BACKLOG: i32 = 64;

/// Why the path cannot be taken.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Another agent answers there.
    #[error(
        "control socket {} is in use by another agent (pid {pid}); stop it or choose another with --control",
        path.display()
    )]
    InUse {
        /// The path.
        path: PathBuf,
        /// The process that listens.
        pid: i32,
    },
    /// Something else has this name, and it is not ours to remove.
    #[error(
        "control socket {} exists and is not a socket; remove it or choose another with --control",
        .0.display()
    )]
    NotASocket(PathBuf),
    /// A socket's address is limited to 107 bytes.
    #[error(
        "control socket {} has a path of {} bytes where 107 are possible; choose another with --control",
        .0.display(),
        .0.as_os_str().len()
    )]
    TooLong(PathBuf),
    /// The file system refuses.
    #[error("cannot create control socket {}: {cause}; choose another with --control", path.display())]
    Io {
        /// The path.
        path: PathBuf,
        /// What failed.
        cause: io::Error,
    },
}

/// The agent's listening socket. Dropping it removes its file.
#[derive(Debug)]
pub struct ControlSocket {
    pub(super) listener: UnixListener,
    path: PathBuf,
    /// Device and inode of the file, to remove no other agent's.
    identity: (u64, u64),
}

impl ControlSocket {
    /// Listens on `path`, which only the agent's user may connect to. Creates the parent directory, and
    /// replaces a socket that nobody answers on.
    ///
    /// # Errors
    /// If another agent listens there, or the path cannot be used.
    pub fn bind(path: &Path) -> Result<Self, BindError> {
        let io = |cause| BindError::Io {
            path: path.to_owned(),
            cause,
        };
        let address = SocketAddrUnix::new(path).map_err(|_| BindError::TooLong(path.to_owned()))?;
        let directory = match path.parent() {
            Some(parent) if parent != Path::new("") => parent,
            _ => Path::new("."),
        };
        DirBuilder::new()
            .recursive(true)
            .mode(0o755)
            .create(directory)
            .map_err(io)?;
        // Two agents that start together would each find the socket stale, and the second would remove the
        // first one's.
        let directory = File::open(directory).map_err(io)?;
        flock(&directory, FlockOperation::LockExclusive).map_err(|error| io(error.into()))?;
        remove_stale(path)?;
        Self::listen(path, &address).map_err(io)
    }

    fn listen(path: &Path, address: &SocketAddrUnix) -> io::Result<Self> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket: OwnedFd = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
        rustix::net::bind(&socket, address)?;
        let metadata = fs::symlink_metadata(path)?;
        let control = Self {
            listener: UnixListener::from(socket),
            path: path.to_owned(),
            identity: (metadata.dev(), metadata.ino()),
        };
        // Nobody can connect before the mode is right, because nobody listens yet.
        fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
        rustix::net::listen(&control.listener, BACKLOG)?;
        Ok(control)
    }
}

impl Drop for ControlSocket {
    fn drop(&mut self) {
        let ours = fs::symlink_metadata(&self.path)
            .is_ok_and(|metadata| (metadata.dev(), metadata.ino()) == self.identity);
        if ours && let Err(error) = fs::remove_file(&self.path) {
            tracing::debug!(path = %self.path.display(), %error, "cannot remove the control socket");
        }
    }
}

/// Makes sure that nothing is at `path`, unless somebody is behind it.
fn remove_stale(path: &Path) -> Result<(), BindError> {
    let io = |cause| BindError::Io {
        path: path.to_owned(),
        cause,
    };
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(io(error)),
        Ok(metadata) if !metadata.file_type().is_socket() => {
            return Err(BindError::NotASocket(path.to_owned()));
        }
        Ok(_) => {}
    }
    match UnixStream::connect(path) {
        Ok(stream) => {
            let peer = sockopt::socket_peercred(&stream).map_err(|error| io(error.into()))?;
            Err(BindError::InUse {
                path: path.to_owned(),
                pid: peer.pid.as_raw_pid(),
            })
        }
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => fs::remove_file(path).map_err(io),
        Err(error) => Err(io(error)),
    }
}
