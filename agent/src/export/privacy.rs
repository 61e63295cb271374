//! Names that the policy keeps quiet about, taken out of what is shown.
//!
//! It is done at the way out, once for every way: what is judged and learned needs the names as they are.

use std::borrow::Cow;

use super::explain::Material;
use super::view::{Connection, Exchange, Listener, SummaryLine};
use crate::policy::Policy;
use crate::verdict::name::normalise;

impl Policy {
    /// Whether nothing has to be taken out.
    fn shows_everything(&self) -> bool {
        self.privacy.hash.is_empty() && self.privacy.ignore.is_empty()
    }

    /// Whether one of these names is never to be listed.
    pub fn hides<'a>(&self, names: impl IntoIterator<Item = Option<&'a str>>) -> bool {
        if self.privacy.ignore.is_empty() {
            return false;
        }
        names
            .into_iter()
            .flatten()
            .filter_map(|name| normalise(name).ok())
            .any(|authority| self.is_ignored(&authority.host))
    }
}

/// Something that names stand in.
pub trait Named: Sized {
    /// It without the names that the policy keeps quiet about; `None` if it is not to be listed at all.
    fn masked(self, policy: &Policy) -> Option<Self>;
}

impl Named for Exchange {
    fn masked(mut self, policy: &Policy) -> Option<Self> {
        if policy.shows_everything() {
            return Some(self);
        }
        if policy.hides([self.authority.as_deref(), self.sni.as_deref()]) {
            return None;
        }
        let names: Vec<String> = self
            .authority
            .iter()
            .chain(&self.sni)
            .chain(&self.connection.prior_authorities)
            .chain(self.certificate.names.iter().flatten())
            .cloned()
            .collect();
        for text in [&mut self.diagnosis, &mut self.remedy] {
            *text = without(policy, &names, text);
        }
        mask(policy, self.authority.as_mut());
        mask(policy, self.sni.as_mut());
        mask(policy, &mut self.connection.prior_authorities);
        mask(policy, self.certificate.names.iter_mut().flatten());
        Some(self)
    }
}

impl Named for Connection {
    fn masked(mut self, policy: &Policy) -> Option<Self> {
        if policy.shows_everything() {
            return Some(self);
        }
        if policy.hides([self.sni.as_deref()]) {
            return None;
        }
        self.authorities
            .retain(|name| !policy.hides([Some(name.as_str())]));
        mask(policy, self.sni.as_mut());
        mask(policy, &mut self.authorities);
        mask(policy, self.certificate.names.iter_mut().flatten());
        if let Some(hello) = &mut self.client_hello {
            mask(policy, hello.sni.as_mut());
        }
        Some(self)
    }
}

impl Named for SummaryLine {
    fn masked(mut self, policy: &Policy) -> Option<Self> {
        if policy.shows_everything() {
            return Some(self);
        }
        // What is not listed is still counted.
        let hidden = self.names.extract_if(.., |name| {
            policy.hides([name.authority.as_deref(), name.sni.as_deref()])
        });
        self.other_names += hidden.map(|name| name.count).sum::<u64>();
        for name in &mut self.names {
            mask(policy, name.sni.as_mut());
            mask(policy, name.authority.as_mut());
        }
        Some(self)
    }
}

impl Named for Listener {
    fn masked(mut self, policy: &Policy) -> Option<Self> {
        if policy.shows_everything() {
            return Some(self);
        }
        if policy.hides([self.name.as_deref()]) {
            return None;
        }
        mask(policy, self.name.as_mut());
        mask(policy, self.certificate_names.iter_mut().flatten());
        Some(self)
    }
}

impl Named for Material {
    fn masked(self, policy: &Policy) -> Option<Self> {
        let neighbours = self.neighbours.into_iter();
        Some(Self {
            exchange: self.exchange.masked(policy)?,
            connection: self.connection.and_then(|connection| connection.masked(policy)),
            neighbours: neighbours
                .filter_map(|neighbour| neighbour.masked(policy))
                .collect(),
            retry: self.retry.and_then(|retry| retry.masked(policy)),
        })
    }
}

fn mask<'a>(policy: &Policy, names: impl IntoIterator<Item = &'a mut String>) {
    for name in names {
        if let Cow::Owned(shown) = policy.shown(name) {
            *name = shown;
        }
    }
}

/// `text` with each of these names as it may be shown, whatever its case there.
fn without(policy: &Policy, names: &[String], text: &str) -> String {
    let mut text = Cow::Borrowed(text);
    for name in names {
        if let Cow::Owned(shown) = policy.shown(name) {
            text = Cow::Owned(replaced(&text, name, &shown));
        }
    }
    text.into_owned()
}

/// `text` with `name`, in any case, replaced. Names are ASCII where they are names.
fn replaced(text: &str, name: &str, shown: &str) -> String {
    let (lower, wanted) = (text.to_ascii_lowercase(), name.to_ascii_lowercase());
    if wanted.is_empty() {
        return text.to_owned();
    }
    let mut result = String::with_capacity(text.len());
    let mut from = 0;
    for (at, _) in lower.match_indices(&wanted) {
        result.push_str(&text[from..at]);
        result.push_str(shown);
        from = at + wanted.len();
    }
    result.push_str(&text[from..]);
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::present;
    use crate::export::testing::exchange;
    use crate::policy::testing::parsed;
    use crate::verdict::Verdict;

    fn shown(policy: &str) -> Option<Exchange> {
        present::judged(&exchange(1, Verdict::Split421)).masked(&parsed(policy))
    }

    #[test]
    fn an_empty_policy_changes_nothing() {
        assert_eq!(shown(""), Some(present::judged(&exchange(1, Verdict::Split421))));
    }

    #[test]
    fn hashed_names_stand_nowhere() {
        let exchange = shown("[privacy]\nhash = [\"b.example\"]").unwrap();
        let text = serde_json::to_string(&exchange).unwrap();
        assert!(!text.contains("b.example"), "{text}");
        assert!(exchange.authority.unwrap().starts_with("h:"), "{text}");
        assert_eq!(
            exchange.sni.as_deref(),
            Some("a.example"),
            "only what is to be hashed is"
        );
    }

    #[test]
    fn ignored_names_are_not_listed() {
        assert_eq!(shown("[privacy]\nignore = [\"b.example\"]"), None);
        assert!(shown("[privacy]\nignore = [\"c.example\"]").is_some());
    }

    #[test]
    fn names_are_replaced_whatever_their_case() {
        assert_eq!(
            replaced("A.example and a.EXAMPLE:443", "a.example", "h:1"),
            "h:1 and h:1:443"
        );
        assert_eq!(replaced("nothing", "", "h:1"), "nothing");
    }
}
