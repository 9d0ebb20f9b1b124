//! What a machine wants done, in order: it only ever pushes; its parent drains.

use alloc::collections::VecDeque;

/// A first-in, first-out queue of one machine's wishes.
#[derive(Debug)]
pub(crate) struct Outbox<T>(VecDeque<T>);

impl<T> Outbox<T> {
    pub(crate) const fn new() -> Self {
        Self(VecDeque::new())
    }

    pub(crate) fn push(&mut self, wish: T) {
        self.0.push_back(wish);
    }

    pub(crate) fn pop(&mut self) -> Option<T> {
        self.0.pop_front()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
