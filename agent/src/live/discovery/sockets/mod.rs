//! The search for sockets that nothing but writes shows: of connections that are older than the agent, or that a child
//! inherited, or that shake hands within their first write or read over a BIO of their own.
//!
//! Where writes are told by one probe at their end, nothing tells which socket they used in between. Other connections show
//! theirs when they begin; these only while a probe stands at the start of their writes, too, and that costs each of them
//! two traps more. So those probes stand for a while, then rest.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use super::{Discovery, SEARCH_REFUSED, STAGE};
use crate::{
    kernel::{AttachError, Attached, Kernel, Point},
    target::{Target, hook::Purpose},
};

/// How long the probes stand at first: whoever is busy shows up at once.
const FIRST: Duration = Duration::from_secs(3);
/// How long they stand since somebody asked. A connection that writes nothing meanwhile keeps its socket to itself.
const TIME: Duration = Duration::from_mins(1);
/// How long there are none afterwards, whoever asks: some programs never use a socket within such a call.
const REST: Duration = Duration::from_mins(5);

/// How long calls that began with the probes may take to return.
const LAST: Duration = Duration::from_secs(2);

/// Whether sockets of a library's connections are looked for.
pub(super) enum Search {
    /// Nobody asked.
    Idle,
    /// They are, until then.
    Running {
        until: Instant,
        asked: bool,
        probes: Attached,
    },
    /// Nothing sees calls begin any more, and until then something sees them return.
    Ending {
        until: Instant,
        asked: bool,
        _probes: Attached,
    },
    /// They are not until then, whoever asks.
    Resting { until: Instant, asked: bool },
}

impl Search {
    /// Looks for sockets of connections that are there before the library's other probes.
    fn first(kernel: &mut Kernel, target: &Target, slot: u16) -> Result<Self, AttachError> {
        let until = Instant::now() + FIRST;
        Self::begin(kernel, target, slot, until, false)
    }

    fn begin(
        kernel: &mut Kernel,
        target: &Target,
        slot: u16,
        until: Instant,
        asked: bool,
    ) -> Result<Self, AttachError> {
        let probes = probes(kernel, target, slot)?;
        Ok(probes.map_or(Self::Idle, |probes| Self::Running { until, asked, probes }))
    }

    /// A connection of the library has a socket that is not known.
    fn ask(&mut self) {
        let now = Instant::now();
        match self {
            Self::Idle => {
                *self = Self::Resting {
                    until: now,
                    asked: true,
                };
            }
            Self::Running { asked: true, .. } => {}
            Self::Running { until, asked, .. } => (*until, *asked) = (now + TIME, true),
            Self::Ending { asked, .. } | Self::Resting { asked, .. } => *asked = true,
        }
    }

    /// What is due now.
    fn go_on(
        &mut self,
        kernel: &Mutex<Kernel>,
        target: &Target,
        slot: u16,
        now: Instant,
    ) -> Result<(), AttachError> {
        match std::mem::replace(self, Self::Idle) {
            Self::Running {
                until,
                asked,
                mut probes,
            } if until <= now => {
                probes.let_return();
                *self = Self::Ending {
                    until: now + LAST,
                    asked,
                    _probes: probes,
                };
            }
            Self::Ending { until, asked, .. } if until <= now && asked => {
                *self = Self::Resting {
                    until: now + REST,
                    asked: false,
                };
            }
            Self::Ending { until, .. } if until <= now => {}
            Self::Resting { until, asked: true } if until <= now => {
                // Should it fail, it is not tried at once again.
                *self = Self::Resting {
                    until: now + REST,
                    asked: true,
                };
                let mut kernel = kernel.lock().unwrap_or_else(PoisonError::into_inner);
                *self = Self::begin(&mut kernel, target, slot, now + TIME, true)?;
            }
            Self::Resting { until, asked: false } if until <= now => {}
            unchanged => *self = unchanged,
        }
        Ok(())
    }
}

/// Attaches the probes; `None` if the library has others that tell.
fn probes(kernel: &mut Kernel, target: &Target, slot: u16) -> Result<Option<Attached>, AttachError> {
    let hooks = target.needed_hooks();
    let points: Vec<Point> = hooks
        .filter(|hook| hook.purpose == Purpose::Sockets)
        .map(Point::from)
        .collect();
    if points.is_empty() {
        return Ok(None);
    }
    kernel.attach(&target.file, slot, &points).map(Some)
}

impl Discovery {
    /// Looks for sockets of connections that are there before the library's other probes.
    pub(super) fn search_first(&self, kernel: &mut Kernel, target: &Target, slot: u16) -> Search {
        Search::first(kernel, target, slot).unwrap_or_else(|error| {
            self.search_refused(target, &error);
            Search::Idle
        })
    }

    /// A connection of the library in this slot has a socket that is not known.
    pub(super) fn search_sockets(&mut self, slot: u16) {
        let mut attachments = self.attached.values_mut();
        if let Some(attachment) = attachments.find(|attachment| attachment.slot == slot) {
            attachment.search.ask();
        }
    }

    /// Begins and ends what is due.
    pub(super) fn go_on_searching(&mut self, now: Instant) {
        let mut refused = Vec::new();
        for attachment in self.attached.values_mut() {
            let target = &attachment.target;
            let due = attachment
                .search
                .go_on(&self.kernel, target, attachment.slot, now);
            if let Err(error) = due {
                refused.push((Arc::clone(target), error));
            }
        }
        for (target, error) in refused {
            self.search_refused(&target, &error);
        }
    }

    fn search_refused(&self, target: &Target, error: &AttachError) {
        tracing::warn!(library = %target.path.display(), %error, "cannot look for sockets of its connections");
        self.shared.metrics().loss(STAGE, SEARCH_REFUSED, 1);
    }
}
