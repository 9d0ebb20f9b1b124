//! The units of plans and scenarios: spans of time as people write them, shares as fractions.

use std::{fmt, time::Duration};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// A span of time, written `250ms`, `90s` or `2m 30s`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Span(pub Duration);

impl Span {
    /// So many milliseconds.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(Duration::from_millis(millis))
    }

    /// So many seconds.
    #[must_use]
    pub const fn from_secs(secs: u64) -> Self {
        Self(Duration::from_secs(secs))
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        humantime::format_duration(self.0).fmt(f)
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        humantime::parse_duration(&text).map(Self).map_err(|error| {
            D::Error::custom(format_args!("`{text}` is no span of time like 250ms or 2m: {error}"))
        })
    }
}

/// A probability or a part of a whole, written as a fraction between 0 and 1; kept in parts per million.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Share {
    ppm: u32,
}

impl Share {
    /// All of it.
    pub const WHOLE: Self = Self { ppm: 1_000_000 };

    /// So many parts in a million, at most all.
    #[must_use]
    pub fn from_ppm(ppm: u32) -> Self {
        Self { ppm: ppm.min(Self::WHOLE.ppm) }
    }

    /// Parts in a million.
    #[must_use]
    pub const fn ppm(self) -> u32 {
        self.ppm
    }
}

impl fmt::Debug for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", f64::from(self.ppm) / 1e6)
    }
}

impl Serialize for Share {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(f64::from(self.ppm) / 1e6)
    }
}

impl<'de> Deserialize<'de> for Share {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let share = f64::deserialize(deserializer)?;
        if !(0.0..=1.0).contains(&share) {
            return Err(D::Error::custom(format_args!("{share} is no share between 0 and 1")));
        }
        // Between 0 and a million, so nothing is cut off.
        Ok(Self { ppm: (share * 1e6).round() as u32 })
    }
}

/// Seeds, written `0x1f` in files, since not all of them fit in TOML's integers; read also as plain numbers.
pub mod seed {
    use std::fmt;

    use serde::{Deserializer, Serializer, de};

    /// A seed as people write it: `31` or `0x1f`.
    #[must_use]
    pub fn parse(text: &str) -> Option<u64> {
        match text.strip_prefix("0x") {
            Some(digits) => u64::from_str_radix(digits, 16).ok(),
            None => text.parse().ok(),
        }
    }

    /// # Errors
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(seed: &u64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{seed:#x}"))
    }

    /// # Errors
    /// Where there is no seed.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
        struct Seed;
        impl de::Visitor<'_> for Seed {
            type Value = u64;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a seed like 31 or \"0x1f\"")
            }

            fn visit_i64<E: de::Error>(self, seed: i64) -> Result<u64, E> {
                u64::try_from(seed).map_err(|_| E::invalid_value(de::Unexpected::Signed(seed), &self))
            }

            fn visit_u64<E: de::Error>(self, seed: u64) -> Result<u64, E> {
                Ok(seed)
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<u64, E> {
                parse(text).ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
            }
        }
        deserializer.deserialize_any(Seed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Both {
        span: Span,
        share: Share,
    }

    fn read(text: &str) -> Result<Both, String> {
        toml::from_str(text).map_err(|error| error.to_string())
    }

    #[test]
    fn they_are_read_as_they_are_written() {
        let both = Both { span: Span(Duration::from_nanos(61_000_250_001)), share: Share::from_ppm(12_345) };
        assert_eq!(read(&toml::to_string(&both).unwrap()), Ok(both));
        assert_eq!(read("span = '2m'\nshare = 1").map(|both| both.share), Ok(Share::WHOLE));
    }

    #[test]
    fn nonsense_is_refused_where_it_stands() {
        let negative = read("share = 0.5\nspan = '-5s'").unwrap_err();
        assert!(negative.contains("line 2, column 8") && negative.contains("-5s"), "{negative}");
        let much = read("span = '1s'\nshare = 1.5").unwrap_err();
        assert!(much.contains("line 2, column 9") && much.contains("between 0 and 1"), "{much}");
    }
}
