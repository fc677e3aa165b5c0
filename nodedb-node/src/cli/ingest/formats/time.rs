//! Times as data files write them: `2014-05-14 01:14:00.25`, with a blank or a `T` between, and
//! taken for UTC unless they say otherwise.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use nodedb_wal::types::Timestamp;

/// The time `text` gives, if it gives one that fits into 64 bits of nanoseconds.
pub(in crate::cli) fn parse(text: &str) -> Option<Timestamp> {
    let instant = match text.parse::<jiff::Timestamp>() {
        Ok(instant) => instant,
        Err(_) => text
            .parse::<DateTime>()
            .ok()?
            .to_zoned(TimeZone::UTC)
            .ok()?
            .timestamp(),
    };
    let nanos = i64::try_from(instant.as_nanosecond()).ok()?;
    Some(Timestamp::from_nanos(nanos))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_with_and_without_a_zone_are_read() {
        let cases = [
            ("2014-05-14 01:14:00", Some(1_400_030_040_000_000_000)),
            ("2014-05-14T01:14:00", Some(1_400_030_040_000_000_000)),
            ("2014-05-14T01:14:00Z", Some(1_400_030_040_000_000_000)),
            ("2014-05-14T02:14:00+01:00", Some(1_400_030_040_000_000_000)),
            (
                "2014-05-14 01:14:00.000000001",
                Some(1_400_030_040_000_000_001),
            ),
            ("1969-12-31 23:59:59", Some(-1_000_000_000)),
            ("2014-05-14", Some(1_400_025_600_000_000_000)),
            ("3014-05-14 01:14:00", None),
            ("yesterday", None),
            ("", None),
        ];
        for (text, nanos) in cases {
            assert_eq!(parse(text).map(Timestamp::as_nanos), nanos, "{text}");
        }
    }
}
