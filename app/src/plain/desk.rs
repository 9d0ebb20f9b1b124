//! What is known of files in this run: offered to us, on their way, offered from here.

use std::{collections::BTreeMap, path::PathBuf};

use chat_core::{Instant, Message, MessageId, Offer, PeerKey, Place, Transfer};

use super::command::unquoted;
use crate::{clean, files, people::People};

/// What a verified person sends comes without a question up to so many bytes, and so many in one run.
const UNASKED_EACH: u64 = 100_000_000;
const UNASKED_ALL: u64 = 1_000_000_000;
/// Offers that are remembered for `/accept`; older ones are not found by it.
const OFFERS_MAX: usize = 256;

/// All of it.
#[derive(Debug, Default)]
pub(super) struct Desk {
    /// What is being read to be offered, and where.
    pub(super) asked: BTreeMap<u64, (Place, PathBuf)>,
    pub(super) last_ask: u64,
    /// Offers of others that can be accepted, the latest last.
    offers: Vec<Message>,
    /// Those that were accepted and are not here yet.
    fetched: BTreeMap<MessageId, Message>,
    /// What moves, or waits, and when the person last heard of it.
    pub(super) moving: BTreeMap<(MessageId, PeerKey), (Transfer, Instant)>,
    /// What is offered from here, and to whom, the latest last.
    own: Vec<(MessageId, Offer, Place)>,
    /// Bytes that were accepted without a question.
    unasked: u64,
}

impl Desk {
    /// Reads that are not finished.
    pub(super) fn preparing(&self) -> usize {
        self.asked.len()
    }

    /// Whether what this message offers is fetched without a question, when it comes from somebody who is verified.
    pub(super) fn is_small(&self, message: &Message) -> bool {
        let size = message.file.as_ref().map_or(u64::MAX, |offer| offer.size);
        size <= UNASKED_EACH && self.unasked.saturating_add(size) <= UNASKED_ALL
    }

    /// It is fetched without a question.
    pub(super) fn on_unasked(&mut self, message: &Message) {
        self.unasked = self.unasked.saturating_add(message.file.as_ref().map_or(0, |offer| offer.size));
        self.on_fetched(message.clone());
    }

    /// It can be accepted.
    pub(super) fn on_offer(&mut self, message: Message) {
        if self.offers.len() >= OFFERS_MAX {
            self.offers.remove(0);
        }
        self.offers.push(message);
    }

    /// It is fetched from now on.
    pub(super) fn on_fetched(&mut self, message: Message) {
        self.offers.retain(|offer| offer.id != message.id);
        self.fetched.insert(message.id, message);
    }

    /// It moves, so it is not to be accepted any more.
    pub(super) fn on_moving(&mut self, file: MessageId) {
        if let Some(message) = self.offers.iter().find(|offer| offer.id == file).cloned() {
            self.on_fetched(message);
        }
    }

    /// Nothing has come of it; it can be accepted once more, as the latest. False when it was not fetched.
    pub(super) fn offer_again(&mut self, file: MessageId) -> bool {
        let message = self.fetched.remove(&file);
        let was_fetched = message.is_some();
        message.into_iter().for_each(|message| self.on_offer(message));
        was_fetched
    }

    /// It is here, or cannot be had any more. False when nobody asked for it.
    pub(super) fn forget(&mut self, file: MessageId) -> bool {
        self.offers.retain(|message| message.id != file);
        self.fetched.remove(&file).is_some()
    }

    /// It is offered from here.
    pub(super) fn on_own(&mut self, file: MessageId, offer: Offer, place: Place) {
        self.own.push((file, offer, place));
    }

    /// It is not offered from here any more. False when it was not.
    pub(super) fn forget_own(&mut self, file: MessageId) -> bool {
        let before = self.own.len();
        self.own.retain(|(own, ..)| *own != file);
        self.own.len() < before
    }

    pub(super) fn offers(&self) -> &[Message] {
        &self.offers
    }

    pub(super) fn own(&self) -> &[(MessageId, Offer, Place)] {
        &self.own
    }

    /// Which offer is meant by a person, by the name of a file, or by both in this order; without either the latest.
    ///
    /// # Errors
    /// When that is none, or may be several people's.
    pub(super) fn chosen(&self, argument: Option<&str>, people: &People) -> Result<Message, String> {
        let Some(argument) = argument.map(unquoted) else {
            let none = || String::from("nobody has offered a file that you have not accepted");
            return self.offers.last().cloned().ok_or_else(none);
        };
        let person = people.resolve(argument);
        // A file may be called as somebody is: the person comes first.
        if let Ok(key) = person
            && let Some(last) = self.offers.iter().rfind(|message| message.from == key)
        {
            return Ok(last.clone());
        }
        let named = |name: &str, message: &&Message| name_of(message) == unquoted(name);
        let so_called: Vec<&Message> =
            self.offers.iter().filter(|message| named(argument, message)).collect();
        if let Some(last) = so_called.last() {
            if so_called.iter().any(|message| message.from != last.from) {
                return Err(format!(
                    "{argument} is offered by more than one; say whose: /accept NICK {argument}"
                ));
            }
            return Ok((*last).clone());
        }
        // Nicks and names may have spaces in them.
        let spaces = argument.char_indices().filter(|(_, c)| c.is_whitespace()).map(|(at, _)| at);
        let mut both = spaces.filter_map(|at| {
            let (who, name) = argument.split_at(at);
            let key = people.resolve(unquoted(who)).ok()?;
            self.offers.iter().rfind(|message| message.from == key && named(name, message))
        });
        both.next_back().cloned().ok_or_else(|| match person {
            Ok(key) => format!("{} offers no file that you have not accepted", people.label(key, None)),
            Err(_) => {
                format!("no file {argument} is offered, nor by somebody called so; /files lists what is")
            }
        })
    }

