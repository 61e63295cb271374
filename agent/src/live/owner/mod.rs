//! Whose a connection is that no library shows: the process that has its socket, or that listens where it arrived.
//!
//! Looking through `/proc` takes long where there are many processes, so it is done on a thread of its own, and what
//! was found of a listener is remembered for a while.

mod addresses;
mod tables;

use std::{
    collections::HashMap,
    fs, iter,
    net::{IpAddr, SocketAddr},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::mpsc::{Receiver, Sender, SyncSender, TrySendError, channel, sync_channel},
    thread,
    time::{Duration, Instant},
};

use tables::Table;

use crate::{
    connection::{Process, Role},
    observer::Owner,
    target,
    wire::{client_hello::Transport, hello::Flow},
};

/// Questions that may wait.
const QUEUE: usize = 1024;
/// Questions that are answered from one reading, at most: for the last of them it must not be too old.
const AT_ONCE: usize = 64;
/// How long it is remembered who listens.
const MEMORY: Duration = Duration::from_secs(10);
/// Listeners that are remembered.
const LISTENERS: usize = 4096;

/// Whose are these sides?
#[derive(Clone, Debug)]
pub(super) struct Question {
    /// Names the connection.
    pub(super) random: [u8; 32],
    /// What carries it.
    pub(super) transport: Transport,
    /// The sides.
    pub(super) roles: Vec<Role>,
    /// Where its ClientHello was seen.
    pub(super) flows: Vec<Flow>,
}

/// The sides that belong to processes of this machine.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    /// Names the connection.
    pub(super) random: [u8; 32],
    /// Their processes.
    pub(super) owners: Vec<Owner>,
}

/// The thread that answers. It ends when this is dropped.
pub(super) struct Owners {
    questions: SyncSender<Question>,
    answers: Receiver<Answer>,
}

impl Owners {
    pub(super) fn start(proc_root: PathBuf) -> Self {
        let (questions, incoming) = sync_channel(QUEUE);
        let (outgoing, answers) = channel();
        thread::spawn(move || work(&mut Search::new(proc_root), &incoming, &outgoing));
        Self { questions, answers }
    }

    /// Asks; false if too many questions wait already.
    pub(super) fn ask(&self, question: Question) -> bool {
        match self.questions.try_send(question) {
            Ok(()) => true,
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => false,
        }
    }

    /// The next answer, if there is one.
    pub(super) fn answer(&self) -> Option<Answer> {
        self.answers.try_recv().ok()
    }
}

fn work(search: &mut Search, questions: &Receiver<Question>, answers: &Sender<Answer>) {
    while let Ok(first) = questions.recv() {
        // All of these were asked before anything is read for one of them: one reading does for all.
        let waiting: Vec<Question> = iter::once(first)
            .chain(questions.try_iter().take(AT_ONCE - 1))
            .collect();
        for question in waiting {
            let owners = search.owners(&question);
            let random = question.random;
            if answers.send(Answer { random, owners }).is_err() {
                return;
            }
        }
        search.look_again();
    }
}

/// Looks through `/proc`.
struct Search {
    proc_root: PathBuf,
    listeners: HashMap<(Transport, SocketAddr), (Instant, Option<u32>)>,
    /// The network namespaces, once they were looked for.
    namespaces: Option<Vec<Namespace>>,
    /// Tables of sockets that were read, by the inode number of their namespace.
    tables: HashMap<(u64, Transport), Table>,
}

/// A network namespace.
struct Namespace {
    inode: u64,
    /// A process in it: its tables are the namespace's.
    process: PathBuf,
}

impl Search {
    fn new(proc_root: PathBuf) -> Self {
        Self {
            proc_root,
            listeners: HashMap::new(),
            namespaces: None,
            tables: HashMap::new(),
        }
    }

    /// What was read is old from now on.
    fn look_again(&mut self) {
        self.namespaces = None;
        self.tables.clear();
    }

