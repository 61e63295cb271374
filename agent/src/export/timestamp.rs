//! Times as the contract writes them: RFC 3339, UTC, with microseconds.

use std::time::{SystemTime, UNIX_EPOCH};

use time::OffsetDateTime;

/// `time` as RFC 3339 in UTC with microseconds. A clock set before 1970 reads as 1970.
pub fn rfc3339(time: SystemTime) -> String {
    let since_epoch = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    from_nanoseconds(u64::try_from(since_epoch.as_nanos()).unwrap_or(u64::MAX))
}

/// Nanoseconds since the epoch, at most those of the year 2554, as RFC 3339 in UTC with microseconds.
pub fn from_nanoseconds(nanoseconds: u64) -> String {
    let time = OffsetDateTime::from_unix_timestamp_nanos(i128::from(nanoseconds))
        .expect("64 bits of nanoseconds end in the year 2554");
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z",
        time.year(),
        u8::from(time.month()),
        time.day(),
        time.hour(),
        time.minute(),
        time.second(),
        time.microsecond(),
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn writes_microseconds_in_utc() {
        assert_eq!(from_nanoseconds(0), "1970-01-01T00:00:00.000000Z");
        assert_eq!(
            from_nanoseconds(1_709_210_096_007_008_999),
            "2024-02-29T12:34:56.007008Z"
        );
        assert_eq!(from_nanoseconds(u64::MAX), "2554-07-21T23:34:33.709551Z");
    }

    #[test]
    fn a_clock_outside_the_range_is_clamped() {
        let before = UNIX_EPOCH - Duration::from_secs(1);
        assert_eq!(rfc3339(before), "1970-01-01T00:00:00.000000Z");
        let after = UNIX_EPOCH + Duration::from_secs(40_000_000_000);
        assert_eq!(rfc3339(after), "2554-07-21T23:34:33.709551Z");
    }
}
