//! Frames in plain words, for traces: no proof and nothing that a key is made from.

use alloc::{format, string::String, vec::Vec};

use super::{Cause, Ended, Frame, Keep, Mark, Pulse, Step};
use crate::event::{EntryId, Stamp};

/// Names that are written out of a list.
const NAMES_SHOWN: usize = 4;

impl Frame {
    /// All but what is signed in it; `room` names the room of an index.
    pub(crate) fn told(&self, room: impl Fn(u16) -> String) -> String {
        match self {
            Self::Record(bytes) => format!("a peer's record, {} bytes", bytes.len()),
            Self::Proofs { proofs, .. } => {
                format!("proofs of up to {}, some may be noise", counted(proofs.len(), "room"))
            }
            Self::Floor { room: index, day, deep } => {
                format!("floor of {}: day {day}, the latest from day {deep} on", room(*index))
            }
            Self::Push { room: index, entries, repair } => {
                let why = if *repair { ", asked for" } else { "" };
                format!("push to {}, {}{why}", room(*index), counted(entries.len(), "entry"))
            }
            Self::Have { room: index, marks, cause } => {
                let why = match cause {
                    Cause::Repair => "you may lack them",
                    Cause::News => "they have just come in",
                    Cause::Receipt => "no receipt of yours has come",
                };
                format!("have in {}, {why}: {}", room(*index), names(marked(marks)))
            }
            Self::Want { room: index, marks } => {
                format!("want of {}: {}", room(*index), names(marked(marks)))
            }
            Self::Stored { room: index, ids } => {
                format!("stored for good in {}: {}", room(*index), names(ids.iter().copied()))
            }
            Self::Prune { room: index } => {
                format!("prune {}: announce instead of pushing what others wrote", room(*index))
            }
            Self::Sums { room: index, answer, from, to, days } => {
                let way = if *answer { "that differ" } else { "to compare" };
                format!("sums of {}, days {from}..{to}: {} {way}", room(*index), counted(days.len(), "day"))
            }
            Self::Reconcile { room: index, from, to, round, message } => format!(
                "reconcile {}, round {round}, entries of {}..{}: {} bytes",
                room(*index),
                seconds(*from),
                seconds(*to),
                message.len()
            ),
            Self::Heartbeat { counter, clock, members, rooms } => {
                let pulse = |pulse: &Pulse| {
                    format!(", {} up to {} is {}", room(pulse.room), seconds(pulse.up_to), hex(&pulse.digest))
                };
                let rooms: String = rooms.iter().map(pulse).collect();
                format!("heartbeat {counter}, clock {} ms, members {members:016x}{rooms}", clock.0)
            }
            Self::Known(known) => format!("known: {} of peers", counted(known.len(), "record")),
            Self::Ask(tags) => format!("ask for {} of peers", counted(tags.len(), "record")),
            Self::Keep(Keep::No) => String::from("keep: this session is not needed"),
            Self::Keep(Keep::Spare) => String::from("keep: this session makes up for another"),
            Self::Keep(Keep::Choice) => String::from("keep: this session is one of my choices"),
            Self::Sum(sum) => format!("sum of all members: {sum:016x}"),
            Self::Compare { step: Step::Commit, .. } => String::from("compare keys: committed to a number"),
            Self::Compare { step: Step::Number, .. } => String::from("compare keys: my number"),
            Self::Compare { step: Step::Open, .. } => String::from("compare keys: the number committed to"),
            Self::FileWant { room: index, number, file, offset, size } => format!(
                "want file {:?}.{} of {}, bytes {offset}..{size}, as transfer {number}",
                file.entry,
                file.item,
                room(*index)
            ),
            Self::FileEnd { number, by_sender, why } => {
                let why = match why {
                    Ended::Whole => "all of it is there",
                    Ended::Stopped => "stopped",
                    Ended::Gone => "not offered",
                    Ended::Busy => "too many at a time",
                };
                let whose = if *by_sender { "yours" } else { "mine" };
                format!("end of transfer {number} of {whose}: {why}")
            }
            Self::Relay { to, bytes } => {
                format!("relay to run {}: {} bytes of another session", hex(&to.0), bytes.len())
            }
            Self::Relayed { from, bytes } if bytes.is_empty() => {
                format!("relay: no way from here to run {}", hex(&from.0))
            }
            Self::Relayed { from, bytes } => {
                format!("relayed from run {}: {} bytes of another session", hex(&from.0), bytes.len())
            }
            Self::Unknown { kind } => format!("frame {kind} of a later version"),
        }
    }
}

/// A stamp as seconds since 1970.
pub(crate) fn seconds(stamp: Stamp) -> String {
    format!("{}.{:06}", stamp.0 / 1_000_000, stamp.0 % 1_000_000)
}

/// `1 room`, `2 rooms`, `2 entries`.
pub(crate) fn counted(count: usize, what: &str) -> String {
    match what.strip_suffix('y').filter(|stem| !stem.ends_with('a')) {
        _ if count == 1 => format!("1 {what}"),
        Some(stem) => format!("{count} {stem}ies"),
        None => format!("{count} {what}s"),
    }
}

/// The first four bytes in hex: enough to find the same again.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().take(4).map(|byte| format!("{byte:02x}")).collect()
}

/// The first few of a list, and how many there are more.
fn names(ids: impl ExactSizeIterator<Item = EntryId>) -> String {
    let count = ids.len();
    let shown: Vec<_> = ids.take(NAMES_SHOWN).map(|id| format!("{id:?}")).collect();
    match count - shown.len() {
        0 if count == 0 => String::from("none"),
        0 => shown.join(" "),
        more => format!("{} and {more} more", shown.join(" ")),
    }
}

/// The ids that marks begin with.
fn marked(marks: &[Mark]) -> impl ExactSizeIterator<Item = EntryId> {
    marks.iter().map(|mark| mark.ids().0)
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    #[test]
    fn a_proof_is_never_told() {
        let proofs = Frame::Proofs { binding: [0xcd; 8], proofs: vec![[0xab; 32]; 2] };
        assert_eq!(proofs.told(|_| String::new()), "proofs of up to 2 rooms, some may be noise");
    }

    #[test]
    fn a_frame_reads_like_a_sentence() {
        let room = |index| format!("#room{index}");
        let ids: Vec<_> = (1..=6).map(|byte| EntryId([byte; 32])).collect();
        let stored = Frame::Stored { room: 1, ids };
        assert_eq!(
            stored.told(room),
            "stored for good in #room1: 01010101 02020202 03030303 04040404 and 2 more"
        );
        let mark = Mark::new(Stamp(1), &EntryId([7; 32]));
        assert_eq!(Frame::Want { room: 2, marks: vec![mark] }.told(room), "want of #room2: 07070707");
        let push = Frame::Push { room: 0, entries: vec![vec![].into(); 2], repair: true };
        assert_eq!(push.told(room), "push to #room0, 2 entries, asked for");
        let pulse = Pulse { room: 3, up_to: Stamp(1_500_000), digest: [0xee; 16] };
        let beat =
            Frame::Heartbeat { counter: 4, clock: crate::UnixMillis(5), members: 6, rooms: vec![pulse] };
        let line = "heartbeat 4, clock 5 ms, members 0000000000000006, #room3 up to 1.500000 is eeeeeeee";
        assert_eq!(beat.told(room), line);
    }
}
