//! What follows from the trials of functions that were found by what their code does.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ebpf::layout::{Layout, ON_TRIAL, PROMOTED};
use rustix::time::ClockId;

use super::{Attachment, CONTRADICTED, Discovery, OFFSETS_CONTRADICTED, STAGE, UNCONFIRMED};
use crate::code::Program;
use crate::live::nanoseconds;
use crate::target::calibration::{Opened, Outcome};
use crate::target::stripped::{Contradiction, State, Step};
use crate::target::{FileId, Proof, Target};

/// When a trial is begun anew that came to nothing: traffic changes.
const RETRY: Duration = Duration::from_mins(10);

impl Discovery {
    /// Why the functions of a target are not to be tried again.
    pub(super) fn contradiction(&self, target: &Target) -> Option<Contradiction> {
        match &target.proof {
            Proof::Code(code) => self.trials.contradiction(code),
            Proof::Named | Proof::Unproven(_) => None,
        }
    }

    /// The slot of a program on trial that a process ran which crashed.
    pub(super) fn slot_on_trial(&self, pid: u32) -> Option<u16> {
        let process = self.scanner.known(pid)?;
        let mut attachments = process.targets.iter().filter_map(|id| self.attached.get(id));
        let is_on_trial = |attachment: &&Attachment| {
            let state = self.trials.state(attachment.slot);
            matches!(state, Some(State::Calibrating | State::Shadow))
        };
        let attachment = attachments.find(is_on_trial)?;
        Some(attachment.slot)
    }

    /// Decides what waited for nothing but time.
    pub(super) fn decide_trials(&mut self) {
        for (slot, step) in self.trials.tick(nanoseconds(ClockId::Boottime)) {
            self.take(slot, step);
        }
    }

    /// Does what a trial demands.
    pub(super) fn take(&mut self, slot: u16, step: Step) {
        self.follow(slot, step);
        self.report();
    }

    fn follow(&mut self, slot: u16, step: Step) {
        let mut attachments = self.attached.iter();
        let Some((id, attachment)) = attachments.find(|(_, attachment)| attachment.slot == slot) else {
            return;
        };
        let (id, target) = (*id, Arc::clone(&attachment.target));
        let program = target.path.display();
        let (proof, place) = match step {
            Step::Shadow(place) => {
                tracing::info!(%program, ?place, "its client random was found: comparing");
                (ON_TRIAL, place)
            }
            Step::Promote(place) => {
                tracing::info!(%program, "its functions are what they were taken for: observing");
                (PROMOTED, place)
            }
            Step::Refuse(contradiction) => return self.give_up(id, &target, contradiction),
        };
        let layout = Layout {
            client_random: place.in_layout(),
            proof,
            ..target.layout
        };
        let set = self.kernel().set_layout(slot, layout);
        if let Err(error) = set {
            tracing::warn!(%program, %error, "cannot go on with its trial");
            self.detach(id);
            self.refused.insert(id, error.to_string());
        }
    }

    /// Checks offsets by a connection.
    pub(super) fn check(&mut self, slot: u16, opened: &Opened) {
        let outcome = self.trials.opened(slot, opened);
        let mut attachments = self.attached.iter();
        let Some((id, attachment)) = attachments.find(|(_, attachment)| attachment.slot == slot) else {
            return;
        };
        let id = *id;
        let library = attachment.target.path.display();
        match outcome {
            None => {}
            Some(Outcome::Agrees) => {
                tracing::debug!(%library, "connections have their client random where its accessor says");
            }
            Some(Outcome::Contradicts(place)) => {
                tracing::warn!(
                    %library, ?place,
                    "connections have their client random there, not where its accessor says: nothing of it is observed"
                );
                self.shared.metrics().loss(STAGE, OFFSETS_CONTRADICTED, 1);
                self.detach(id);
                self.misplaced.insert(id);
                self.report();
            }
        }
    }

    /// Takes the probes away: for good, or until the trial is begun anew.
    fn give_up(&mut self, id: FileId, target: &Target, contradiction: Contradiction) {
        let Proof::Code(code) = &target.proof else { return };
        let program = target.path.display();
        let reason = contradiction.as_str();
        if !self.trials.condemns(code, contradiction) {
            tracing::warn!(%program, reason, "its functions were not confirmed: nothing of it is observed");
            self.shared.metrics().loss(STAGE, UNCONFIRMED, 1);
            self.detach(id);
            // What crashed is left alone.
            let retry = (contradiction != Contradiction::Crash).then(|| Instant::now() + RETRY);
            self.unconfirmed.insert(id, (contradiction, retry));
            return;
        }
        tracing::warn!(
            %program, reason,
            "its functions are not what they were taken for: nothing of it is observed"
        );
        self.shared.metrics().loss(STAGE, CONTRADICTED, 1);
        match Program::read(Arc::clone(&target.file)) {
            Ok(program) => self.trials.refuse(code, contradiction, &program),
            // The file is open: its headers were read before.
            Err(error) => {
                self.refused.insert(id, error.to_string());
            }
        }
        // There may be copies.
        let is_same = |attachment: &Attachment| match &attachment.target.proof {
            Proof::Code(other) => other.fingerprint == code.fingerprint,
            Proof::Named | Proof::Unproven(_) => false,
        };
        let same = self.attached.iter().filter(|(_, attachment)| is_same(attachment));
        let same: Vec<FileId> = same.map(|(id, _)| *id).collect();
        for id in same {
            self.detach(id);
        }
    }

    /// Lets trials begin anew whose time has come; forgets files that nobody uses.
    pub(super) fn retry_trials(&mut self, used: &HashSet<FileId>) {
        let now = Instant::now();
        self.unconfirmed
            .retain(|id, (_, retry)| used.contains(id) && retry.is_none_or(|retry| now < retry));
    }
}
