//! The loop that every front end runs in, and how it ends: what was read is carried out, what was said is stored,
//! everybody gets a goodbye, and all that within two seconds.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::mpsc::Receiver,
    time::Duration,
};

use chat_core::{Action, EntryId, Event, Instant};
use chat_net::Clock;

use crate::{
    engine::Engine,
    fault::Fault,
    happening::{Happening, Line},
    out::Out,
    signals::{self, PATIENCE},
};

/// Of [`PATIENCE`], how long what was read may take to be carried out and stored, here and by somebody else.
const FINISH: Duration = Duration::from_millis(1200);
/// How long the goodbye may take after that.
const GOODBYE: Duration = Duration::from_millis(400);
/// Own entries whose receipts are followed; the core counts those of fewer.
const FOLLOWED_MAX: usize = 8192;

/// What shows events to a person or a program, and takes their wishes.
pub(crate) trait Front {
    /// Shows what happened, or does what was asked.
    fn on_happening(&mut self, now: Instant, happening: Happening, engine: &mut Engine);
    /// Hears of a line that is not carried out, since the end has begun.
    fn refuse(&mut self, line: Line);
    /// Does what is due at `now`.
    fn on_tick(&mut self, now: Instant, engine: &mut Engine);
    /// When [`on_tick`](Self::on_tick) is next needed.
    fn next_wake(&self) -> Option<Instant>;
    /// How many wishes have no answer yet.
    fn unanswered(&self) -> usize;
    /// Whether the wish was to leave.
    fn is_leaving(&self) -> bool;
}

/// Runs `front` until it, a signal, or the end of its input or output ends it; then the node, the store and the
/// output in this order.
///
/// # Errors
/// When a part of the program has failed.
pub(crate) fn run(
    front: &mut dyn Front,
    engine: &mut Engine,
    told: &Receiver<Happening>,
    out: &Out,
    clock: Clock,
) -> Result<(), Fault> {
    let mut phase = Phase::Stay;
    let mut said = Said::default();
    let (mut asked, mut fault) = (None, None);
    while phase != Phase::Over {
        let wake = [front.next_wake(), phase.deadline()].into_iter().flatten().min();
        let happening = wait(told, wake.map(|wake| wake - clock.now()));
        signals::goes_on();
        let now = clock.now();
        let mut is_finished = false;
        let mut is_patient = false;
        match &happening {
            Some(Happening::Event(event)) => {
                said.on_event(event);
                is_finished = matches!(event, Event::Finished);
            }
            Some(Happening::InputEnded) => is_patient = true,
            Some(Happening::Failed(what)) => fault = Some(Fault::failed(what)),
            _ => {}
        }
        let ends = matches!(
            happening,
            Some(Happening::Stop | Happening::OutputClosed | Happening::InputEnded | Happening::Failed(_))
        );
        match happening {
            // What is typed after the wish to leave is not done any more.
            Some(Happening::Line(line)) if phase != Phase::Stay => front.refuse(line),
            Some(happening) => front.on_happening(now, happening, engine),
            None => front.on_tick(now, engine),
        }
        let ends = ends || front.is_leaving();
        phase = match phase {
            Phase::Stay if ends => {
                asked = Some(now);
                signals::end_when_stuck();
                Phase::Finish { patient: is_patient, until: now + FINISH }
            }
            Phase::Finish { patient: true, until } if ends && !is_patient => {
                Phase::Finish { patient: false, until }
            }
            phase => phase,
        };
        if let Phase::Finish { patient, until } = phase {
            let done = front.unanswered() == 0 && (!patient || said.is_stored());
            if done || now >= until {
                engine.command(Action::Quit);
                phase = Phase::Leave { until: now + GOODBYE };
            }
        }
        if let Phase::Leave { until } = phase
            && (is_finished || now >= until)
        {
            phase = Phase::Over;
        }
    }
    let end = asked.unwrap_or(clock.now()) + PATIENCE;
    if !engine.close(end - clock.now()) {
        log::error!("the store did not finish in time");
    }
    // What was stored last is told, too.
    while let Ok(happening) = told.try_recv() {
        match happening {
            Happening::Line(line) => front.refuse(line),
            happening => front.on_happening(clock.now(), happening, engine),
        }
    }
    out.finish(end - clock.now());
    fault.map_or(Ok(()), Err)
}

/// How far the end has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    Stay,
    /// Waiting for answers and, with `patient`, until others have stored what was said.
    Finish {
        patient: bool,
        until: Instant,
    },
    /// Goodbyes are under way.
    Leave {
        until: Instant,
    },
    Over,
}

impl Phase {
    fn deadline(self) -> Option<Instant> {
        match self {
            Self::Stay | Self::Over => None,
            Self::Finish { until, .. } | Self::Leave { until } => Some(until),
        }
    }
}

/// The next happening; `None` when none comes in time.
pub(crate) fn wait(told: &Receiver<Happening>, patience: Option<Duration>) -> Option<Happening> {
    match patience {
        None => told.recv().ok(),
        Some(patience) => told.recv_timeout(patience).ok(),
    }
}

