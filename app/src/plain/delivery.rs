//! What has become of what was said: silence means that it arrived.

use std::{collections::VecDeque, time::Duration};

use chat_core::{EntryId, Event, Instant, PeerKey};

use crate::front::Said;

/// How long nobody may have stored a message before the person is told.
const LATE: Duration = Duration::from_secs(5);
/// Messages watched at a time; a flood of them is not a person's.
const WATCHED_MAX: usize = 16;
/// Characters of a message that are enough to know it by.
const BEGINNING: usize = 40;

/// What was said and is not stored by others yet.
#[derive(Debug, Default)]
pub(super) struct Delivery {
    said: Said,
    watched: VecDeque<(Instant, EntryId, String)>,
    /// Whose absence was explained last; `None` inside is everybody's.
    explained: Option<Option<PeerKey>>,
}

impl Delivery {
    pub(super) fn on_event(&mut self, event: &Event) {
        self.said.on_event(event);
        if let Event::Receipt { entry, stored_by: 1.., .. } = event {
            self.watched.retain(|(_, watched, _)| watched != entry);
        }
    }

    /// Watches what becomes of an own message, whose [`Event::Done`] was taken in before.
    pub(super) fn on_said(&mut self, now: Instant, entry: EntryId, text: &str) {
        let is_new = self.watched.iter().all(|(_, watched, _)| *watched != entry);
        if is_new && self.watched.len() < WATCHED_MAX && !self.said.is_heard(entry) {
            self.watched.push_back((now + LATE, entry, beginning(text)));
        }
    }

    pub(super) fn next_wake(&self) -> Option<Instant> {
        self.watched.front().map(|(due, ..)| *due)
    }

    /// The beginnings of what nobody has stored in time.
    pub(super) fn on_tick(&mut self, now: Instant) -> Vec<String> {
        let late = self.watched.iter().take_while(|(due, ..)| *due <= now).count();
        self.watched.drain(..late).map(|(.., text)| text).collect()
    }

    /// How many entries nobody else has stored.
    pub(super) fn unheard(&self) -> usize {
        self.said.unheard()
    }

    /// Whether it has yet to be said that this one, or everybody, is not here.
    pub(super) fn is_news_absence(&mut self, key: Option<PeerKey>) -> bool {
        self.explained.replace(key) != Some(key)
    }

    pub(super) const fn is_absence_explained(&self) -> bool {
        self.explained.is_some()
    }

    /// Somebody was here since.
    pub(super) fn forget_absence(&mut self) {
        self.explained = None;
    }
}

/// Enough of a message to know which one is meant, on one line.
pub(super) fn beginning(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    match line.char_indices().nth(BEGINNING) {
        Some((end, _)) => format!("{}\u{2026}", &line[..end]),
        None => line.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::front::tests::{done, entry, message, receipt};

    fn at(seconds: u64) -> Instant {
        Instant::ORIGIN + Duration::from_secs(seconds)
    }

    fn say(delivery: &mut Delivery, number: u8) {
        delivery.on_event(&message(number.into(), 0));
        store(delivery, number);
    }

    fn store(delivery: &mut Delivery, number: u8) {
        delivery.on_event(&done(number.into(), 0));
        delivery.on_said(at(0), entry(number.into()), &"x".repeat(100));
    }

    #[test]
    fn absence_is_explained_once_until_somebody_comes() {
        let mut delivery = Delivery::default();
        assert!(!delivery.is_absence_explained());
        assert!(delivery.is_news_absence(None) && !delivery.is_news_absence(None));
        assert!(delivery.is_absence_explained());
        delivery.forget_absence();
        assert!(!delivery.is_absence_explained() && delivery.is_news_absence(None));
    }

    #[test]
    fn only_what_nobody_stored_is_told() {
        let mut delivery = Delivery::default();
        (1..=3).for_each(|number| say(&mut delivery, number));
        delivery.on_event(&receipt(2, 1, 2));
        delivery.on_event(&receipt(3, 0, 2));
        assert_eq!(delivery.next_wake(), Some(at(5)));
        assert_eq!(delivery.on_tick(at(4)), Vec::<String>::new());
        assert_eq!(delivery.on_tick(at(5)), vec!["x".repeat(40) + "\u{2026}"; 2]);
        assert_eq!((delivery.on_tick(at(9)).len(), delivery.next_wake()), (0, None));
        assert_eq!(delivery.unheard(), 2);
    }

    #[test]
    fn a_receipt_may_come_first() {
        let mut delivery = Delivery::default();
        delivery.on_event(&message(1, 0));
        delivery.on_event(&receipt(1, 1, 1));
        store(&mut delivery, 1);
        assert_eq!((delivery.next_wake(), delivery.unheard()), (None, 0));
    }
}
