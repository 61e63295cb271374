//! What the observer hands over, for this module's tests.

use std::sync::Arc;

use ebpf::record::Direction;

use crate::connection::{
    Alpn, Facts, NameSource, Process, Role, RoleSource, ServerName, Socket, SocketSource, Visibility,
};
use crate::http::{Authority, AuthoritySource, Earlier, Exchange, Known, Pairing, Protocol, Status};
use crate::observer::Judged;
use crate::verdict::{Learned, Verdict};
use crate::wire::client_hello::Transport;

/// A request for `b.example` on a connection for `a.example`, answered 421, and called `verdict`.
pub(crate) fn exchange(id: u64, verdict: Verdict) -> Judged {
    let exchange = Exchange {
        request_number: Some(1),
        stream_id: Some(1),
        protocol: Protocol::H2,
        request_direction: Direction::Read,
        method: Known::Yes("GET".into()),
        authority: Authority::Present {
            value: "b.example".to_owned(),
            source: AuthoritySource::Pseudo,
        },
        host: Known::Yes(Vec::new()),
        extended_connect: Known::Yes(false),
        status: Status::Code(421),
        pairing: Pairing::Certain,
        earlier: Earlier {
            names: Arc::default(),
            complete: true,
        },
        requested_at: id,
        answered_at: None,
        completed_at: id,
    };
    Judged {
        verdict,
        ..Judged::new(id, 0, Arc::new(connection(1)), exchange, |_| Learned::default())
    }
}

/// A connection for `a.example`.
pub(crate) fn connection(id: u64) -> Facts {
    Facts {
        id,
        pid: 42,
        opened_at: 0,
        role: Some(Role::Server),
        role_source: Some(RoleSource::Object),
        name: ServerName::Sent("a.example".to_owned()),
        name_source: Some(NameSource::Object),
        transport: Transport::Tcp,
        socket: Some(Socket {
            local: ([127, 0, 0, 1], 443).into(),
            peer: ([127, 0, 0, 1], 50000).into(),
            netns: 1,
            source: SocketSource::Descriptor,
        }),
        flow: None,
        client_random: None,
        hello: None,
        alpn: Alpn::Unknown,
        version: 0x0304,
        resumed: Some(false),
        verify_mode: None,
        from_start: true,
        visibility: Visibility::Requests,
        through_memory: None,
        pair: None,
        certificate_names: None,
        certificate_source: None,
        process: Arc::new(Process {
            pid: 42,
            exe: Some("/usr/sbin/apache2".to_owned()),
            library: Some("/usr/lib/x86_64-linux-gnu/libssl.so.3".to_owned()),
            ..Process::default()
        }),
    }
}
