//! What was seen but could not be kept or understood, counted by reason.

/// The loss stage of this part of the agent.
pub const STAGE: &str = "http";

/// Why something of an HTTP conversation was lost. Labels of `wrongway_losses_total{stage="http"}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Loss {
    /// Records of a direction were lost before they came here.
    Gap,
    /// A piece continued a head or frame whose start was not seen.
    Orphan,
    /// A head or frame broke off.
    Truncated,
    /// A head, frame or header block was longer than is kept.
    TooLong,
    /// HTTP/1 and HTTP/2 on one connection.
    MixedProtocols,
    /// A head of HTTP/1, or the fields of one of HTTP/2, broke the rules of its grammar.
    MalformedHead,
    /// An HTTP/2 frame broke the rules of its type.
    MalformedFrame,
    /// A header block broke the rules of HPACK.
    MalformedBlock,
    /// The authority, method or status stood in a dynamic entry that was not seen.
    UnknownField,
    /// More `Host` fields than are kept, or a value longer than is kept.
    TooLarge,
    /// A response came whose request was not seen.
    StrayResponse,
    /// A response came that could belong to several requests.
    AmbiguousResponse,
    /// More requests were waiting for their response than are kept.
    TooManyRequests,
    /// An exchange came before it was certain that its connection, entered in the middle, was entered at a frame.
    Unproven,
    /// What was taken for frames of a connection that was entered in the middle is something else.
    Misjudged,
}

impl Loss {
    /// Every reason.
    pub const ALL: [Self; 15] = [
        Self::Gap,
        Self::Orphan,
        Self::Truncated,
        Self::TooLong,
        Self::MixedProtocols,
        Self::MalformedHead,
        Self::MalformedFrame,
        Self::MalformedBlock,
        Self::UnknownField,
        Self::TooLarge,
        Self::StrayResponse,
        Self::AmbiguousResponse,
        Self::TooManyRequests,
        Self::Unproven,
        Self::Misjudged,
    ];

    /// The metric label.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gap => "gap",
            Self::Orphan => "orphan",
            Self::Truncated => "truncated",
            Self::TooLong => "too_long",
            Self::MixedProtocols => "mixed_protocols",
            Self::MalformedHead => "malformed_head",
            Self::MalformedFrame => "malformed_frame",
            Self::MalformedBlock => "malformed_block",
            Self::UnknownField => "unknown_field",
            Self::TooLarge => "too_large",
            Self::StrayResponse => "stray_response",
            Self::AmbiguousResponse => "ambiguous_response",
            Self::TooManyRequests => "too_many_requests",
            Self::Unproven => "unproven",
            Self::Misjudged => "misjudged",
        }
    }
}

/// How often each reason occurred.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Losses([u64; Loss::ALL.len()]);

impl Losses {
    /// How often this one occurred.
    pub const fn count(&self, loss: Loss) -> u64 {
        self.0[loss as usize]
    }

    /// The reasons that occurred, with their counts.
    pub fn iter(&self) -> impl Iterator<Item = (Loss, u64)> {
        Loss::ALL.into_iter().zip(self.0).filter(|&(_, count)| count > 0)
    }

    /// Whether nothing was lost.
    pub fn is_empty(&self) -> bool {
        self.0 == [0; Loss::ALL.len()]
    }

    pub(super) const fn add(&mut self, loss: Loss) {
        self.0[loss as usize] += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_a_slot_of_its_own() {
        for (index, loss) in Loss::ALL.into_iter().enumerate() {
            assert_eq!(loss as usize, index, "{}", loss.as_str());
        }
    }

    #[test]
    fn iterates_over_what_occurred() {
        let mut losses = Losses::default();
        assert!(losses.is_empty());
        losses.add(Loss::Gap);
        losses.add(Loss::Gap);
        assert_eq!(losses.iter().collect::<Vec<_>>(), [(Loss::Gap, 2)]);
    }
}
