//! Domain names: owned ones, and those that lie in a packet.

use alloc::{sync::Arc, vec::Vec};
use core::{cmp::Ordering, fmt};

/// The longest label in bytes (RFC 1035 section 2.3.4).
pub(crate) const LABEL_MAX: usize = 63;
/// The longest name in bytes, lengths and the root counted (RFC 1035 section 2.3.4).
pub(super) const NAME_MAX: usize = 255;
/// Compression pointers followed in one name. Real names have one or two; without a limit a packet of 9000 bytes
/// can make every name cost a walk over 1500 of them.
pub(super) const HOPS_MAX: u8 = 16;
/// The two top bits of a length byte that make it a compression pointer (RFC 1035 section 4.1.4).
pub(super) const POINTER: u8 = 0xC0;

/// A name of our own: its labels as on the wire, uncompressed, the root at the end.
///
/// A label holds any bytes, dots and UTF-8 included. Names are compared with ASCII letters folded and everything
/// else raw (RFC 6762 section 16). Clones share the bytes.
#[derive(Clone)]
pub(crate) struct Name(Arc<[u8]>);

impl Name {
    /// The name of these labels, or `None` when one is empty or longer than [`LABEL_MAX`], or all together are
    /// longer than 255 bytes.
    pub(crate) fn new<'l>(labels: impl IntoIterator<Item = &'l [u8]>) -> Option<Self> {
        let mut wire = Vec::new();
        for label in labels {
            let length = u8::try_from(label.len()).ok().filter(|&length| usize::from(length) <= LABEL_MAX)?;
            if length == 0 {
                return None;
            }
            wire.push(length);
            wire.extend_from_slice(label);
        }
        wire.push(0);
        (wire.len() <= NAME_MAX).then(|| Self(wire.into()))
    }

    /// The name of `label` under this one.
    pub(crate) fn child(&self, label: &[u8]) -> Option<Self> {
        Self::new(core::iter::once(label).chain(self.labels()))
    }

    /// Its labels, the outermost (leftmost) first.
    pub(crate) fn labels(&self) -> impl Iterator<Item = &[u8]> {
        self.borrow().labels()
    }

    /// This name as one in a packet that holds nothing else.
    pub(crate) fn borrow(&self) -> NameRef<'_> {
        NameRef { packet: &self.0, at: 0 }
    }

    /// Its bytes on the wire, uncompressed.
    pub(super) fn wire(&self) -> &[u8] {
        &self.0
    }

    /// How it begins.
    pub(crate) fn start(&self) -> Start {
        Start::of(&self.0)
    }

    /// Lengths are below 64 and so no letters: folding the whole wire folds the labels.
    fn folded(&self) -> impl Iterator<Item = u8> {
        self.0.iter().map(u8::to_ascii_lowercase)
    }
}

impl Default for Name {
    /// The root.
    fn default() -> Self {
        Self(Arc::from([0]))
    }
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for Name {}

impl PartialOrd for Name {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Name {
    fn cmp(&self, other: &Self) -> Ordering {
        self.folded().cmp(other.folded())
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.borrow().fmt(f)
    }
}

/// A name in a packet, checked when it was read: its pointers lead strictly backward, at most [`HOPS_MAX`] of
/// them, to at most 255 bytes of labels.
#[derive(Clone, Copy)]
pub(crate) struct NameRef<'a> {
    packet: &'a [u8],
    at: usize,
}

impl<'a> NameRef<'a> {
    /// The name at `at`, or `None` when it breaks a rule.
    pub(super) fn read(packet: &'a [u8], at: usize) -> Option<Self> {
        let mut walk = Walk::new(packet, at);
        while walk.step()?.is_some() {}
        Some(Self { packet, at })
    }

    /// Its labels, the outermost (leftmost) first.
    pub(crate) fn labels(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let mut walk = Walk::new(self.packet, self.at);
        core::iter::from_fn(move || walk.step().flatten())
    }

    /// A copy to keep.
    pub(crate) fn to_name(self) -> Name {
        let mut wire = [0; NAME_MAX];
        let mut at = 0;
        for label in self.labels() {
            let Some([length, place @ ..]) = wire.get_mut(at..=at + label.len()) else { break };
            *length = u8::try_from(label.len()).unwrap_or(0);
            place.copy_from_slice(label);
            at += 1 + label.len();
        }
        // The root is a zero more, for which every name that was read has room.
        Name(wire.get(..=at).unwrap_or(&[0]).into())
    }

    /// How it begins.
    pub(crate) fn start(&self) -> Start {
        Start::of(self.first_run())
    }

    /// Its bytes from the first label on, which a pointer may lead to, to the end of the packet.
    fn first_run(&self) -> &'a [u8] {
        let mut at = self.at;
        for _ in 0..=HOPS_MAX {
            match self.packet.get(at..).unwrap_or_default() {
                [high, low, ..] if high & POINTER == POINTER => {
                    at = usize::from(u16::from_be_bytes([high & !POINTER, *low]));
                }
                run => return run,
            }
        }
        &[]
    }

