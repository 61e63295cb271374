//! One connection's HTTP, whichever version it speaks.

use ebpf::record::{Content, Direction};

use super::assembly::{Assembly, Unit};
use super::direction::{PerDirection, opposite};
use super::exchange::Exchange;
use super::http1::Http1;
use super::http2::Http2;
use super::loss::{Loss, Losses};

/// Part of a head or frame, as the kernel kept it.
#[derive(Clone, Copy, Debug)]
pub struct Piece<'a> {
    /// Which way it went, seen from the process.
    pub direction: Direction,
    /// What it is part of.
    pub content: Content,
    /// Whether the head or frame starts with it.
    pub start: bool,
    /// Whether the head or frame ends with it.
    pub end: bool,
    /// How its direction was entered.
    pub entry: Entry,
    /// Octets of application data of this direction before it.
    pub offset: u64,
    /// When it passed, in nanoseconds of a monotonic clock.
    pub time: u64,
    /// Its octets.
    pub bytes: &'a [u8],
}

/// How a direction was entered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// At its start.
    Start,
    /// Late, at a place that looked like the start of a message or frame.
    Late,
    /// Likewise, and again since the previous piece: nothing says that the two fit together.
    Again,
}

/// The HTTP of one connection: takes pieces in the order in which they passed, yields exchanges in the order in
/// which they complete.
pub struct Conversation {
    from_start: bool,
    assemblies: PerDirection<Assembly>,
    /// Whether anything of a direction was seen.
    begun: PerDirection<bool>,
    /// Directions of which something was lost before the version of HTTP was known.
    early_gaps: PerDirection<bool>,
    version: Option<Version>,
    /// Exchanges that a gap completed, waiting for the next call that can take them along.
    ready: Vec<Exchange>,
    losses: Losses,
}

/// The state of the version that the connection speaks.
enum Version {
    Http1(Http1),
    Http2(Box<Http2>),
}

impl Conversation {
    /// A connection of which nothing was seen yet. `from_start` says that nothing was missed either.
    pub fn new(from_start: bool) -> Self {
        Self {
            from_start,
            assemblies: PerDirection::default(),
            begun: PerDirection::default(),
            early_gaps: PerDirection::default(),
            version: None,
            ready: Vec::new(),
            losses: Losses::default(),
        }
    }

    /// Takes the next piece, and appends the exchanges that it completes to `out`.
    pub fn piece(&mut self, piece: &Piece<'_>, out: &mut Vec<Exchange>) {
        out.append(&mut self.ready);
        let direction = piece.direction;
        if piece.entry != Entry::Start && self.from_start && !self.begun[direction] {
            // Whoever called the connection whole was wrong about this direction.
            self.lose(direction);
        }
        self.begun[direction] = true;
        if piece.entry == Entry::Again {
            self.enter_again(direction, out);
        }
        let (cut_off, completed) = self.assemblies[direction].add(piece, &mut self.losses);
        for unit in cut_off.into_iter().chain(completed) {
            self.unit(direction, piece.content, &unit, out);
        }
    }

    /// Records of this direction were lost before its next piece.
    pub fn gap(&mut self, direction: Direction) {
        self.losses.add(Loss::Gap);
        let mut ready = std::mem::take(&mut self.ready);
        self.cut_off(direction, &mut ready);
        self.ready = ready;
        self.lose(direction);
    }

    /// The connection ended: appends every exchange that is still open to `out`.
    pub fn close(&mut self, time: u64, out: &mut Vec<Exchange>) {
        out.append(&mut self.ready);
        self.cut_off(Direction::Read, out);
        self.cut_off(Direction::Write, out);
        match &mut self.version {
            Some(Version::Http1(http1)) => {
                if !self.from_start {
                    // It may have passed where the direction was not read.
                    http1.gap(opposite(http1.request_direction()));
                }
                http1.close(time, out);
            }
            Some(Version::Http2(http2)) => http2.close(time, &mut self.losses, out),
            None => {}
        }
    }

    /// Which way requests go, once that is known.
    pub fn request_direction(&self) -> Option<Direction> {
        match self.version.as_ref()? {
            Version::Http1(http1) => Some(http1.request_direction()),
            Version::Http2(http2) => http2.request_direction(),
        }
    }

    /// Whether anything was lost since [`Self::losses`] was last called.
    pub fn has_losses(&self) -> bool {
        !self.losses.is_empty()
    }

    /// What was lost since the last call.
    pub fn losses(&mut self) -> Losses {
        std::mem::take(&mut self.losses)
    }

    fn lose(&mut self, direction: Direction) {
        match &mut self.version {
            Some(Version::Http1(http1)) => http1.gap(direction),
            Some(Version::Http2(http2)) => http2.gap(direction, &mut self.losses),
            None => self.early_gaps[direction] = true,
        }
    }

    /// Whatever passed between the latest piece of a direction and its next was not seen.
    fn enter_again(&mut self, direction: Direction, out: &mut Vec<Exchange>) {
        if let Some(Version::Http2(http2)) = &mut self.version {
            self.assemblies[direction].cut_off(&mut self.losses);
            http2.misjudged(&mut self.losses);
        } else {
            self.cut_off(direction, out);
            self.lose(direction);
        }
    }

    /// Takes what there is of an open head or frame as all that will come.
    fn cut_off(&mut self, direction: Direction, out: &mut Vec<Exchange>) {
        let Some(unit) = self.assemblies[direction].cut_off(&mut self.losses) else {
            return;
        };
        match &mut self.version {
            Some(Version::Http1(http1)) => http1.head(direction, &unit, &mut self.losses, out),
            Some(Version::Http2(http2)) => http2.frame(direction, &unit, &mut self.losses, out),
            // The first thing on the connection, and not all of it: the version cannot be told any more.
            None => self.early_gaps[direction] = true,
        }
    }

    fn unit(&mut self, direction: Direction, content: Content, unit: &Unit<'_>, out: &mut Vec<Exchange>) {
        let version = self.version.get_or_insert_with(|| match content {
            Content::Http1Head => {
                Version::Http1(Http1::new(direction, unit, self.from_start, self.early_gaps))
            }
            Content::Http2Frame => Version::Http2(Box::new(Http2::new(self.from_start, self.early_gaps))),
        });
        match (version, content) {
            (Version::Http1(http1), Content::Http1Head) => {
                let request = opposite(direction);
                if request == http1.request_direction()
                    && http1.may_answer_head_under_way()
                    && let Some(cut_off) = self.assemblies[request].cut_off(&mut self.losses)
                {
                    http1.head(request, &cut_off, &mut self.losses, out);
                }
                http1.head(direction, unit, &mut self.losses, out);
            }
            (Version::Http2(http2), Content::Http2Frame) => {
                http2.frame(direction, unit, &mut self.losses, out);
            }
            _ => self.losses.add(Loss::MixedProtocols),
        }
    }
}