    fn owners(&mut self, question: &Question) -> Vec<Owner> {
        let mut owners = Vec::new();
        for role in &question.roles {
            let found = question.flows.iter().find_map(|flow| {
                let pid = match role {
                    Role::Server => self.listener(question.transport, *flow)?,
                    Role::Client => self.dialler(question.transport, *flow)?,
                };
                Some((*flow, pid))
            });
            owners.extend(found.map(|(flow, pid)| Owner {
                role: *role,
                flow,
                process: self.describe(pid),
            }));
        }
        owners
    }

    fn describe(&self, pid: u32) -> Process {
        let identity = target::identify(&self.proc_root, pid);
        Process {
            pid,
            exe: identity.exe.map(|exe| exe.display().to_string()),
            container: identity.container,
            ..Process::default()
        }
    }

    /// The process that listens at the flow's destination.
    fn listener(&mut self, transport: Transport, flow: Flow) -> Option<u32> {
        let key = (transport, flow.destination);
        let now = Instant::now();
        if let Some((until, pid)) = self.listeners.get(&key)
            && *until > now
        {
            return *pid;
        }
        let pid = self.search(transport, flow.destination.ip(), |table| {
            table.listener(flow.destination)
        });
        if self.listeners.len() >= LISTENERS {
            self.listeners.clear();
        }
        self.listeners.insert(key, (now + MEMORY, pid));
        pid
    }

    /// The process that has the flow's source.
    fn dialler(&mut self, transport: Transport, flow: Flow) -> Option<u32> {
        self.search(transport, flow.source.ip(), |table| {
            table.dialler(flow.source, flow.destination)
        })
    }

    /// The process that has the socket that `find` finds in a namespace that has this address.
    fn search(
        &mut self,
        transport: Transport,
        address: IpAddr,
        find: impl Fn(&Table) -> Option<u64>,
    ) -> Option<u32> {
        // Every namespace has the same loopback addresses, and packets are seen on this one's alone.
        let own = address
            .is_loopback()
            .then(|| namespace(&self.proc_root.join("self")))
            .flatten();
        let namespaces = match self.namespaces.take() {
            Some(namespaces) => namespaces,
            None => self.namespaces(),
        };
        let namespaces = &*self.namespaces.insert(namespaces);
        let mut having = namespaces.iter().filter(|namespace| match own {
            Some(own) => namespace.inode == own,
            None => addresses::has(&namespace.process, address),
        });
        // Containers may have equal addresses on networks that know nothing of each other.
        let (Some(namespace), None) = (having.next(), having.next()) else {
            return None;
        };
        let table = self.tables.entry((namespace.inode, transport));
        let table = table.or_insert_with(|| Table::read(&namespace.process, transport));
        let socket = find(table);
        if table.is_empty() {
            // The process has ended meanwhile, and the namespace may have others.
            self.look_again();
        }
        self.holder(socket?)
    }

    fn namespaces(&self) -> Vec<Namespace> {
        let mut namespaces: Vec<Namespace> = Vec::new();
        for pid in self.processes() {
            let process = self.proc_root.join(pid.to_string());
            if let Some(inode) = namespace(&process)
                && !namespaces.iter().any(|known| known.inode == inode)
            {
                namespaces.push(Namespace { inode, process });
            }
        }
        namespaces
    }

    /// The process that has the socket among its descriptors: of several, which share one that they inherited, the one
    /// with the lowest number, the oldest as a rule.
    fn holder(&self, socket: u64) -> Option<u32> {
        self.processes().into_iter().find(|pid| {
            let directory = self.proc_root.join(pid.to_string()).join("fd");
            let Ok(entries) = fs::read_dir(directory) else {
                return false;
            };
            let name = format!("socket:[{socket}]");
            entries
                .flatten()
                .any(|entry| fs::read_link(entry.path()).is_ok_and(|link| link.as_os_str() == name.as_str()))
        })
    }

