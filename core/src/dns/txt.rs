//! The pairs of a TXT record (RFC 6763 section 6).

use alloc::vec::Vec;

use bytes::Bytes;

/// The longest single `key=value` in bytes: its length is one byte (RFC 6763 section 6.1).
const STRING_MAX: usize = 255;
/// The longest record in bytes that still fits one packet beside others (RFC 6763 section 6.2).
pub(crate) const TXT_MAX: usize = 1300;

/// A TXT record in the making.
#[derive(Debug, Default)]
pub(crate) struct TxtBuilder(Vec<u8>);

impl TxtBuilder {
    /// Adds `key=value`, unless the key is no key (printable ASCII without `=`, RFC 6763 section 6.4), the two
    /// are longer than 255 bytes, or the record would exceed 1300 bytes.
    pub(crate) fn with(mut self, key: &str, value: impl AsRef<[u8]>) -> Self {
        let value = value.as_ref();
        let is_key = !key.is_empty() && key.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b'=');
        let length = key.len() + 1 + value.len();
        if let (true, true, Ok(prefix)) =
            (is_key && length <= STRING_MAX, self.0.len() + 1 + length <= TXT_MAX, u8::try_from(length))
        {
            self.0.push(prefix);
            self.0.extend_from_slice(key.as_bytes());
            self.0.push(b'=');
            self.0.extend_from_slice(value);
        }
        self
    }

    pub(crate) fn finish(self) -> Bytes {
        self.0.into()
    }
}

/// The value of `key` in the strings of a TXT record, letters folded. The first of several counts; a key without
/// `=` has no value and hides later ones; strings without a key count for nothing (RFC 6763 section 6.4).
pub(crate) fn txt_value<'t>(strings: &'t [u8], key: &str) -> Option<&'t [u8]> {
    let mut rest = strings;
    let mut each = core::iter::from_fn(|| {
        let (&length, behind) = rest.split_first()?;
        let (string, behind) = behind.split_at_checked(usize::from(length))?;
        rest = behind;
        Some(string)
    });
    each.find_map(|string| {
        let mut parts = string.splitn(2, |&byte| byte == b'=');
        let named = parts.next()?;
        named.eq_ignore_ascii_case(key.as_bytes()).then(|| parts.next())
    })?
}
