//! From mapped files to targets: examines what is new, pairs TLS libraries with their certificate code.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;
use std::path::Path;
use std::sync::Arc;

use ebpf::layout::Layout;

use super::cache::{Cache, Content};
use super::maps::Mapping;
use super::open::{FileKey, Located};
use super::search::Search;
use super::{Problem, ProblemKind};
use crate::code::Program;
use crate::target::libraries::below;
use crate::target::stripped::{self, Lineage};
use crate::target::{
    Emulation, Family, Field, FileId, Image, ImageError, Proof, Reached, Reason, Target, accessor, hook,
};

/// What a mapping turned out to be.
#[derive(Clone, Debug)]
pub(super) enum Finding {
    /// Nothing of interest.
    Other,
    /// A target.
    Target(FileId),
    /// Certificate code.
    Crypto,
    /// Its code was not looked at yet.
    Unsearched,
    /// It could not be examined.
    Problem(Problem),
}

/// Findings of one process, by mapping.
pub(super) type Findings = HashMap<Mapping, Finding>;

/// The files of all processes.
#[derive(Debug, Default)]
pub(super) struct Files {
    /// What the kernel emulates.
    pub(super) emulation: Emulation,
    /// Searches what has no symbols.
    pub(super) search: Search,
    cache: Cache,
    targets: BTreeMap<FileId, (FileKey, Arc<Target>)>,
}

impl Files {
    /// A scan of all processes begins.
    pub(super) fn next_round(&mut self) {
        self.cache.next_round();
        self.search.next_round();
    }

    /// It is over.
    pub(super) fn end_round(&mut self) {
        self.search.end_round();
    }

    /// Lets go of the targets that nothing uses.
    pub(super) fn keep_targets(&mut self, used: &BTreeSet<FileId>) {
        self.targets.retain(|id, _| used.contains(id));
    }

    /// The target in this file.
    pub(super) fn target(&self, id: FileId) -> Option<Arc<Target>> {
        self.targets.get(&id).map(|(_, target)| Arc::clone(target))
    }

    /// All targets, by identity.
    pub(super) fn targets(&self) -> Vec<Arc<Target>> {
        self.targets
            .values()
            .map(|(_, target)| Arc::clone(target))
            .collect()
    }

    /// What each mapping of a process is. `before` is what was found the last time.
    pub(super) fn findings(&mut self, process: &Path, mappings: Vec<Mapping>, before: &Findings) -> Findings {
        let mut findings = Findings::new();
        let mut libraries = Vec::new();
        for mapping in mappings {
            let known = before.get(&mapping).filter(|finding| self.stands(finding));
            let finding = match known {
                Some(finding) => finding.clone(),
                None => match self.examine(process, &mapping) {
                    Ok((located, Content::Tls)) => {
                        libraries.push((mapping, located));
                        continue;
                    }
                    Ok((_, Content::Crypto)) => Finding::Crypto,
                    Ok((_, Content::Other)) => Finding::Other,
                    Ok((_, Content::Unsearched)) => Finding::Unsearched,
                    Ok((located, Content::Code(code))) => self.settled(&mapping, &located, Proof::Code(code)),
                    Ok((located, Content::Unproven(refusal))) => {
                        self.settled(&mapping, &located, Proof::Unproven(refusal))
                    }
                    Ok((_, Content::Broken(detail))) => problem(&mapping, ProblemKind::BrokenLibrary, detail),
                    Err(error) => problem(&mapping, ProblemKind::UnreadableLibrary, error.to_string()),
                },
            };
            findings.insert(mapping, finding);
        }
        // Only now is every piece of certificate code known.
        for (mapping, located) in libraries {
            let crypto = |tls: &Image| {
                mapped_crypto(process, &findings, tls)
                    .or_else(|| sibling_crypto(&below(&process.join("root"), &mapping.path), tls))
            };
            let finding = match self.settle(&located, &mapping.path, crypto) {
                Ok(id) => Finding::Target(id),
                Err(error) => problem(&mapping, ProblemKind::UnreadableLibrary, error.to_string()),
            };
            findings.insert(mapping, finding);
        }
        findings
    }

    /// The target in a library file that no process need map.
    pub(super) fn library(&mut self, name: &Path, location: &Path) -> Option<FileId> {
        let located = Located::at(location.to_owned(), Reached::Library).ok()?;
        match self.content(&located).ok()? {
            Content::Tls => self
                .settle(&located, name, |tls| sibling_crypto(location, tls))
                .ok(),
            Content::Code(code) => self.settle_code(&located, name, Proof::Code(code)).ok(),
            Content::Unproven(refusal) => self.settle_code(&located, name, Proof::Unproven(refusal)).ok(),
            Content::Other | Content::Crypto | Content::Broken(_) | Content::Unsearched => None,
        }
    }

    /// Whether an earlier finding can be used again.
    fn stands(&self, finding: &Finding) -> bool {
        match finding {
            Finding::Other | Finding::Crypto => true,
            Finding::Target(id) => self.targets.contains_key(id),
            Finding::Problem(_) | Finding::Unsearched => false,
        }
    }

    fn examine(&mut self, process: &Path, mapping: &Mapping) -> io::Result<(Located, Content)> {
        let located = Located::mapped(process, mapping)?;
        let content = self.content(&located)?;
        Ok((located, content))
    }