    /// In ascending order.
    fn processes(&self) -> Vec<u32> {
        let Ok(entries) = fs::read_dir(&self.proc_root) else {
            return Vec::new();
        };
        let mut pids: Vec<u32> = entries
            .flatten()
            .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
            .collect();
        pids.sort_unstable();
        pids
    }
}

/// Inode number of a process's network namespace.
fn namespace(process: &Path) -> Option<u64> {
    fs::metadata(process.join("ns/net"))
        .ok()
        .map(|metadata| metadata.ino())
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream, UdpSocket};

    use super::*;

    fn question(transport: Transport, source: SocketAddr, destination: SocketAddr) -> Question {
        Question {
            random: [0; 32],
            transport,
            roles: vec![Role::Server, Role::Client],
            flows: vec![Flow { source, destination }],
        }
    }

    fn ask(transport: Transport, source: SocketAddr, destination: SocketAddr) -> Vec<Owner> {
        Search::new(PathBuf::from("/proc")).owners(&question(transport, source, destination))
    }

    fn here(owners: &[Owner]) -> Vec<Role> {
        let own = owners
            .iter()
            .filter(|owner| owner.process.pid == std::process::id());
        own.map(|owner| owner.role).collect()
    }

    #[test]
    fn both_ends_of_a_connection_of_this_process_are_found() {
        for listen in ["127.0.0.1:0", "0.0.0.0:0", "[::]:0"] {
            let listener = TcpListener::bind(listen).unwrap();
            let port = listener.local_addr().unwrap().port();
            let client = TcpStream::connect(("127.0.0.1", port)).unwrap();
            let found = ask(
                Transport::Tcp,
                client.local_addr().unwrap(),
                SocketAddr::from(([127, 0, 0, 1], port)),
            );
            assert_eq!(here(&found), [Role::Server, Role::Client], "{listen}");
        }
    }

    #[test]
    fn one_reading_does_until_it_is_told_to_look_again() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let destination = listener.local_addr().unwrap();
        let dial = || TcpStream::connect(destination).unwrap();
        let of = |client: &TcpStream| question(Transport::Tcp, client.local_addr().unwrap(), destination);
        let mut search = Search::new(PathBuf::from("/proc"));
        let first = dial();
        assert_eq!(here(&search.owners(&of(&first))), [Role::Server, Role::Client]);
        let second = dial();
        assert_eq!(here(&search.owners(&of(&second))), [Role::Server]);
        search.look_again();
        assert_eq!(here(&search.owners(&of(&second))), [Role::Server, Role::Client]);
    }

    #[test]
    fn sockets_of_udp_are_found_whether_they_are_connected_or_not() {
        let server = UdpSocket::bind("127.0.0.1:0").unwrap();
        let client = UdpSocket::bind("127.0.0.1:0").unwrap();
        let (source, destination) = (client.local_addr().unwrap(), server.local_addr().unwrap());
        assert_eq!(
            here(&ask(Transport::Quic, source, destination)),
            [Role::Server, Role::Client]
        );
        client.connect(destination).unwrap();
        assert_eq!(
            here(&ask(Transport::Quic, source, destination)),
            [Role::Server, Role::Client]
        );
    }

    #[test]
    fn what_nobody_here_has_is_not_found() {
        let away = |text: &str| text.parse().unwrap();
        assert_eq!(
            ask(Transport::Tcp, away("192.0.2.1:1"), away("192.0.2.2:443")),
            []
        );
        assert_eq!(ask(Transport::Tcp, away("127.0.0.1:1"), away("127.0.0.1:1")), []);
    }

    #[test]
    fn the_thread_answers_each_question() {
        let owners = Owners::start(PathBuf::from("/proc"));
        for number in 0..3 {
            let asked = owners.ask(Question {
                random: [number; 32],
                transport: Transport::Tcp,
                roles: Vec::new(),
                flows: Vec::new(),
            });
            assert!(asked);
        }
        for number in 0..3 {
            assert_eq!(owners.answers.recv().unwrap().random, [number; 32]);
        }
    }
}
