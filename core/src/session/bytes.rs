//! Reading and writing of the numbers and byte strings that packets are made of. Total on any input.

use alloc::vec::Vec;

/// The largest number that a [`varint`](Reader::varint) holds (RFC 9000 section 16).
pub(super) const VARINT_MAX: u64 = (1 << 62) - 1;

/// What is left to read of a packet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) const fn rest(&self) -> &'a [u8] {
        self.0
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (&first, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(first)
    }

    pub(super) fn u8(&mut self) -> Option<u8> {
        self.array().map(u8::from_be_bytes)
    }

    pub(super) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_be_bytes)
    }

    /// A number of 1, 2, 4 or 8 bytes; the two highest bits of the first tell which (RFC 9000 section 16).
    pub(super) fn varint(&mut self) -> Option<u64> {
        let first = *self.0.first()?;
        match first >> 6 {
            0 => self.u8().map(u64::from),
            1 => self.array().map(|bytes| u64::from(u16::from_be_bytes(bytes) & 0x3fff)),
            2 => self.array().map(|bytes| u64::from(u32::from_be_bytes(bytes) & 0x3fff_ffff)),
            _ => self.u64().map(|number| number & VARINT_MAX),
        }
    }

    pub(super) fn bytes(&mut self, length: usize) -> Option<&'a [u8]> {
        let (first, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(first)
    }

    /// A byte string with its length before it.
    pub(super) fn prefixed(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.varint()?).ok()?;
        self.bytes(length)
    }
}

/// Appends `number` in its shortest form; what is above [`VARINT_MAX`] is written as that.
pub(super) fn put_varint(out: &mut Vec<u8>, number: u64) {
    let number = number.min(VARINT_MAX);
    match varint_len(number) {
        1 => out.push(number.to_be_bytes()[7]),
        2 => out.extend_from_slice(&low::<2>(number | 1 << 14)),
        4 => out.extend_from_slice(&low::<4>(number | 2 << 30)),
        _ => out.extend_from_slice(&(number | 3 << 62).to_be_bytes()),
    }
}

/// How many bytes `number` takes as a varint.
pub(super) const fn varint_len(number: u64) -> usize {
    match number {
        0..=0x3f => 1,
        0x40..=0x3fff => 2,
        0x4000..=0x3fff_ffff => 4,
        _ => 8,
    }
}

/// The lowest `N` bytes of a number, big-endian.
fn low<const N: usize>(number: u64) -> [u8; N] {
    number.to_be_bytes().last_chunk().copied().unwrap_or([0; N])
}

#[cfg(test)]
mod tests {
    use quickcheck::quickcheck;

    use super::*;

    quickcheck! {
        fn numbers_are_read_as_written(number: u64, shift: u8) -> bool {
            let number = (number & VARINT_MAX) >> (shift % 62);
            let mut out = Vec::new();
            put_varint(&mut out, number);
            let mut reader = Reader::new(&out);
            out.len() == varint_len(number) && reader.varint() == Some(number) && reader.is_empty()
        }
    }

    /// RFC 9000 appendix A.1.
    #[test]
    fn numbers_look_as_in_the_standard() {
        let read = |bytes: &[u8]| Reader::new(bytes).varint();
        assert_eq!(read(&[0xc2, 0x19, 0x7c, 0x5e, 0xff, 0x14, 0xe8, 0x8c]), Some(151_288_809_941_952_652));
        assert_eq!(read(&[0x9d, 0x7f, 0x3e, 0x7d]), Some(494_878_333));
        assert_eq!(read(&[0x7b, 0xbd]), Some(15_293));
        assert_eq!(read(&[0x25]), Some(37));
        assert_eq!(read(&[0x40, 0x25]), Some(37));
        assert_eq!(read(&[0x7b]), None);
    }

    #[test]
    fn a_length_beyond_the_end_reads_as_nothing() {
        assert_eq!(Reader::new(&[3, 1, 2]).prefixed(), None);
        assert_eq!(Reader::new(&[2, 1, 2]).prefixed(), Some(&[1, 2][..]));
    }
}
