//! A socket on which the kernel tells of interfaces that come, change and go.

use std::{
    collections::{BTreeSet, VecDeque},
    io,
    os::fd::OwnedFd,
};

use rustix::{
    io::Errno,
    net::{
        AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, bind, netlink::SocketAddrNetlink, recv,
        send, socket_with,
    },
};
use tokio::io::{Interest, unix::AsyncFd};

use super::{
    Change,
    message::{self, Message},
};

/// `RTMGRP_LINK`.
const LINKS: u32 = 1;
/// The kernel's datagrams have at most these many bytes: `NLMSG_GOODSIZE`, and as much again for a list's.
const LARGEST: usize = 1 << 16;

/// The socket.
pub(in crate::live) struct Watch {
    socket: AsyncFd<OwnedFd>,
    /// Interfaces that are known to be there.
    known: BTreeSet<u32>,
    /// Interfaces of the list that is coming in, while one is.
    listed: Option<BTreeSet<u32>>,
    changes: VecDeque<Change>,
}

impl Watch {
    /// Opens it; the interfaces that there are come as changes.
    ///
    /// # Errors
    /// Returns the kernel's refusal.
    #[expect(unsafe_code, reason = "a descriptor that is waited for must be vouched for")]
    pub(in crate::live) fn new() -> io::Result<Self> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        // Protocol 0 is NETLINK_ROUTE.
        let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, flags, None)?;
        bind(&socket, &SocketAddrNetlink::new(0, LINKS))?;
        // SAFETY: the descriptor is owned for as long as the registration lives, and is no other.
        let socket = unsafe { AsyncFd::register_with_interest(socket, Interest::READABLE) };
        let mut watch = Self {
            socket: socket.map_err(io::Error::from)?,
            known: BTreeSet::new(),
            listed: None,
            changes: VecDeque::new(),
        };
        watch.list()?;
        Ok(watch)
    }

    /// The next change. Dropping the future loses nothing.
    ///
    /// # Errors
    /// Returns the error of the socket.
    pub(in crate::live) async fn change(&mut self) -> io::Result<Change> {
        loop {
            if let Some(change) = self.changes.pop_front() {
                return Ok(change);
            }
            self.receive().await?;
        }
    }

    /// The next of the changes that tell what was there when this was opened; `None` after the last.
    ///
    /// # Errors
    /// Returns the error of the socket.
    pub(in crate::live) async fn first_change(&mut self) -> io::Result<Option<Change>> {
        while self.changes.is_empty() && self.listed.is_some() {
            self.receive().await?;
        }
        Ok(self.changes.pop_front())
    }

    async fn receive(&mut self) -> io::Result<()> {
        let mut buffer = vec![0; LARGEST];
        let mut ready = self.socket.readable().await?;
        match recv(ready.get_inner(), &mut buffer, RecvFlags::empty()) {
            Ok((count, _)) => self.take(&buffer[..count]),
            Err(Errno::AGAIN) => {
                ready.clear_ready();
                Ok(())
            }
            Err(Errno::INTR) => Ok(()),
            // Messages were lost: what is there now is all that matters.
            Err(Errno::NOBUFS) => self.list(),
            Err(error) => Err(error.into()),
        }
    }

    fn list(&mut self) -> io::Result<()> {
        self.listed = Some(BTreeSet::new());
        send(self.socket.get_ref(), &message::request(), SendFlags::empty())?;
        Ok(())
    }

    fn take(&mut self, datagram: &[u8]) -> io::Result<()> {
        for message in message::messages(datagram) {
            match message {
                Message::Change(change) => {
                    self.note(&change);
                    self.changes.push_back(change);
                }
                Message::Done => {
                    let gone = self.listed.take().map(|listed| &self.known - &listed);
                    for index in gone.unwrap_or_default() {
                        self.known.remove(&index);
                        self.changes.push_back(Change::Gone(index));
                    }
                }
                Message::Refused(number) => return Err(io::Error::from_raw_os_error(-number)),
            }
        }
        Ok(())
    }

    fn note(&mut self, change: &Change) {
        match change {
            Change::Present(interface) => {
                self.known.insert(interface.index);
                if let Some(listed) = &mut self.listed {
                    listed.insert(interface.index);
                }
            }
            Change::Gone(index) => {
                self.known.remove(index);
                if let Some(listed) = &mut self.listed {
                    listed.remove(index);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::interface::Kind;

    #[tokio::test]
    async fn what_is_there_is_told_first() {
        let mut watch = Watch::new().unwrap();
        let mut seen = Vec::new();
        while let Some(change) = watch.first_change().await.unwrap() {
            seen.push(change);
        }
        let loopback =
            |change: &Change| matches!(change, Change::Present(found) if found.kind == Kind::Loopback);
        assert!(seen.iter().any(loopback), "{seen:?}");
    }
}
