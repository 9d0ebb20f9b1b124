//! What people do, and what they are told.

use std::num::NonZeroU16;

use chat_core::{
    Action, Bundle, Command, Event, FileName, Input, Nick, Offer, Place, RekeyState, RoomName, RoomRoot,
    Text, Thought, Transfer, TransferState,
};

use super::World;
use crate::{host::State, plan::Deed, watch::Fact};

impl World {
    /// The person of an act does it, if their program runs.
    pub(super) fn act(&mut self, number: usize) {
        let plan = std::rc::Rc::clone(&self.plan);
        let Some(act) = plan.acts.get(number) else { return };
        if act.what == Deed::Start {
            return self.start(act.host);
        }
        if self.machines[act.host].state != State::Runs {
            return;
        }
        if let Deed::Import(from) = act.what {
            let carried = self.machines[from].disk.carried();
            for entries in carried.chunks(Bundle::ENTRIES_MAX) {
                // A disk's entries are no larger than their authors may make them.
                let bundle = Bundle::new(entries.to_vec());
                bundle.into_iter().for_each(|bundle| self.command(act.host, Action::Import(bundle)));
            }
            return;
        }
        match self.action_of(number, act.host, &act.what) {
            Some(action) => self.command(act.host, action),
            None if act.what.is_talk() => self.watch.tally.count("text-refused"),
            None => {}
        }
    }

    pub(super) fn command(&mut self, host: usize, action: Action) {
        let machine = &mut self.machines[host];
        machine.tags += 1;
        let tag = machine.tags;
        if let Action::Fetch(wanted) = &action {
            machine.shelf.want(wanted.clone());
        }
        self.watch.see(self.now, &Fact::Asked { host, tag, action: &action });
        self.give(host, Input::Command(Command { tag, action }), None);
    }

    /// What a deed means to a program; nothing if its words are none that a program takes.
    fn action_of(&self, number: usize, host: usize, deed: &Deed) -> Option<Action> {
        let say = |place, size| {
            let text = Text::new(words(number, size)).ok()?;
            Some(Action::Say { place, text, action: false, reply: None })
        };
        let key = |host: usize| self.machines.get(host).map(|machine| machine.key(self.suite));
        let think = |of, thought| Some(Action::Think { key: key(of)?, thought });
        match deed {
            Deed::Say { room, size } => say(Place::Room(RoomName::new(room).ok()?), *size),
            Deed::Tell { to, size } => say(Place::Direct(key(*to)?), *size),
            Deed::Offer { room, size } => {
                let name = FileName::lenient(&words(number, 0));
                let offer = Offer { name, size: *size, hash: [0; 32], folder: false };
                Some(Action::Offer { place: Place::Room(RoomName::new(room).ok()?), offer })
            }
            Deed::Fetch(from) => Some(Action::Fetch(self.machines[host].disk.offered_by(key(*from)?)?)),
            Deed::Join(room) => Some(Action::Join(RoomName::new(room).ok()?)),
            Deed::Enter { room, secret } => {
                let root = RoomRoot::new([*secret; 32]);
                Some(Action::JoinPrivate { room: RoomName::new(room).ok()?, root })
            }
            Deed::Rekey { room, without } => {
                let without = without.iter().filter_map(|host| key(*host)).collect();
                Some(Action::Rekey { room: RoomName::new(room).ok()?, without })
            }
            Deed::Follow(room) => {
                let room = RoomName::new(room).ok()?;
                let successor = self.machines[host].successors.get(&room)?.first().copied()?;
                Some(Action::Follow { room, successor })
            }
            Deed::Leave(room) => Some(Action::Leave(RoomName::new(room).ok()?)),
            Deed::Rename(nick) => Some(Action::Rename(Nick::new(nick).ok()?)),
            Deed::Connect(to) => Some(Action::Connect(self.address(*to)?)),
            Deed::Compare(with) => Some(Action::Compare(key(*with)?)),
            Deed::Verify(whom) => think(*whom, Thought::Verified(true)),
            Deed::Block(whom) => think(*whom, Thought::Blocked(true)),
            Deed::Forgive(whom) => think(*whom, Thought::Blocked(false)),
            Deed::Quit => Some(Action::Quit),
            Deed::Keep { room, days } => {
                let place = Place::Room(RoomName::new(room).ok()?);
                Some(Action::Keep { place, days: NonZeroU16::new(*days) })
            }
            // Nothing that a program is told, or more than one thing.
            Deed::Start | Deed::Import(_) => None,
        }
    }

    /// A node tells its person something.
    pub(super) fn tell(&mut self, host: usize, event: &Event) {
        self.watch.see(self.now, &Fact::Told { host, event });
        if let Event::Transfer(Transfer { file, incoming: true, state, .. }) = event {
            let shelf = &mut self.machines[host].shelf;
            match state {
                TransferState::Whole => {
                    if let Err(what) = shelf.finish(*file) {
                        self.watch.broken("S18", self.now, format!("host {host}: {what}"));
                    }
                }
                TransferState::Stopped => shelf.give_up(*file),
                _ => {}
            }
        }
        if let Event::Rekey(rekey) = event
            && rekey.state != RekeyState::Announced
        {
            let known = &mut self.machines[host].successors;
            known.entry(rekey.room.clone()).or_default().insert(rekey.successor);
        }
        if *event == Event::Finished {
            self.machines[host].stop();
            self.watch.see(self.now, &Fact::Ended { host, goodbye: true });
        }
    }
}

/// What the act of this number says: no two say the same.
fn words(number: usize, size: usize) -> String {
    let mut words = format!("act {number} ");
    while words.len() < size {
        words.push(char::from(b'a' + u8::try_from(words.len() % 26).unwrap_or(0)));
    }
    words
}
