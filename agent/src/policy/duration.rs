//! Durations as people write them: `30s`, `5m`, `1h30m`, `7d`.

use std::time::Duration;

/// Units, from the largest, each with its milliseconds. A month has no length of its own, and `m` is a minute.
const UNITS: [(&str, u64); 5] = [
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1000),
    ("ms", 1),
];

/// The duration that `text` says: whole numbers with units, each unit smaller than the one before. `None` if it is
/// none, or exceeds 2⁶⁴ milliseconds.
pub(super) fn parse(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut units = UNITS.as_slice();
    let mut total: u64 = 0;
    loop {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, tail) = rest.split_at(digits);
        let letters = tail.bytes().take_while(u8::is_ascii_alphabetic).count();
        let (unit, tail) = tail.split_at(letters);
        let index = units.iter().position(|(name, _)| *name == unit)?;
        let part = number.parse::<u64>().ok()?.checked_mul(units[index].1)?;
        total = total.checked_add(part)?;
        units = &units[index + 1..];
        rest = tail;
        if rest.is_empty() {
            return Some(Duration::from_millis(total));
        }
    }
}

/// `duration` in the largest unit that says it exactly; what is below a millisecond is dropped.
pub(super) fn text(duration: Duration) -> String {
    let milliseconds = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    if milliseconds == 0 {
        return "0s".to_owned();
    }
    let exact = UNITS.iter().find(|(_, unit)| milliseconds.is_multiple_of(*unit));
    let (name, unit) = exact.unwrap_or(&UNITS[4]);
    format!("{}{name}", milliseconds / unit)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::seconds("30s", 30_000)]
    #[case::minutes("5m", 300_000)]
    #[case::hours("24h", 86_400_000)]
    #[case::days("7d", 604_800_000)]
    #[case::milliseconds("250ms", 250)]
    #[case::several("1h30m", 5_400_000)]
    #[case::all("1d2h3m4s5ms", 93_784_005)]
    #[case::nothing("0s", 0)]
    fn durations_are_read(#[case] text: &str, #[case] milliseconds: u64) {
        assert_eq!(parse(text), Some(Duration::from_millis(milliseconds)));
    }

    #[rstest]
    #[case::empty("")]
    #[case::number_alone("30")]
    #[case::unit_alone("s")]
    #[case::space("30 s")]
    #[case::negative("-30s")]
    #[case::fraction("1.5h")]
    #[case::unknown_unit("2w")]
    #[case::upper_case("5M")]
    #[case::number_at_the_end("1h30")]
    #[case::ascending("30m1h")]
    #[case::twice("1m1m")]
    #[case::too_large("99999999999999999999s")]
    #[case::too_large_together("18446744073709551615ms1ms")]
    #[case::word("forever")]
    #[case::other_letters("5µs")]
    fn what_is_no_duration_is_none(#[case] text: &str) {
        assert_eq!(parse(text), None);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(milliseconds in any::<u64>()) {
            let duration = Duration::from_millis(milliseconds);
            prop_assert_eq!(parse(&text(duration)), Some(duration));
        }

        #[test]
        fn reading_never_panics(text in "\\PC{0,12}|[0-9a-z]{0,24}") {
            let _ = parse(&text);
        }
    }
}
