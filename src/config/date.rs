//! Points in time, as the files that explant reads write them. No time zone but the one that stands there, else UTC.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::fmt::rfc2822;
use jiff::tz::TimeZone;

/// Seconds since 1970 of `2009-11-10T23:00:00Z` (RFC 3339), `2009-11-10 23:00:00` or `2009-11-10`.
pub fn seconds(text: &str) -> Option<i64> {
    if let Ok(time) = text.parse::<Timestamp>() {
        return Some(time.as_second());
    }
    let civil: DateTime = text.parse().ok()?;
    Some(TimeZone::UTC.to_timestamp(civil).ok()?.as_second())
}

/// Seconds since 1970 of `Tue, 10 Nov 2009 23:00:00 +0100` (RFC 5322; deb-changelog(5)).
pub fn from_mail(text: &str) -> Option<i64> {
    // A wrong day of the week does no harm.
    let parser = rfc2822::DateTimeParser::new().relaxed_weekday(true);
    Some(parser.parse_timestamp(text).ok()?.as_second())
}

/// `Tue, 10 Nov 2009 23:00:00 +0000`.
pub fn to_mail(seconds: i64) -> String {
    let time = Timestamp::from_second(seconds).unwrap_or_default();
    time.strftime("%a, %d %b %Y %H:%M:%S +0000").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_date_reads_them() {
        for (text, wanted) in [
            ("2009-11-10T23:00:00Z", 1_257_894_000),
            ("2009-11-10T23:00:00+01:00", 1_257_890_400),
            ("2009-11-10 23:00:00", 1_257_894_000),
            ("2009-11-10", 1_257_811_200),
        ] {
            assert_eq!(seconds(text), Some(wanted), "{text}");
        }
        for text in ["", "yesterday", "2009-13-10", "1257894000"] {
            assert_eq!(seconds(text), None, "{text}");
        }
        assert_eq!(from_mail("Tue, 10 Nov 2009 23:00:00 +0100"), Some(1_257_890_400));
        assert_eq!(from_mail("Mon, 10 Nov 2009 23:00:00 +0100"), Some(1_257_890_400));
        assert_eq!(to_mail(1_257_894_000), "Tue, 10 Nov 2009 23:00:00 +0000");
    }
}
