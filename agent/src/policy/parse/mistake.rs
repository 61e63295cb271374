//! Mistakes of a file, with their places.

use std::cmp::Ordering;
use std::fmt;
use std::ops::Range;

use serde::Serialize;

/// A mistake in a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Mistake {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// The key, as `alert[1].window`; lists count from 0. `None`: the text cannot be read as TOML here.
    pub key: Option<String>,
    /// What was found, and what was expected.
    pub message: String,
    /// The bytes that are wrong.
    #[serde(skip)]
    pub span: Range<usize>,
}

impl Mistake {
    /// Where it is, without what stands there: that may be a name that nobody should read.
    pub fn place(&self) -> String {
        let Self {
            line, column, key, ..
        } = self;
        match key {
            Some(key) => format!("{line}:{column}: {key}"),
            None => format!("{line}:{column}"),
        }
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.place(), self.message)
    }
}

/// All mistakes of a file, in its order; at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistakes {
    /// The first of them, at most [`Self::MOST`].
    pub first: Vec<Mistake>,
    /// How many there are beyond those.
    pub more: usize,
}

impl Mistakes {
    /// So many are told; whoever has more has one cause.
    pub const MOST: usize = 200;

    /// How many there are.
    pub fn count(&self) -> usize {
        self.first.len() + self.more
    }

    /// One, before anything of the file is known.
    pub fn one(message: String) -> Self {
        let mistake = Mistake {
            line: 1,
            column: 1,
            key: None,
            message,
            span: 0..0,
        };
        Self {
            first: vec![mistake],
            more: 0,
        }
    }
}

/// Collects mistakes while a file is read.
pub(super) struct Report<'a> {
    text: &'a str,
    /// Where each line starts.
    lines: Vec<usize>,
    mistakes: Vec<(Kind, Mistake)>,
}

/// What is left of a mistake where the text around it is no TOML.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    /// The text is no TOML.
    Syntax,
    /// What is there is wrong. In a line that could not be read, that is no wonder.
    Present,
    /// Something is not there. It may stand where the text could not be read.
    Absent,
}

impl<'a> Report<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        Self {
            text,
            lines: [0].into_iter().chain(ends.map(|(index, _)| index + 1)).collect(),
            mistakes: Vec::new(),
        }
    }

    /// The text cannot be read at `span`.
    pub(super) fn syntax(&mut self, span: Option<Range<usize>>, message: String) {
        let span = span.unwrap_or(self.text.len()..self.text.len());
        self.add(Kind::Syntax, None, span, message);
    }

    /// What is at `span` is wrong.
    pub(super) fn wrong(&mut self, key: &str, span: Range<usize>, message: String) {
        self.add(Kind::Present, Some(key.to_owned()), span, message);
    }

    /// Something is missing at `span`.
    pub(super) fn missing(&mut self, key: &str, span: Range<usize>, message: String) {
        self.add(Kind::Absent, Some(key.to_owned()), span, message);
    }

    /// The line, from 1, of a byte.
    pub(super) fn line(&self, offset: usize) -> usize {
        self.lines.partition_point(|start| *start <= offset)
    }

    /// The line of a byte, without its end.
    pub(super) fn line_at(&self, offset: usize) -> Range<usize> {
        let line = self.line(offset);
        let start = self.lines[line - 1];
        let end = self.lines.get(line).map_or(self.text.len(), |next| next - 1);
        start..start + self.text[start..end].trim_end_matches('\r').len()
    }

    /// What the text says at `span`.
    pub(super) fn text_at(&self, span: &Range<usize>) -> &'a str {
        self.text.get(span.clone()).unwrap_or_default()
    }

    fn add(&mut self, kind: Kind, key: Option<String>, span: Range<usize>, message: String) {
        let start = self.text.floor_char_boundary(span.start);
        let line = self.line(start);
        let before = &self.text[self.lines[line - 1]..start];
        let mistake = Mistake {
            line,
            column: before.chars().count() + 1,
            key,
            message,
            span: start..span.end.clamp(start, self.text.len()),
        };
        self.mistakes.push((kind, mistake));
    }

    /// What was found: nothing, or mistakes in the order of the file.
    pub(super) fn finish(self) -> Result<(), Mistakes> {
        let mut mistakes = self.mistakes;
        mistakes.sort_by(|(one_kind, one), (other_kind, other)| {
            match one.span.start.cmp(&other.span.start) {
                Ordering::Equal => one_kind.cmp(other_kind),
                order => order,
            }
        });
        let mut unreadable: Vec<usize> = Vec::new();
        for (kind, mistake) in &mistakes {
            if *kind == Kind::Syntax {
                unreadable.push(mistake.line);
            }
        }
        let mut told = 0;
        mistakes.retain(|(kind, mistake)| match kind {
            // After the first error in a line, the parser has lost its way there.
            Kind::Syntax => std::mem::replace(&mut told, mistake.line) != mistake.line,
            Kind::Present => unreadable.binary_search(&mistake.line).is_err(),
            Kind::Absent => unreadable.is_empty(),
        });
        if mistakes.is_empty() {
            return Ok(());
        }
        let more = mistakes.len().saturating_sub(Mistakes::MOST);
        let told = mistakes.into_iter().take(Mistakes::MOST);
        Err(Mistakes {
            first: told.map(|(_, mistake)| mistake).collect(),
            more,
        })
    }
}
