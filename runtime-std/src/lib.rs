//! The chat on blocking threads: one for each socket, which waits in the kernel for datagrams, and one for the node,
//! which waits for all of them on a channel. No async anywhere.
#![forbid(unsafe_code)]

mod reader;

use std::{
    io, iter,
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError, SyncSender, channel, sync_channel},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use chat_core::{Input, Node, Wake};
use chat_net::{Clock, Host, Net, OnOutput, Submit};
use reader::Load;

/// Lets `node` live on `net` by the time of `clock`, by which it was made, on threads of its own. What it says first has
/// been said when this returns: the sooner it speaks the sooner it is found.
///
/// # Errors
/// If the system gives no thread.
pub fn start(node: Node, net: Net, clock: Clock, on_output: OnOutput) -> io::Result<Submit> {
    let (door, inbox) = sync_channel(TURNS);
    let door = Door(door);
    let sockets = net.sockets().to_vec();
    let (to_end, readers) = channel();
    let mut host = Host::new(node, net, clock, on_output);
    let wake = host.speak();
    let live = move || run(host, wake, clock, inbox, readers);
    thread::Builder::new().name("chat-node".into()).spawn(live)?;
    for socket in sockets {
        let inbox = door.0.clone();
        let read = move || reader::read(&socket, &inbox);
        // Whether it has ended already shows in what is submitted.
        let _ = to_end.send(thread::Builder::new().name("chat-reader".into()).spawn(read)?);
    }
    Ok(Arc::new(move |input| door.submit(input)))
}

/// What the loop may be behind with before those who submit, and the readers, have to wait.
const TURNS: usize = 256;
/// What is taken in before the node is asked what it wants: the more at once, the fuller its datagrams.
const TURNS_AT_ONCE: usize = 64;
/// What took so long is answered before more is taken in: a handshake does not wait for those behind it.
const LONG: Duration = Duration::from_micros(200);

/// What makes the loop turn.
enum Turn {
    Input(Input<'static>),
    Datagrams(Load),
    Stop,
}

fn run(
    mut host: Host,
    mut wake: Option<Wake>,
    clock: Clock,
    inbox: Receiver<Turn>,
    readers: Receiver<JoinHandle<()>>,
) {
    let mut is_stopped = false;
    while !is_stopped && !host.is_finished() {
        match inbox.recv_timeout(host.until(wake)) {
            Ok(first) => {
                let begun = clock.now();
                for turn in iter::once(first).chain(inbox.try_iter()).take(TURNS_AT_ONCE) {
                    match turn {
                        Turn::Input(input) => host.take(input),
                        Turn::Datagrams(load) => {
                            host.take_datagrams(&load.batch);
                            load.give_back();
                        }
                        Turn::Stop => is_stopped = true,
                    }
                    if clock.now() - begun >= LONG {
                        break;
                    }
                }
            }
            Err(RecvTimeoutError::Timeout) => host.take(Input::Tick),
            Err(RecvTimeoutError::Disconnected) => break,
        }
        if !is_stopped {
            wake = host.speak();
        }
    }
    let tell_end = host.close();
    // The readers end when their sockets are closed, or when nobody takes from them any more.
    drop(inbox);
    readers.into_iter().for_each(|reader| drop(reader.join()));
    tell_end();
}

/// The way in for everybody but the readers. The loop ends when it is closed.
struct Door(SyncSender<Turn>);

impl Door {
    fn submit(&self, input: Input<'static>) {
        // It has gone after the node's end, and then there is nothing to be done.
        let _ = self.0.send(Turn::Input(input));
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        let _ = self.0.send(Turn::Stop);
    }
}
