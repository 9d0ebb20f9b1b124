//! The files that a host fetches. Nothing of them is kept but how much is there: what is in a file follows from its name.

use std::collections::BTreeMap;

use chat_core::{MessageId, StoreError, Wanted};

/// What a host fetches; it outlives its program.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shelf(BTreeMap<MessageId, Wanted>);

impl Shelf {
    pub(crate) fn want(&mut self, wanted: Wanted) {
        self.0.entry(wanted.file).or_insert(wanted);
    }

    /// What is not there whole: the person of a program that was started again still wants it.
    pub(crate) fn wanted(&self) -> impl Iterator<Item = &Wanted> {
        self.0.values()
    }

    /// Writes the next piece of a file.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn write(&mut self, file: MessageId, offset: u64, bytes: &[u8]) -> Result<(), String> {
        let Some(wanted) = self.0.get_mut(&file) else {
            return Err(format!("a piece of {file}, which nobody wants"));
        };
        if wanted.have != offset {
            return Err(format!("a piece of {file} from {offset} on, behind {} bytes", wanted.have));
        }
        if *bytes != *piece(file, offset, bytes.len()) {
            return Err(format!("a piece of {file} from {offset} on that has other bytes"));
        }
        wanted.have += bytes.len() as u64;
        if wanted.have > wanted.size {
            return Err(format!("more of {file} than its {} bytes", wanted.size));
        }
        Ok(())
    }

    /// The program says that a file is whole.
    ///
    /// # Errors
    /// When it is not.
    pub(crate) fn finish(&mut self, file: MessageId) -> Result<(), String> {
        match self.0.remove(&file) {
            Some(wanted) if wanted.have != wanted.size => {
                Err(format!("{file} is called whole with {} of {} bytes", wanted.have, wanted.size))
            }
            _ => Ok(()),
        }
    }

    pub(crate) fn give_up(&mut self, file: MessageId) {
        self.0.remove(&file);
    }
}

/// What the disk says to a piece.
pub(crate) const fn mood(full: bool) -> Result<(), StoreError> {
    if full { Err(StoreError::Full) } else { Ok(()) }
}

/// The bytes of a file from a place on: each follows from its place and the file's name.
pub(crate) fn piece(file: MessageId, offset: u64, length: usize) -> Vec<u8> {
    let name =
        file.entry.0.iter().fold(u64::from(file.item), |name, &byte| name.rotate_left(8) ^ u64::from(byte));
    let byte = |at: u64| {
        let mixed = ((at / 8) ^ name).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        mixed.to_le_bytes()[(at % 8) as usize]
    };
    (offset..offset + length as u64).map(byte).collect()
}

#[cfg(test)]
mod tests {
    use chat_core::{EntryId, PeerKey, Place, RoomName};

    use super::*;

    #[test]
    fn a_piece_that_is_wrong_is_found_out() {
        let file = MessageId { entry: EntryId([7; 32]), item: 0 };
        let wanted =
            Wanted { file, place: Place::Room(RoomName::lobby()), from: PeerKey([1; 32]), size: 30, have: 0 };
        let mut shelf = Shelf::default();
        assert!(shelf.write(file, 0, &piece(file, 0, 10)).is_err(), "nobody wants it");
        shelf.want(wanted);
        assert!(shelf.write(file, 0, &piece(file, 0, 10)).is_ok());
        assert!(shelf.write(file, 0, &piece(file, 0, 10)).is_err(), "again");
        assert!(shelf.write(file, 20, &piece(file, 20, 10)).is_err(), "behind a gap");
        assert!(shelf.write(file, 10, &piece(file, 11, 10)).is_err(), "other bytes");
        assert!(shelf.clone().finish(file).is_err(), "not whole");
        assert!(shelf.clone().write(file, 10, &piece(file, 10, 21)).is_err(), "too much");
        assert!(shelf.write(file, 10, &piece(file, 10, 20)).is_ok() && shelf.finish(file).is_ok());
    }
}
