//! The loop that every front end runs in, and how it ends: what was read is carried out, what was said is stored,
//! everybody gets a goodbye, and all that within two seconds.

use std::{collections::BTreeMap, sync::mpsc::Receiver, time::Duration};

use chat_core::{Action, EntryId, Event, Instant};
use chat_net::Clock;

use crate::{engine::Engine, happening::Happening, out::Out, signals::PATIENCE};

/// Of [`PATIENCE`], how long what was read may take to be carried out and stored, here and by somebody else.
const FINISH: Duration = Duration::from_millis(1200);
/// How long the goodbye may take after that.
const GOODBYE: Duration = Duration::from_millis(400);
/// Own entries whose receipts are followed.
const FOLLOWED_MAX: usize = 8192;

/// What shows events to a person or a program, and takes their wishes.
pub(crate) trait Front {
    /// Shows what happened, or does what was asked.
    fn on_happening(&mut self, now: Instant, happening: Happening, engine: &mut Engine);
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
pub(crate) fn run(
    front: &mut dyn Front,
    engine: &mut Engine,
    told: &Receiver<Happening>,
    out: &Out,
    clock: Clock,
) {
    let mut phase = Phase::Stay;
    let mut said = Said::default();
    let mut asked = None;
    while phase != Phase::Over {
        let wake = [front.next_wake(), phase.deadline()].into_iter().flatten().min();
        let happening = wait(told, wake.map(|wake| wake - clock.now()));
        let now = clock.now();
        let mut is_finished = false;
        let mut is_patient = false;
        match &happening {
            Some(Happening::Event(event)) => {
                said.on_event(event);
                is_finished = matches!(event, Event::Finished);
            }
            Some(Happening::InputEnded) => is_patient = true,
            _ => {}
        }
        let ends =
            matches!(happening, Some(Happening::Stop | Happening::OutputClosed | Happening::InputEnded));
        match happening {
            // What is typed after the wish to leave is not done any more.
            Some(Happening::Line(_)) if phase != Phase::Stay => {}
            Some(happening) => front.on_happening(now, happening, engine),
            None => front.on_tick(now, engine),
        }
        let ends = ends || front.is_leaving();
        phase = match phase {
            Phase::Stay if ends => {
                asked = Some(now);
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
        front.on_happening(clock.now(), happening, engine);
    }
    out.finish(end - clock.now());
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

/// What was said in this run, and who has stored it.
#[derive(Debug, Default)]
pub(crate) struct Said(BTreeMap<EntryId, Stored>);

#[derive(Clone, Copy, Debug, Default)]
struct Stored {
    /// Receipts may come before our own store is ready.
    is_ours: bool,
    by: u32,
    of: u32,
}

impl Said {
    pub(crate) fn on_event(&mut self, event: &Event) {
        let (entry, stored) = match event {
            Event::Done { message: Some(message), .. } => {
                let stored = self.0.entry(message.entry).or_default();
                stored.is_ours = true;
                (message.entry, *stored)
            }
            Event::Receipt { entry, stored_by, of } => {
                let stored = self.0.entry(*entry).or_default();
                (stored.by, stored.of) = (*stored_by, *of);
                (*entry, *stored)
            }
            _ => return,
        };
        if stored.is_ours && stored.is_complete() || self.0.len() > FOLLOWED_MAX {
            self.0.remove(&entry);
        }
    }

    /// Whether anybody has stored this entry.
    pub(crate) fn is_heard(&self, entry: EntryId) -> bool {
        // What is complete is no longer followed.
        self.0.get(&entry).is_none_or(|stored| stored.by > 0)
    }

    /// How many of our entries nobody else has stored.
    pub(crate) fn unheard(&self) -> usize {
        self.0.values().filter(|stored| stored.is_ours && stored.by == 0).count()
    }

    /// Whether everything that was said is stored by all who should.
    pub(crate) fn is_stored(&self) -> bool {
        !self.0.values().any(|stored| stored.is_ours && !stored.is_complete())
    }
}

impl Stored {
    fn is_complete(self) -> bool {
        self.by > 0 && self.by >= self.of
    }
}