    /// Whether this is a name directly under `parent`, as an instance is under its service type.
    pub(crate) fn is_child_of(&self, parent: &Name) -> bool {
        let mut labels = self.labels();
        labels.next().is_some() && is_wire(labels, parent.wire())
    }
}

impl PartialEq for NameRef<'_> {
    fn eq(&self, other: &Self) -> bool {
        is_same(self.labels(), other.labels())
    }
}

impl PartialEq<Name> for NameRef<'_> {
    fn eq(&self, other: &Name) -> bool {
        // Nearly all names that are compared differ in their first label, and many are there in one run of bytes.
        let (run, wire) = (self.first_run(), other.wire());
        let (Some(&length), Some(&wanted)) = (run.first(), wire.first()) else { return false };
        let first = 1 + usize::from(wanted);
        if length != wanted
            || !run
                .get(..first)
                .zip(wire.get(..first))
                .is_some_and(|(one, other)| one.eq_ignore_ascii_case(other))
        {
            return false;
        }
        run.starts_with(wire) || is_wire(self.labels(), wire)
    }
}

impl fmt::Debug for NameRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.labels().try_for_each(|label| write!(f, "{}.", label.escape_ascii()))
    }
}

/// The length of a name's first label and its first seven bytes, letters folded: equal for equal names, and nearly
/// always different for others. Whoever keeps it at hand need not look at the name itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Start(u64);

impl Start {
    fn of(run: &[u8]) -> Self {
        let length = run.first().copied().unwrap_or(0);
        let kept = (1 + usize::from(length)).min(8);
        let mut start = [0; 8];
        // Lengths are below 64 and so no letters.
        start.iter_mut().zip(run.iter().take(kept)).for_each(|(to, from)| *to = from.to_ascii_lowercase());
        Self(u64::from_le_bytes(start))
    }
}

/// Where the name at `at` ends in the packet, whether or not its pointers are any good.
pub(super) fn end_of(packet: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match *packet.get(at)? {
            0 => return Some(at + 1),
            length if usize::from(length) <= LABEL_MAX => at += 1 + usize::from(length),
            length if length & POINTER == POINTER => return (at + 2 <= packet.len()).then_some(at + 2),
            _ => return None,
        }
    }
}

fn is_same<'l>(one: impl Iterator<Item = &'l [u8]>, other: impl Iterator<Item = &'l [u8]>) -> bool {
    let mut other = other;
    let mut one = one;
    loop {
        match (one.next(), other.next()) {
            (None, None) => return true,
            (Some(one), Some(other)) if one.eq_ignore_ascii_case(other) => {}
            _ => return false,
        }
    }
}

/// Whether these labels are those of a name that lies uncompressed in `wire`.
fn is_wire<'l>(labels: impl Iterator<Item = &'l [u8]>, mut wire: &[u8]) -> bool {
    for label in labels {
        let Some((&length, rest)) = wire.split_first() else { return false };
        let Some((other, rest)) = rest.split_at_checked(label.len()) else { return false };
        if usize::from(length) != label.len() || !label.eq_ignore_ascii_case(other) {
            return false;
        }
        wire = rest;
    }
    wire == [0]
}

/// A walk over the labels of a name, with what it may still cost.
struct Walk<'a> {
    packet: &'a [u8],
    at: usize,
    /// Where the current run of labels began: a pointer must lead below it.
    run: usize,
    hops: u8,
    length: usize,
}

impl<'a> Walk<'a> {
    fn new(packet: &'a [u8], at: usize) -> Self {
        Self { packet, at, run: at, hops: 0, length: 0 }
    }

    /// The next label, `Some(None)` at the root, `None` when the name is bad.
    fn step(&mut self) -> Option<Option<&'a [u8]>> {
        loop {
            let first = *self.packet.get(self.at)?;
            if first == 0 {
                return Some(None);
            }
            if usize::from(first) <= LABEL_MAX {
                let from = self.at + 1;
                self.at = from + usize::from(first);
                self.length += 1 + usize::from(first);
                // The root needs one byte more.
                return (self.length < NAME_MAX).then(|| self.packet.get(from..self.at).map(Some))?;
            }
            if first & POINTER != POINTER || self.hops == HOPS_MAX {
                return None;
            }
            let low = *self.packet.get(self.at + 1)?;
            let target = usize::from(u16::from_be_bytes([first & !POINTER, low]));
            if target >= self.run {
                return None;
            }
            self.hops += 1;
            (self.at, self.run) = (target, target);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_names_begin_alike_however_they_are_written() {
        let name = |first: &[u8]| Name::new([first, b"local"]).unwrap();
        // `local` twice, and a name of one letter whose rest is a pointer to the first or stands there.
        let packet = b"\x05local\0\x01a\xC0\0\x01A\x05LOCAL\0";
        let [pointing, whole] = [7, 11].map(|at| NameRef::read(packet, at).unwrap());
        assert!(pointing == whole && pointing == name(b"a"));
        assert!(pointing.start() == whole.start() && pointing.start() == name(b"a").start());
        for other in [&b"b"[..], b"aa", b"a\0"] {
            assert_ne!(name(other).start(), name(b"a").start());
        }
        assert_eq!(name(b"Peer-1234").start(), name(b"peer-1299").start(), "the rest has to be compared");
    }
}
