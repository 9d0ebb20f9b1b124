//! The two ends of a running node: what a program gives to a runtime, and what it gets from it.

use std::sync::Arc;

use chat_core::{Input, Output};

/// Is given every [`Output::Event`], [`Output::Persist`] and [`Output::Fetch`] in order, on the loop's own thread.
/// What it answers goes into the node at once: whoever has read the state already need not send it after.
///
/// It must be quick, and must not call [`Submit`]: the loop that it holds up is the one that would have to make room.
/// [`Event::Finished`](chat_core::Event::Finished) comes last of all, when the sockets are closed; then it is dropped.
pub type OnOutput = Box<dyn FnMut(Output) -> Option<Input<'static>> + Send>;

/// Hands an input to the node, from any thread; it waits while the node is behind.
///
/// After the node's end it does nothing. When the last clone is dropped the node ends without a goodbye, as in a crash.
pub type Submit = Arc<dyn Fn(Input<'static>) + Send + Sync>;
