//! What one exchange costs the agent: from the records of the kernel to the store that readers see.
//!
//! Times are per exchange. Connections carry [`REQUESTS`] each, so a share of opening and closing is in them.

mod stream;

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use wrongway::{
    connection::Process,
    decode::Record,
    export::Shared,
    observer::{Input, Observer, Output},
};

use self::stream::{LIBRARY, PID, Stream};

/// Requests of one connection.
const REQUESTS: usize = 100;
/// Records after which what followed from them is handed on, as the agent does when it is busy.
const BATCH: usize = 1024;

criterion_group!(benches, exchanges);
criterion_main!(benches);

fn exchanges(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("exchange");
    for (name, stream) in [
        ("http1_keep_alive", Stream::http1(REQUESTS)),
        ("http2_dynamic_table", Stream::http2(REQUESTS)),
    ] {
        let mut agent = Agent::new(stream);
        group.bench_function(name, |bencher| bencher.iter(|| agent.exchange()));
        agent.assert_judged();
    }
    group.finish();
}

/// The way of a record through the agent, without the kernel.
struct Agent {
    stream: Stream,
    observer: Observer,
    outputs: Vec<Output>,
    records: usize,
    shared: Shared,
}

impl Agent {
    fn new(stream: Stream) -> Self {
        let mut observer = Observer::new(1_700_000_000_000_000_000);
        let mut outputs = Vec::new();
        let process = Process {
            pid: PID,
            exe: Some("/usr/sbin/nginx".to_owned()),
            container: Some("b3a1c0f2".to_owned()),
            ..Process::default()
        };
        observer.input(Input::Process(process), &mut outputs);
        let library = Input::Library {
            slot: LIBRARY,
            path: "/usr/lib/x86_64-linux-gnu/libssl.so.3".to_owned(),
        };
        observer.input(library, &mut outputs);
        Self {
            stream,
            observer,
            outputs,
            records: 0,
            shared: Shared::default(),
        }
    }

    /// Feeds the records of one exchange; before a connection's first and after its last also those that open
    /// and close it.
    fn exchange(&mut self) {
        for bytes in self.stream.next_exchange() {
            let record = Record::from_bytes(black_box(bytes)).expect("the stream is well-formed");
            self.observer.input(Input::Record(record), &mut self.outputs);
            self.records += 1;
        }
        if self.records >= BATCH {
            self.records = 0;
            self.shared.take(self.outputs.drain(..));
        }
    }

    /// What was measured is what a healthy server shows.
    fn assert_judged(&self) {
        let metrics = self.shared.metrics().render();
        let exchanges = metrics
            .lines()
            .filter(|line| line.starts_with("wrongway_exchanges_total"));
        let verdicts: Vec<_> = exchanges.filter(|line| !line.ends_with(" 0")).collect();
        assert!(
            matches!(verdicts[..], [] | [_]) && verdicts.iter().all(|line| line.contains("verdict=\"ok\"")),
            "{verdicts:?}"
        );
        let losses = self.shared.metrics().losses();
        let lost = losses.iter().find(|(stage, ..)| stage != "store");
        assert_eq!(lost, None);
    }
}