    fn offer(&self, file: MessageId) -> Option<&Offer> {
        let own = self.own.iter().find(|(own, ..)| *own == file).map(|(_, offer, _)| offer);
        let fetched = || self.fetched.get(&file)?.file.as_deref();
        let shown = || self.offers.iter().find(|message| message.id == file)?.file.as_deref();
        own.or_else(fetched).or_else(shown)
    }

    pub(super) fn name(&self, file: MessageId) -> String {
        let name = self.offer(file).map(|offer| clean::name(offer.name.as_str()).into_owned());
        name.unwrap_or_else(|| String::from("a file"))
    }

    pub(super) fn size(&self, file: MessageId) -> u64 {
        self.offer(file).map_or(0, |offer| offer.size)
    }
}

/// What a file is called on the screen.
pub(super) fn name_of(message: &Message) -> String {
    let offer = message.file.as_ref();
    offer.map(|offer| clean::name(offer.name.as_str()).into_owned()).unwrap_or_default()
}

/// How much it is.
pub(super) fn size_of(message: &Message) -> String {
    files::bytes(message.file.as_ref().map_or(0, |offer| offer.size))
}

#[cfg(test)]
mod tests {
    use chat_core::{BootId, EntryId, FileName, Nick, RoomName, Stamp, StoredPeer, UnixMillis};

    use super::*;
    use crate::store::Known;

    fn offer(number: u8, from: u8, name: &str) -> Message {
        let offer = Offer { name: FileName::lenient(name), size: 60_000_000, hash: [0; 32], folder: false };
        Message {
            id: MessageId { entry: EntryId([number; 32]), item: 0 },
            place: Place::Room(RoomName::lobby()),
            from: PeerKey([from; 32]),
            boot: BootId(1),
            nick: Nick::new("bo").unwrap(),
            text: name.into(),
            action: false,
            reply: None,
            file: Some(Box::new(offer)),
            sent: UnixMillis(0),
            stamp: Stamp(0),
            late: false,
            own: false,
        }
    }

    fn known(key: u8, nick: &str) -> Known {
        let (key, nick) = (PeerKey([key; 32]), Nick::new(nick).unwrap());
        let peer = StoredPeer { key, nick, direct: [0; 32], addresses: vec![], seen: UnixMillis(0) };
        Known { peer, talked: true }
    }

    #[test]
    fn whose_file_is_meant_is_never_guessed() {
        let people = vec![known(1, "bo"), known(2, "zoe m")];
        let people = People::new(PeerKey([0; 32]), Nick::new("ana").unwrap(), people);
        let mut desk = Desk::default();
        for (number, from, name) in
            [(1, 1, "a b.jpg"), (2, 2, "a b.jpg"), (3, 1, "c.jpg"), (4, 1, "c.jpg"), (5, 2, "bo")]
        {
            desk.on_offer(offer(number, from, name));
        }
        let chosen = |argument| desk.chosen(argument, &people).map(|message| message.id.entry.0[0]);
        for (argument, number) in [
            ("bo a b.jpg", 1),
            ("zoe m a b.jpg", 2),
            ("\"zoe m\" \"a b.jpg\"", 2),
            ("c.jpg", 4),
            ("bo", 4),
            ("zoe m", 5),
            ("zoe m bo", 5),
        ] {
            assert_eq!(chosen(Some(argument)), Ok(number), "{argument}");
        }
        assert_eq!(chosen(None), Ok(5));
        assert!(chosen(Some("a b.jpg")).unwrap_err().contains("/accept NICK a b.jpg"));
        assert!(chosen(Some("d.jpg")).is_err() && chosen(Some("zoe m c.jpg")).is_err());
    }

    #[test]
    fn only_so_much_comes_unasked() {
        let mut desk = Desk::default();
        assert!((0..16).all(|number| {
            let is_small = desk.is_small(&offer(number, 1, "a"));
            desk.on_unasked(&offer(number, 1, "a"));
            is_small
        }));
        assert!(!desk.is_small(&offer(99, 1, "a")));
    }

    #[test]
    fn no_more_than_so_many_offers_are_remembered() {
        let mut desk = Desk::default();
        (0..=OFFERS_MAX).for_each(|number| desk.on_offer(offer((number % 256) as u8, 1, "a")));
        assert_eq!(desk.offers().len(), OFFERS_MAX);
    }
}
