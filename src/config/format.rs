//! What `[deb]`, `[rpm]`, `[tarball]` and `[run]` have in common.

use std::fmt;
use std::ops::RangeInclusive;

use toml::Spanned;

use super::document::{Document, suggest};
use super::schema::Value;
use crate::error::Result;
use crate::path::printable;

/// The kinds of artifact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    Deb,
    Rpm,
    Tar,
    /// One file that starts its program; it holds what a tarball holds.
    Run,
}

impl Format {
    /// No package manager knows of it.
    pub fn is_unpacked(self) -> bool {
        matches!(self, Format::Tar | Format::Run)
    }
}

/// Some of the formats: those that an entry of the payload is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Formats {
    pub deb: bool,
    pub rpm: bool,
    /// The tarball, and the single file.
    pub tar: bool,
}

impl Formats {
    pub const ALL: Formats = Formats { deb: true, rpm: true, tar: true };
    pub const NONE: Formats = Formats { deb: false, rpm: false, tar: false };

    pub fn only(format: Format) -> Self {
        Formats { deb: format == Format::Deb, rpm: format == Format::Rpm, tar: format.is_unpacked() }
    }

    pub fn has(self, format: Format) -> bool {
        match format {
            Format::Deb => self.deb,
            Format::Rpm => self.rpm,
            Format::Tar | Format::Run => self.tar,
        }
    }

    /// What both have.
    pub fn and(self, other: Self) -> Self {
        Formats { deb: self.deb && other.deb, rpm: self.rpm && other.rpm, tar: self.tar && other.tar }
    }

    /// What one of the two has.
    pub fn or(self, other: Self) -> Self {
        Formats { deb: self.deb || other.deb, rpm: self.rpm || other.rpm, tar: self.tar || other.tar }
    }

    /// What is here and not there.
    pub fn without(self, other: Self) -> Self {
        Formats { deb: self.deb && !other.deb, rpm: self.rpm && !other.rpm, tar: self.tar && !other.tar }
    }
}

impl Default for Formats {
    fn default() -> Self {
        Formats::ALL
    }
}

/// What `[deb]`, `[rpm]` and `[tarball]` have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormatOptions {
    pub compression: Compression,
}

/// A codec and its level (`zstd:19`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    Zstd(i32),
    Xz(u32),
    Gzip(u32),
    None,
}

impl fmt::Display for Compression {
    /// As bundle.toml has it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Compression::Zstd(level) => write!(f, "zstd:{level}"),
            Compression::Xz(level) => write!(f, "xz:{level}"),
            Compression::Gzip(level) => write!(f, "gzip:{level}"),
            Compression::None => f.write_str("none"),
        }
    }
}

/// The levels that `zstd`, `xz` and `gzip` mean by themselves: each tool's own.
const ZSTD_LEVEL: i32 = 3;
const XZ_LEVEL: u32 = 6;
const GZIP_LEVEL: u32 = 6;

/// The levels that there are. zstd's negative ones are of no use to a package; above 19 are the `--ultra` ones.
const ZSTD_LEVELS: RangeInclusive<i32> = 1..=22;
const XZ_LEVELS: RangeInclusive<u32> = 0..=9;
const GZIP_LEVELS: RangeInclusive<u32> = 1..=9;

const CODECS: &[&str] = &["zstd", "xz", "gzip", "none"];

/// What rpm of RHEL 8 and later, and tar of all that matters, reads fastest.
pub(super) const COMPRESSION: Compression = Compression::Zstd(ZSTD_LEVEL);

/// What every dpkg reads; Debian's has read zstd since 1.21.18, so that Debian 11 refuses such a package. Level 9 takes 60 %
/// more processor time for 0.2 % (docs/design.md, 7).
pub(super) const DEB_COMPRESSION: Compression = Compression::Gzip(7);

impl FormatOptions {
    pub(super) fn from_schema(
        document: &Document,
        value: &Value<String>,
        default: Compression,
    ) -> Result<Self> {
        let compression = match value {
            Some(value) => compression(document, value)?,
            None => default,
        };
        Ok(FormatOptions { compression })
    }
}

fn compression(document: &Document, value: &Spanned<String>) -> Result<Compression> {
    let text = value.get_ref().as_str();
    let (codec, level) = match text.split_once(':') {
        Some((codec, level)) => (codec, Some(level)),
        None => (text, None),
    };
    let shown = printable(text.as_bytes());
    match (codec, level) {
        ("zstd", level) => level_of(document, value, level, ZSTD_LEVEL, &ZSTD_LEVELS).map(Compression::Zstd),
        ("xz", level) => level_of(document, value, level, XZ_LEVEL, &XZ_LEVELS).map(Compression::Xz),
        ("gzip", level) => level_of(document, value, level, GZIP_LEVEL, &GZIP_LEVELS).map(Compression::Gzip),
        ("none", None) => Ok(Compression::None),
        ("none", Some(_)) => Err(document
            .wrong(value.span(), "gives a level to `none`")
            .remedy("write `none`, or name a codec")),
        _ => Err(document.wrong(value.span(), format!("cannot be `{shown}`")).remedy(suggest(
            codec,
            CODECS,
            "compression",
        ))),
    }
}

fn level_of<N>(
    document: &Document,
    value: &Spanned<String>,
    level: Option<&str>,
    default: N,
    range: &RangeInclusive<N>,
) -> Result<N>
where
    N: std::str::FromStr + PartialOrd + std::fmt::Display,
{
    let Some(level) = level else { return Ok(default) };
    level.parse().ok().filter(|level| range.contains(level)).ok_or_else(|| {
        document
            .wrong(value.span(), format!("has no such level: `{}`", printable(level.as_bytes())))
            .remedy(format!("a level of this codec lies between {} and {}", range.start(), range.end()))
    })
}
