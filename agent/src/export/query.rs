//! What a reader of the store asks for.

use serde::{Deserialize, Serialize};

use super::store::{Connection, Line};
use super::{timestamp, view};
use crate::connection::Role;
use crate::observer::Judged;

/// How many items an answer has unless the reader says otherwise.
pub const DEFAULT_LIMIT: usize = 100;

/// Limit and filters. A filter that is set keeps only items whose value is known and equal, without regard
/// to ASCII case.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Query {
    /// At most this many items, the newest.
    pub limit: usize,
    /// Name of the verdict.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verdict: Option<String>,
    /// Class of the verdict.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// `server` or `client`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// Effective authority; of a connection, any that was seen on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authority: Option<String>,
    /// Server name of the ClientHello.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sni: Option<String>,
    /// Only items with a greater id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<u64>,
    /// Only items from this time on, nanoseconds since the Unix epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since_time: Option<u64>,
    /// Only the item with this id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<u64>,
}

impl Default for Query {
    fn default() -> Self {
        Self {
            limit: DEFAULT_LIMIT,
            verdict: None,
            class: None,
            role: None,
            authority: None,
            sni: None,
            since: None,
            since_time: None,
            id: None,
        }
    }
}

impl Query {
    /// Names of the filters that are set, as the control protocol spells them.
    pub fn filters(&self) -> Vec<&'static str> {
        let filters = [
            ("verdict", self.verdict.is_some()),
            ("class", self.class.is_some()),
            ("role", self.role.is_some()),
            ("authority", self.authority.is_some()),
            ("sni", self.sni.is_some()),
            ("since", self.since.is_some()),
            ("since_time", self.since_time.is_some()),
            ("id", self.id.is_some()),
        ];
        filters
            .into_iter()
            .filter_map(|(name, set)| set.then_some(name))
            .collect()
    }

    pub(super) fn keeps_exchange(&self, judged: &Judged) -> bool {
        self.since.is_none_or(|since| judged.id > since)
            && self.since_time.is_none_or(|since| judged.time >= since)
            && keeps(self.verdict.as_ref(), Some(judged.verdict.as_str()))
            && keeps(self.class.as_ref(), Some(judged.class().as_str()))
            && keeps(self.role.as_ref(), Some(judged.role().as_str()))
            && keeps(self.authority.as_ref(), judged.authority.as_deref())
            && keeps(self.sni.as_ref(), judged.sni())
    }

    /// As [`Self::keeps_exchange`], of one that an earlier run wrote down.
    pub(super) fn keeps_view(&self, exchange: &view::Exchange) -> bool {
        // Times are written with a fixed number of digits, so their order is that of the letters.
        let from = self.since_time.map(timestamp::from_nanoseconds);
        self.since.is_none_or(|since| exchange.id > since)
            && from.is_none_or(|from| exchange.time >= from)
            && keeps(self.verdict.as_ref(), Some(&exchange.verdict))
            && keeps(self.class.as_ref(), Some(&exchange.class))
            && keeps(self.role.as_ref(), exchange.role.as_deref())
            && keeps(self.authority.as_ref(), exchange.authority.as_deref())
            && keeps(self.sni.as_ref(), exchange.sni.as_deref())
    }

    pub(super) fn keeps_connection(&self, connection: &Connection) -> bool {
        let Connection { facts, traffic, .. } = connection;
        self.since.is_none_or(|since| facts.id > since)
            && self.since_time.is_none_or(|since| facts.opened_at >= since)
            && keeps(self.role.as_ref(), facts.role.map(Role::as_str))
            && (self.authority.is_none()
                || traffic
                    .authorities
                    .iter()
                    .any(|authority| keeps(self.authority.as_ref(), Some(authority))))
            && keeps(self.sni.as_ref(), facts.name.as_sent())
    }

    pub(super) fn keeps_listener(&self, listener: &view::Listener) -> bool {
        keeps(self.role.as_ref(), Some(&listener.role)) && keeps(self.sni.as_ref(), listener.name.as_deref())
    }

    pub(super) fn keeps_summary(&self, line: &Line) -> bool {
        keeps(self.verdict.as_ref(), Some(line.verdict()))
            && keeps(self.class.as_ref(), Some(line.class()))
            && keeps(self.role.as_ref(), line.role())
            && ((self.authority.is_none() && self.sni.is_none())
                || line.names.any(|name| {
                    keeps(self.authority.as_ref(), name.authority.as_deref())
                        && keeps(self.sni.as_ref(), name.sni())
                }))
    }
}

/// The answer to a query.
#[derive(Clone, Debug, PartialEq)]
pub struct Page<T> {
    /// What matched, in the order of its kind (newest last where time is the order), no more than the limit.
    pub items: Vec<T>,
    /// How many matched in all.
    pub matched: usize,
}

impl<T: Clone> Page<T> {
    /// Copies the last `limit` of `matching`, which runs from the oldest to the newest.
    pub(super) fn newest<'a>(matching: impl DoubleEndedIterator<Item = &'a T>, limit: usize) -> Self
    where
        T: 'a,
    {
        let mut items = Vec::new();
        let mut matched = 0;
        for item in matching.rev() {
            matched += 1;
            if items.len() < limit {
                items.push(item.clone());
            }
        }
        items.reverse();
        Self { items, matched }
    }
}

fn keeps(wanted: Option<&String>, value: Option<&str>) -> bool {
    wanted.is_none_or(|wanted| value.is_some_and(|value| value.eq_ignore_ascii_case(wanted)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_never_matches_an_unknown_value() {
        let wanted = "a.example".to_owned();
        assert!(keeps(None, None));
        assert!(!keeps(Some(&wanted), None));
        assert!(keeps(Some(&wanted), Some("A.example")));
        assert!(!keeps(Some(&wanted), Some("b.example")));
    }

    #[test]
    fn a_page_is_the_newest_end() {
        let page = Page::newest([1, 2, 3].iter(), 2);
        assert_eq!(page.items, [2, 3]);
        assert_eq!(page.matched, 3);
    }

    #[test]
    fn filters_that_are_set_are_named() {
        let query = Query {
            sni: Some("a.example".to_owned()),
            since: Some(3),
            ..Query::default()
        };
        assert_eq!(query.filters(), ["sni", "since"]);
    }
}
