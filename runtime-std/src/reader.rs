//! A thread that does nothing but wait for one socket.

use std::sync::mpsc::{SyncSender, sync_channel};

use chat_net::{Batch, Door, Socket};

use crate::Turn;

/// Batches of one socket that are under way at a time. When all are, what comes in waits in the system's buffer.
const LOADS: usize = 2;

/// What has come in, and the way back for the memory that it is in.
pub(crate) struct Load {
    pub(crate) batch: Batch,
    back: SyncSender<Self>,
}

impl Load {
    /// Returns the memory to the reader.
    pub(crate) fn give_back(self) {
        let back = self.back.clone();
        // The reader may have ended.
        let _ = back.send(self);
    }
}

/// Passes on everything that comes in, until the socket is closed or nobody takes it any more.
pub(crate) fn read(socket: &Socket, door: &Door<Turn>) {
    let (back, loads) = sync_channel(LOADS);
    for _ in 0..LOADS {
        let _ = back.send(Load { batch: Batch::new(), back: back.clone() });
    }
    // From here only the loads lead back: when the loop has dropped them all, there is nothing more to wait for.
    drop(back);
    for mut load in loads {
        while !socket.receive(&mut load.batch) {
            if !socket.wait() {
                return;
            }
        }
        if door.put(Turn::Datagrams(load)).is_err() {
            return;
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests;
