//! What a machine wants done, in order: it only ever pushes; its parent drains.

use alloc::collections::VecDeque;

/// Bytes that an empty queue may keep.
const KEPT: usize = 1 << 20;

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

    pub(crate) fn extend(&mut self, wishes: impl IntoIterator<Item = T>) {
        self.0.extend(wishes);
    }

    pub(crate) fn pop(&mut self) -> Option<T> {
        let wish = self.0.pop_front();
        rewind(&mut self.0);
        wish
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// An empty queue begins where it did at first: else each entry would go to the place that was used longest ago, and of
/// a queue that was long once that is never at hand. Of one that was very long the memory is given back.
pub(crate) fn rewind<T>(queue: &mut VecDeque<T>) {
    if queue.is_empty() {
        queue.clear();
        let kept = KEPT / size_of::<T>().max(1);
        if queue.capacity() > kept {
            queue.shrink_to(kept);
        }
    }
}
