//! Whose clock is wrong. It silences nobody and moves no message; one should know of it all the same.

use std::collections::BTreeMap;

use chat_core::{Message, PeerKey};

/// A clock that differs by less from where the message stands is right enough.
const RIGHT_MS: i64 = 90_000;
/// What has been told is told again when it has changed by so much.
const AGAIN_MIN: i64 = 2;
/// People whose clocks are remembered as wrong.
const CLOCKS_MAX: usize = 1024;

/// By how many minutes whose clock is ahead, as was told last.
#[derive(Debug, Default)]
pub(super) struct Clocks(BTreeMap<PeerKey, i64>);

/// By how many minutes a clock is ahead now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Skew(i64);

impl Clocks {
    /// What a message shows of its author's clock that has not been told yet. Of a message that comes late one only
    /// learns what the clock was.
    pub(super) fn news(&mut self, message: &Message) -> Option<Skew> {
        let ahead = message.skew_ms();
        let minutes = if ahead.abs() < RIGHT_MS { 0 } else { ahead / 60_000 };
        let before = self.0.get(&message.from).copied().unwrap_or_default();
        let is_news = (minutes == 0) != (before == 0) || (minutes - before).abs() >= AGAIN_MIN;
        if message.late || !is_news {
            return None;
        }
        if minutes == 0 {
            self.0.remove(&message.from);
        } else if self.0.len() < CLOCKS_MAX || self.0.contains_key(&message.from) {
            self.0.insert(message.from, minutes);
        } else {
            return None;
        }
        Some(Skew(minutes))
    }
}

impl Skew {
    /// `bo's clock is 7 minutes ahead`; without a name it is our own.
    pub(super) fn text(self, whose: Option<&str>) -> String {
        let clock = whose.map_or_else(|| String::from("your clock"), |name| format!("{name}'s clock"));
        let Self(minutes) = self;
        let amount = match minutes.abs() {
            0 => return format!("{clock} is right again"),
            minutes @ 1..120 => format!("{minutes} minutes"),
            minutes @ 120..2880 => format!("{} hours", minutes / 60),
            minutes => format!("{} days", minutes / 1440),
        };
        let way = if minutes > 0 { "ahead" } else { "behind" };
        // Nobody knows the right time, but most have it.
        let of = if whose.is_none() { ", as the others have it" } else { "" };
        format!("{clock} is {amount} {way}{of}")
    }
}

#[cfg(test)]
mod tests {
    use chat_core::{BootId, EntryId, MessageId, Nick, Place, RoomName, Stamp, UnixMillis};

    use super::*;

    fn said(by: u8, ahead_ms: i64, late: bool) -> Message {
        let stamp = 1_800_000_000_000u64;
        Message {
            id: MessageId { entry: EntryId([0; 32]), item: 0 },
            place: Place::Room(RoomName::lobby()),
            from: PeerKey([by; 32]),
            boot: BootId(1),
            nick: Nick::new("bo").unwrap(),
            text: String::new(),
            action: false,
            reply: None,
            file: None,
            sent: UnixMillis(stamp.saturating_add_signed(ahead_ms)),
            stamp: Stamp(stamp * 1000),
            late,
            own: false,
        }
    }

    #[test]
    fn a_wrong_clock_is_told_once_and_when_it_is_right_again() {
        let mut clocks = Clocks::default();
        let mut told =
            |by, ahead, late| clocks.news(&said(by, ahead, late)).map(|skew| skew.text(Some("bo")));
        assert_eq!(told(1, 60_000, false), None);
        assert_eq!(told(1, 7 * 60_000, true), None, "that is how it was");
        assert_eq!(told(1, 7 * 60_000, false).as_deref(), Some("bo's clock is 7 minutes ahead"));
        assert_eq!(told(1, 8 * 60_000, false), None);
        assert_eq!(told(2, -86_400_000 * 9, false).as_deref(), Some("bo's clock is 9 days behind"));
        assert_eq!(told(1, -3 * 3_600_000, false).as_deref(), Some("bo's clock is 3 hours behind"));
        assert_eq!(told(1, 0, false).as_deref(), Some("bo's clock is right again"));
        assert_eq!(told(1, 0, false), None);
        // A clock at the beginning or the end of time.
        assert!(told(3, i64::MIN / 2, false).is_some());
        assert_eq!(Skew(-7).text(None), "your clock is 7 minutes behind, as the others have it");
    }

    #[test]
    fn no_more_than_so_many_are_remembered() {
        let mut clocks = Clocks::default();
        for number in 0..3000u32 {
            let mut message = said(1, 3_600_000, false);
            message.from.0[..4].copy_from_slice(&number.to_be_bytes());
            clocks.news(&message);
        }
        assert_eq!(clocks.0.len(), CLOCKS_MAX);
    }
}
