//! Answers to `history`, which may be longer than a reader takes at once.

use std::collections::VecDeque;

use chat_core::{MessageId, Place};

use super::line::Id;
use crate::{
    engine::Engine,
    store::{Cursor, Shown},
};

/// Messages that are read from the store at a time.
pub(super) const PAGE: usize = 64;

/// A request for old messages.
#[derive(Debug)]
pub(super) struct History {
    pub(super) id: Option<Id>,
    pub(super) place: Place,
    pub(super) limit: usize,
    pub(super) before: Option<MessageId>,
}

/// The requests that are not answered yet, one after the other.
#[derive(Debug, Default)]
pub(super) struct Histories {
    waiting: VecDeque<History>,
    /// The one that is being answered, and what is yet to be written of it.
    current: Option<(Option<Id>, VecDeque<Cursor>)>,
}

/// What to write next.
#[derive(Debug)]
pub(super) enum Next {
    Nothing,
    /// An answer has begun. The place, when whoever scrolls back in it comes to the end of what is here.
    Begun(Option<Place>),
    Messages(Vec<Shown>),
    /// The answer with this id is complete.
    Done(Option<Id>),
    /// `before` is not there.
    Unknown(Option<Id>),
    /// The store cannot be read.
    Failed(Option<Id>),
}

impl Histories {
    pub(super) fn push(&mut self, history: History) {
        self.waiting.push_back(history);
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.len() + usize::from(self.current.is_some())
    }

    pub(super) fn next(&mut self, engine: &Engine) -> Next {
        let Some((id, mut rest)) = self.current.take() else {
            return self.begin(engine);
        };
        if rest.is_empty() {
            return Next::Done(id);
        }
        let page: Vec<Cursor> = rest.drain(..PAGE.min(rest.len())).collect();
        match engine.ask(move |store| store.shown(&page)) {
            Some(Ok(shown)) => {
                self.current = Some((id, rest));
                Next::Messages(shown)
            }
            _ => Next::Failed(id),
        }
    }

    fn begin(&mut self, engine: &Engine) -> Next {
        let Some(History { id, place, limit, before }) = self.waiting.pop_front() else {
            return Next::Nothing;
        };
        let asked = place.clone();
        match engine.ask(move |store| store.history(&asked, limit, before)) {
            Some(Ok(Some(cursors))) => {
                let is_end = before.is_some() && cursors.len() < limit;
                self.current = Some((id, cursors.into()));
                Next::Begun(is_end.then_some(place))
            }
            Some(Ok(None)) => Next::Unknown(id),
            _ => Next::Failed(id),
        }
    }
}
