//! Short digests of names and of what records say, to find them by: alike for whatever is equal, letters folded.

use super::{
    name::{Name, NameRef},
    record::Data,
    table::Table,
};

/// Makes digests under a key.
///
/// They are quick and no proof: what is found by one is compared before it is believed. Without the key nobody can
/// make many alike on purpose (folded multiplication, as in wyhash).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Digest(u64);

/// An odd number with as many ones as zeros (the fraction of the golden ratio).
const FACTOR: u64 = 0x9E37_79B9_7F4A_7C15;

impl Digest {
    pub(crate) const fn new(key: u64) -> Self {
        Self(key)
    }

    /// The digest of a name.
    pub(crate) fn of(self, name: NameRef<'_>) -> u64 {
        self.name(name).0
    }

    /// The digest of bytes, letters as they are.
    pub(super) fn of_bytes(self, bytes: &[u8]) -> u64 {
        self.bytes(bytes).0
    }

    /// The digest of what a record says, its type included.
    pub(crate) fn of_data(self, data: &Data<NameRef<'_>, &[u8]>) -> u64 {
        let state = self.word(data.kind().0.into());
        let state = match *data {
            Data::A(address) => state.word(address.to_bits().into()),
            Data::Aaaa(address) => state.bytes(&address.octets()),
            Data::Ptr(target) => state.name(target),
            Data::Srv { priority, weight, port, target } => {
                state.word(u64::from(priority) << 32 | u64::from(weight) << 16 | u64::from(port)).name(target)
            }
            Data::Txt(strings) => state.bytes(strings),
            Data::Nsec { next, types } => state.bytes(types.bits()).name(next),
            Data::Other { bytes, .. } => state.bytes(bytes),
        };
        state.0
    }

    pub(crate) fn word(self, word: u64) -> Self {
        let product = u128::from(self.0 ^ word) * u128::from(FACTOR);
        Self((product >> 64) as u64 ^ product as u64)
    }

    fn name(self, name: NameRef<'_>) -> Self {
        name.labels().fold(self, Self::bytes_folded)
    }

    fn bytes(self, bytes: &[u8]) -> Self {
        self.chunks(bytes, |word| word)
    }

    fn bytes_folded(self, bytes: &[u8]) -> Self {
        self.chunks(bytes, |mut word| {
            word.make_ascii_lowercase();
            word
        })
    }

    fn chunks(self, bytes: &[u8], fold: impl Fn([u8; 8]) -> [u8; 8]) -> Self {
        let (whole, rest) = bytes.as_chunks::<8>();
        let state = whole.iter().fold(self, |state, chunk| state.word(u64::from_le_bytes(fold(*chunk))));
        let mut last = [0; 8];
        last.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
        // The length tells a short end from one with zeros.
        state.word(u64::from_le_bytes(fold(last))).word(bytes.len() as u64)
    }
}

/// Things by name, found by digest.
#[derive(Debug)]
pub(crate) struct ByName<T> {
    digest: Digest,
    all: Table<(Name, T)>,
}

impl<T> ByName<T> {
    pub(crate) const fn new(digest: Digest) -> Self {
        Self { digest, all: Table::new() }
    }

    pub(crate) fn get(&self, name: NameRef<'_>) -> Option<&T> {
        let (known, thing) = self.all.get(self.all.find(self.digest.of(name))?)?;
        (name == *known).then_some(thing)
    }

    pub(crate) fn get_mut(&mut self, name: NameRef<'_>) -> Option<&mut T> {
        let (known, thing) = self.all.get_mut(self.all.find(self.digest.of(name))?)?;
        (name == *known).then_some(thing)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Name, &T)> {
        self.all.iter().map(|(_, (name, thing))| (name, thing))
    }

    /// Puts a thing in. In the place of whatever was there, even if, once in 2^64 times, that has another name.
    pub(crate) fn insert(&mut self, name: Name, thing: T) {
        self.all.insert(self.digest.of(name.borrow()), (name, thing));
    }

    pub(crate) fn remove(&mut self, name: &Name) -> Option<T> {
        let slot = self.all.find(self.digest.of(name.borrow()))?;
        self.all.get(slot).filter(|(known, _)| known == name)?;
        self.all.remove(slot).map(|(_, thing)| thing)
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = &T> {
        self.iter().map(|(_, thing)| thing)
    }

    /// Takes the first that is so.
    pub(crate) fn take_if(&mut self, is_so: impl Fn(&T) -> bool) -> Option<T> {
        let (slot, _) = self.all.iter().find(|(_, (_, thing))| is_so(thing))?;
        self.all.remove(slot).map(|(_, thing)| thing)
    }

    pub(crate) const fn len(&self) -> usize {
        self.all.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_names_have_equal_digests_and_others_have_not() {
        let name = |labels: &[&[u8]]| Name::new(labels.iter().copied()).unwrap();
        let digest = Digest::new(0x1234_5678_9abc_def1);
        let of = |labels: &[&[u8]]| digest.of(name(labels).borrow());
        assert_eq!(of(&[b"Ana-4821", b"local"]), of(&[b"aNA-4821", b"LOCAL"]));
        let others: [&[&[u8]]; 5] =
            [&[b"ana-4822", b"local"], &[b"ana-4821"], &[b"ana-4821\0", b"local"], &[b"ana-4821local"], &[]];
        assert!(others.iter().all(|other| of(other) != of(&[b"ana-4821", b"local"])));
        assert_ne!(Digest::new(3).of(name(&[b"a"]).borrow()), digest.of(name(&[b"a"]).borrow()));
    }

    #[test]
    fn what_records_say_is_told_apart() {
        let digest = Digest::new(7);
        let name = Name::new([&b"host"[..]]).unwrap();
        let srv = |port| Data::Srv { priority: 0, weight: 0, port, target: name.borrow() };
        let all = [
            Data::A([10, 0, 0, 1].into()),
            Data::A([10, 0, 0, 2].into()),
            Data::Ptr(name.borrow()),
            srv(1),
            srv(2),
            Data::Txt(&b"\x01a"[..]),
            Data::Txt(&b"\x01A"[..]),
        ];
        for (index, one) in all.iter().enumerate() {
            assert!(all.iter().skip(index + 1).all(|other| digest.of_data(one) != digest.of_data(other)));
        }
    }

    #[test]
    fn a_name_is_found_however_it_is_written() {
        let name = |text: &str| Name::new([text.as_bytes()]).unwrap();
        let mut all = ByName::new(Digest::new(9));
        all.insert(name("One"), 1);
        all.insert(name("two"), 2);
        all.insert(name("ONE"), 3);
        assert_eq!((all.len(), all.get(name("one").borrow())), (2, Some(&3)));
        assert_eq!((all.remove(&name("oNe")), all.remove(&name("one"))), (Some(3), None));
        assert_eq!((all.take_if(|thing| *thing == 2), all.values().count()), (Some(2), 0));
    }
}