    /// What a file is. Only what cannot change without a change of its key is remembered.
    fn content(&mut self, located: &Located) -> io::Result<Content> {
        match self.cache.get(&located.key) {
            Some(Content::Unsearched) if self.search.may() => {}
            Some(content) => return Ok(content),
            None => {}
        }
        let content = match Image::read(located.open()?) {
            Ok(image) if image.is_tls() && Family::of(&image) == Family::OpenSsl => Content::Tls,
            Ok(image) if !image.is_tls() && image.is_crypto() => Content::Crypto,
            Ok(image) => {
                if self.search.may() {
                    match self.search.look(Arc::clone(image.file())) {
                        // Its functions have names, if nothing else.
                        Content::Other | Content::Unproven(_) if image.is_tls() => Content::Tls,
                        content => content,
                    }
                } else {
                    Content::Unsearched
                }
            }
            Err(ImageError::NotElf) => Content::Other,
            Err(ImageError::Unreadable(error)) => return Err(io::Error::other(error)),
            Err(error @ (ImageError::Broken(_) | ImageError::TooLarge { .. })) => {
                Content::Broken(error.to_string())
            }
        };
        self.cache.insert(located.key, content.clone());
        Ok(content)
    }

    /// Makes the target of a TLS library, unless there is one already.
    fn settle(
        &mut self,
        located: &Located,
        name: &Path,
        crypto: impl FnOnce(&Image) -> Option<Image>,
    ) -> io::Result<FileId> {
        let id = located.key.id;
        if self.targets.get(&id).is_some_and(|(key, _)| *key == located.key) {
            return Ok(id);
        }
        let file = located.open()?;
        let tls = Image::read(Arc::clone(&file)).map_err(io::Error::other)?;
        let other = if tls.is_crypto() { None } else { crypto(&tls) };
        let crypto = if tls.is_crypto() {
            Some(&tls)
        } else {
            other.as_ref()
        };
        let derivation = accessor::layout(&tls, crypto);
        let family = Family::of(&tls);
        let target = Target {
            id,
            path: name.to_owned(),
            file,
            reached: located.reached.clone(),
            family,
            proof: Proof::Named,
            version: crypto
                .filter(|_| family == Family::OpenSsl)
                .and_then(accessor::version),
            hooks: hook::hooks_with(&tls, &self.emulation),
            layout: derivation.layout,
            missing: derivation.missing,
        };
        self.targets.insert(id, (located.key, Arc::new(target)));
        Ok(id)
    }

    fn settled(&mut self, mapping: &Mapping, located: &Located, proof: Proof) -> Finding {
        match self.settle_code(located, &mapping.path, proof) {
            Ok(id) => Finding::Target(id),
            Err(error) => problem(mapping, ProblemKind::UnreadableLibrary, error.to_string()),
        }
    }

    /// Makes the target of a program whose functions no symbol names, unless there is one already.
    fn settle_code(&mut self, located: &Located, name: &Path, proof: Proof) -> io::Result<FileId> {
        let id = located.key.id;
        if self.targets.get(&id).is_some_and(|(key, _)| *key == located.key) {
            return Ok(id);
        }
        let file = located.open()?;
        let (family, hooks) = match &proof {
            Proof::Code(code) => {
                let program = Program::read(Arc::clone(&file)).map_err(io::Error::other)?;
                let family = match code.found.lineage {
                    Lineage::OpenSsl11 | Lineage::OpenSsl3 => Family::OpenSsl,
                    Lineage::BoringSsl => Family::BoringSsl,
                };
                (family, stripped::hooks(&program, &code.found, &self.emulation))
            }
            Proof::Named | Proof::Unproven(_) => (Family::Unrecognised, Vec::new()),
        };
        let missing = Field::ALL
            .into_iter()
            .filter(|field| *field != Field::ClientRandom);
        let target = Target {
            id,
            path: name.to_owned(),
            file,
            reached: located.reached.clone(),
            family,
            proof,
            version: None,
            hooks,
            layout: Layout::NOTHING,
            missing: missing.map(|field| (field, Reason::Stripped)).collect(),
        };
        self.targets.insert(id, (located.key, Arc::new(target)));
        Ok(id)
    }
}

/// The certificate code that the process has mapped for a TLS library: the one that it names. Two of one
/// name are nobody's.
fn mapped_crypto(process: &Path, findings: &Findings, tls: &Image) -> Option<Image> {
    let mapped = findings
        .iter()
        .filter(|(_, finding)| matches!(finding, Finding::Crypto));
    let mut fitting = mapped.filter_map(|(mapping, _)| {
        let image = Image::read(Located::mapped(process, mapping).ok()?.open().ok()?).ok()?;
        let file_name = String::from_utf8_lossy(mapping.file_name());
        let name = image.soname().unwrap_or(&file_name);
        tls.needed().iter().any(|needed| needed == name).then_some(image)
    });
    let first = fitting.next()?;
    fitting.next().is_none().then_some(first)
}

/// The certificate code that lies beside a TLS library, for when no process has mapped it yet.
fn sibling_crypto(library: &Path, tls: &Image) -> Option<Image> {
    let directory = library.parent()?;
    let beside = tls.needed().iter().filter(|name| !name.contains('/'));
    beside
        .filter_map(|name| {
            Located::at(directory.join(name), Reached::Library)
                .ok()?
                .open()
                .ok()
        })
        .filter_map(|file| Image::read(file).ok())
        .find(Image::is_crypto)
}

fn problem(mapping: &Mapping, kind: ProblemKind, detail: String) -> Finding {
    Finding::Problem(Problem {
        path: Some(mapping.path.clone()),
        kind,
        detail,
    })
}