/// What was said in this run and is not stored by all who should, the latest [`FOLLOWED_MAX`] entries.
#[derive(Debug, Default)]
pub(crate) struct Said {
    entries: BTreeMap<EntryId, Stored>,
    /// The latest ones in the order in which they were said, also those that are complete.
    order: VecDeque<EntryId>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Stored {
    /// Receipts may come before our own store is ready.
    here: bool,
    by: u32,
    of: u32,
}

impl Said {
    pub(crate) fn on_event(&mut self, event: &Event) {
        let (entry, change): (_, &dyn Fn(&mut Stored)) = match event {
            Event::Message(message) if message.own => return self.follow(message.id.entry),
            Event::Change(change) if change.own => return self.follow(change.id.entry),
            Event::Done { message: Some(message), .. } => (message.entry, &|stored| stored.here = true),
            Event::Receipt { entry, stored_by, of } => {
                (*entry, &|stored| (stored.by, stored.of) = (*stored_by, *of))
            }
            _ => return,
        };
        if let Some(stored) = self.entries.get_mut(&entry) {
            change(stored);
            if stored.here && stored.is_complete() {
                self.entries.remove(&entry);
            }
        }
    }

    /// An entry may hold several messages, of which each is shown.
    fn follow(&mut self, entry: EntryId) {
        if self.order.back() == Some(&entry) {
            return;
        }
        if self.order.len() >= FOLLOWED_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.entries.remove(&oldest);
        }
        self.order.push_back(entry);
        self.entries.insert(entry, Stored::default());
    }

    /// Whether anybody has stored this entry.
    pub(crate) fn is_heard(&self, entry: EntryId) -> bool {
        // What is complete is no longer followed.
        self.entries.get(&entry).is_none_or(|stored| stored.by > 0)
    }

    /// How many of our entries nobody else has stored.
    pub(crate) fn unheard(&self) -> usize {
        self.entries.values().filter(|stored| stored.here && stored.by == 0).count()
    }

    /// Whether everything that was said is stored by all who should.
    pub(crate) fn is_stored(&self) -> bool {
        !self.entries.values().any(|stored| stored.here && !stored.is_complete())
    }
}

impl Stored {
    fn is_complete(self) -> bool {
        self.by > 0 && self.by >= self.of
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use chat_core::{BootId, Message, MessageId, Nick, PeerKey, Place, RoomName, Stamp, UnixMillis};

    use super::*;

    pub(crate) fn entry(number: usize) -> EntryId {
        let mut id = [0; 32];
        id[..8].copy_from_slice(&number.to_le_bytes());
        EntryId(id)
    }

    /// What the core tells when something was said.
    pub(crate) fn message(number: usize, item: u16) -> Event {
        let message = Message {
            id: MessageId { entry: entry(number), item },
            place: Place::Room(RoomName::lobby()),
            from: PeerKey([0; 32]),
            boot: BootId(1),
            nick: Nick::new("ana").unwrap(),
            text: String::from("hi"),
            action: false,
            reply: None,
            file: None,
            sent: UnixMillis(0),
            stamp: Stamp(0),
            late: false,
            own: true,
        };
        Event::Message(message.into())
    }

    pub(crate) fn done(number: usize, item: u16) -> Event {
        Event::Done { tag: 0, message: Some(MessageId { entry: entry(number), item }) }
    }

    pub(crate) fn receipt(number: usize, stored_by: u32, of: u32) -> Event {
        Event::Receipt { entry: entry(number), stored_by, of }
    }

    #[test]
    fn what_was_said_is_followed_until_all_have_it() {
        let mut said = Said::default();
        let hear = |said: &mut Said, events: &[Event]| events.iter().for_each(|event| said.on_event(event));
        hear(&mut said, &[message(1, 0), message(1, 1), receipt(1, 1, 2)]);
        assert!(said.is_stored() && said.is_heard(entry(1)), "here it is not stored yet");
        hear(&mut said, &[done(1, 0), done(1, 1)]);
        assert_eq!((said.is_stored(), said.unheard()), (false, 0));
        hear(&mut said, &[receipt(1, 2, 2), done(1, 1), receipt(1, 3, 4)]);
        assert!(said.is_stored() && said.entries.is_empty(), "what is answered is not taken up again");
        // The receipts come first, and the entry has two messages.
        hear(&mut said, &[message(2, 0), message(2, 1), receipt(2, 1, 1), done(2, 0), done(2, 1)]);
        assert!(said.is_stored() && said.entries.is_empty());
    }

    #[test]
    fn the_latest_are_followed_however_much_was_said() {
        let mut said = Said::default();
        for number in 0..=FOLLOWED_MAX {
            // Not of this run; and complete, with a receipt behind that.
            said.on_event(&receipt(number + (1 << 32), 1, 3));
            [message(number, 0), done(number, 0), receipt(number, 1, 1), receipt(number, 2, 3)]
                .iter()
                .for_each(|event| said.on_event(event));
        }
        assert!(said.is_stored() && said.entries.is_empty());
        // Some that the store refused, and that stay open.
        (0..FOLLOWED_MAX).for_each(|number| said.on_event(&message(number + (1 << 33), 0)));
        [message(1 << 34, 0), done(1 << 34, 0)].iter().for_each(|event| said.on_event(event));
        assert_eq!((said.is_stored(), said.unheard(), said.entries.len()), (false, 1, FOLLOWED_MAX));
        assert!(!said.is_heard(entry(1 << 34)));
    }
}
