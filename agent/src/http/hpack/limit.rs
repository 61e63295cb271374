//! How large a table the encoder may ask for: `SETTINGS_HEADER_TABLE_SIZE`, RFC 9113, section 6.5.2.

use std::collections::VecDeque;

/// The size of a table before anybody speaks: RFC 9113, section 6.5.2.
pub(super) const INITIAL: u32 = 4096;
/// SETTINGS frames that may wait for their acknowledgement before the limit is given up.
const WAITING: usize = 16;

/// The limit that the peer of the encoder set.
///
/// It binds the encoder once it has acknowledged. Until then old and new limit may both be in force, and the
/// larger counts here: a limit that is too lenient overlooks a protocol error, one that is too strict would throw
/// a good table away.
pub(super) enum Limit {
    /// A SETTINGS frame or an acknowledgement may have been missed.
    Unknown,
    /// All were seen.
    Known {
        /// What the encoder acknowledged last.
        acknowledged: u32,
        /// SETTINGS frames not yet acknowledged, with their limit if they had one.
        announced: VecDeque<Option<u32>>,
    },
}

impl Limit {
    /// The limit of a new connection.
    pub(super) const fn new() -> Self {
        Self::Known {
            acknowledged: INITIAL,
            announced: VecDeque::new(),
        }
    }

    /// The peer of the encoder sent SETTINGS.
    pub(super) fn announce(&mut self, limit: Option<u32>) {
        if let Self::Known { announced, .. } = self {
            if announced.len() == WAITING {
                *self = Self::Unknown;
            } else {
                announced.push_back(limit);
            }
        }
    }

    /// The encoder acknowledged the oldest SETTINGS.
    pub(super) fn acknowledge(&mut self) {
        if let Self::Known {
            acknowledged,
            announced,
        } = self
            && let Some(Some(limit)) = announced.pop_front()
        {
            *acknowledged = limit;
        }
    }

    /// Whether the encoder may set its table to `size`.
    pub(super) fn allows(&self, size: u32) -> bool {
        match self {
            Self::Unknown => true,
            Self::Known {
                acknowledged,
                announced,
            } => size <= *acknowledged || announced.iter().flatten().any(|&limit| size <= limit),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_larger_limit_counts_from_its_announcement() {
        let mut limit = Limit::new();
        assert!(!limit.allows(4097));
        limit.announce(Some(65_536));
        assert!(limit.allows(65_536));
    }

    #[test]
    fn a_smaller_limit_counts_from_its_acknowledgement() {
        let mut limit = Limit::new();
        limit.announce(None);
        limit.announce(Some(100));
        limit.acknowledge();
        assert!(limit.allows(4096));
        limit.acknowledge();
        assert!(!limit.allows(101));
        assert!(limit.allows(100));
    }

    #[test]
    fn settings_without_end_cost_no_memory() {
        let mut limit = Limit::new();
        for _ in 0..=WAITING {
            limit.announce(None);
        }
        assert!(matches!(limit, Limit::Unknown));
    }
}
