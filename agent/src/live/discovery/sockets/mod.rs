//! The search for sockets that nothing but writes shows: of connections that are older than the agent, or that a child
//! inherited, or that shake hands within their first write or read over a BIO of their own.
//!
//! Where writes are told by one probe at their end, nothing tells which socket they used in between. Other connections show
//! theirs when they begin; these only while a probe stands at the start of their writes, too, and that costs each of them
//! two traps more. So those probes stand for a while, then rest.

mod schedule;

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use self::schedule::{Due, Schedule};
use super::{Discovery, SEARCH_REFUSED, STAGE};
use crate::{
    kernel::{AttachError, Attached, Kernel, Point},
    target::{Target, hook::Purpose},
};

/// The search for sockets of a library's connections.
pub(super) struct Search {
    schedule: Schedule,
    /// `None` while there are none.
    probes: Option<Attached>,
}

impl Search {
    const NONE: Self = Self {
        schedule: Schedule::Idle,
        probes: None,
    };

    /// Looks for sockets of connections that are there before the library's other probes.
    fn first(kernel: &mut Kernel, target: &Target, slot: u16) -> Result<Self, AttachError> {
        let probes = probes(kernel, target, slot)?;
        Ok(probes.map_or(Self::NONE, |probes| Self {
            schedule: Schedule::first(Instant::now()),
            probes: Some(probes),
        }))
    }

    /// Does what is due now.
    fn go_on(
        &mut self,
        kernel: &Mutex<Kernel>,
        target: &Target,
        slot: u16,
        now: Instant,
    ) -> Result<(), AttachError> {
        match self.schedule.go_on(now) {
            None => {}
            Some(Due::Attach) => {
                let mut kernel = kernel.lock().unwrap_or_else(PoisonError::into_inner);
                let attached = probes(&mut kernel, target, slot);
                match attached {
                    Ok(Some(probes)) => self.probes = Some(probes),
                    Ok(None) => *self = Self::NONE,
                    Err(error) => {
                        self.schedule.refused(now);
                        return Err(error);
                    }
                }
            }
            Some(Due::LetReturn) => {
                if let Some(probes) = &mut self.probes {
                    probes.let_return();
                }
            }
            Some(Due::Detach) => self.probes = None,
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
            Search::NONE
        })
    }

    /// A connection of the library in this slot has a socket that is not known.
    pub(super) fn search_sockets(&mut self, slot: u16) {
        let mut attachments = self.attached.values_mut();
        if let Some(attachment) = attachments.find(|attachment| attachment.slot == slot) {
            attachment.search.schedule.ask(Instant::now());
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
