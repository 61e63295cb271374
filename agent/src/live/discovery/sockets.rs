//! The search for sockets of connections that are older than the agent.
//!
//! Where writes are told by one probe at their end, nothing tells which socket they used in between. A connection that is
//! seen from its start shows its socket otherwise; one that was there before shows it only while a probe stands at the
//! start of its writes, too, and that costs each of them two traps more. So those probes stand for a while, then rest.

use std::{
    sync::{Arc, PoisonError},
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

/// Whether sockets of a library's connections are looked for.
pub(super) enum Search {
    /// Nobody asked.
    Idle,
    /// They are, until then.
    Running {
        until: Instant,
        asked: bool,
        _probes: Attached,
    },
    /// They are not, whoever asks before then.
    Resting { until: Instant },
}

impl Search {
    /// Looks for sockets of connections that are there before the library's other probes.
    pub(super) fn first(kernel: &mut Kernel, target: &Target, slot: u16) -> Result<Self, AttachError> {
        let probes = probes(kernel, target, slot)?;
        let until = Instant::now() + FIRST;
        Ok(probes.map_or(Self::Idle, |probes| Self::Running {
            until,
            asked: false,
            _probes: probes,
        }))
    }

    /// A connection of the library has a socket that is not known.
    fn ask(&mut self, kernel: &mut Kernel, target: &Target, slot: u16) -> Result<(), AttachError> {
        let now = Instant::now();
        match self {
            Self::Running { asked: true, .. } => {}
            Self::Running { until, asked, .. } => (*until, *asked) = (now + TIME, true),
            Self::Resting { until } if now < *until => {}
            Self::Resting { .. } | Self::Idle => {
                // Should it fail, it is not tried at once again.
                *self = Self::Resting { until: now + REST };
                if let Some(probes) = probes(kernel, target, slot)? {
                    *self = Self::Running {
                        until: now + TIME,
                        asked: true,
                        _probes: probes,
                    };
                }
            }
        }
        Ok(())
    }

    /// Takes the probes away if their time is over.
    fn end(&mut self, now: Instant) {
        match self {
            Self::Running { until, asked, .. } if *until <= now => {
                *self = if *asked {
                    Self::Resting { until: now + REST }
                } else {
                    Self::Idle
                };
            }
            _ => {}
        }
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
    /// A connection of the library in this slot has a socket that is not known.
    pub(super) fn search_sockets(&mut self, slot: u16) {
        let kernel = Arc::clone(&self.kernel);
        let mut attachments = self.attached.values_mut();
        let Some(attachment) = attachments.find(|attachment| attachment.slot == slot) else {
            return;
        };
        let target = Arc::clone(&attachment.target);
        let mut kernel = kernel.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = attachment.search.ask(&mut kernel, &target, slot) {
            tracing::warn!(library = %target.path.display(), %error, "cannot look for sockets of its connections");
            self.shared.metrics().loss(STAGE, SEARCH_REFUSED, 1);
        }
    }

    /// Takes the probes away whose time is over.
    pub(super) fn end_searches(&mut self, now: Instant) {
        for attachment in self.attached.values_mut() {
            attachment.search.end(now);
        }
    }
}
