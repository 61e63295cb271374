//! What a misspelt word may have meant.

use std::collections::VecDeque;

/// Longer words are no slips of the pen.
const LONGEST: usize = 64;

/// The one of `known` that is most like `word`, if one is like it: at most a third of its letters differ.
pub(super) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if word.len() > LONGEST {
        return None;
    }
    let word = word.trim().to_lowercase().replace(['-', ' '], "_");
    let word: Vec<char> = word.chars().collect();
    let distances = known
        .into_iter()
        .map(|known| (distance(&word, &known.chars().collect::<Vec<_>>()), known));
    let (distance, nearest) = distances.min_by_key(|(distance, _)| *distance)?;
    (distance <= (nearest.len() / 3).max(1)).then_some(nearest)
}

/// How many letters have to be put in, left out, changed, or swapped with their neighbour, to make one of the other.
fn distance(one: &[char], other: &[char]) -> usize {
    // Rows of the matrix for the letters of `one` so far; only the last three are looked at.
    let mut rows: VecDeque<Vec<usize>> = VecDeque::from([(0..=other.len()).collect()]);
    for (i, letter) in one.iter().enumerate() {
        let above = rows.back().expect("there is a first row");
        let mut row = vec![i + 1];
        for (j, wanted) in other.iter().enumerate() {
            let changed = above[j] + usize::from(letter != wanted);
            let mut least = changed.min(above[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && one[i - 1] == *wanted && *letter == other[j - 1] && rows.len() > 1 {
                least = least.min(rows[rows.len() - 2][j - 1] + 1);
            }
            row.push(least);
        }
        rows.push_back(row);
        if rows.len() > 2 {
            rows.pop_front();
        }
    }
    rows.back().map_or(0, |row| row[other.len()])
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const KNOWN: [&str; 5] = ["threshold", "window", "severity", "for", "per"];

    #[rstest]
    #[case::letter_left_out("treshold", Some("threshold"))]
    #[case::letters_swapped("widnow", Some("window"))]
    #[case::letter_changed("severety", Some("severity"))]
    #[case::letter_too_many("windows", Some("window"))]
    #[case::upper_case("Window", Some("window"))]
    #[case::another_word("labels", None)]
    #[case::empty("", None)]
    fn slips_are_recognised(#[case] word: &str, #[case] expected: Option<&str>) {
        assert_eq!(nearest(word, KNOWN), expected);
    }

    #[rstest]
    #[case::equal("abc", "abc", 0)]
    #[case::swapped("abcd", "acbd", 1)]
    #[case::swapped_at_the_end("severity", "severiyt", 1)]
    #[case::nothing("", "abc", 3)]
    #[case::everything("abc", "xyz", 3)]
    fn distances_are_counted(#[case] one: &str, #[case] other: &str, #[case] expected: usize) {
        let letters = |word: &str| word.chars().collect::<Vec<_>>();
        assert_eq!(distance(&letters(one), &letters(other)), expected);
        assert_eq!(distance(&letters(other), &letters(one)), expected);
    }

    #[test]
    fn dashes_are_underscores() {
        assert_eq!(
            nearest("trusted-gateways", ["trusted_gateway"]),
            Some("trusted_gateway")
        );
    }
}
