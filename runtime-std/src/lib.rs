//! The chat on blocking threads: one for each socket, which waits in the kernel for datagrams, and one for the node,
//! which waits for all of them on a channel. No async anywhere.
#![forbid(unsafe_code)]

mod reader;

use std::{
    collections::VecDeque,
    io,
    sync::{
        Arc,
        mpsc::{Receiver, channel},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use chat_core::{Input, Node, Wake};
use chat_net::{Clock, Door, Host, Inbox, Net, OnOutput, Submit, inbox};
use reader::Load;

/// Lets `node` live on `net` by the time of `clock`, by which it was made, on threads of its own. What it says first has
/// been said when this returns: the sooner it speaks the sooner it is found.
///
/// # Errors
/// If the system gives no thread.
pub fn start(node: Node, net: Net, clock: Clock, on_output: OnOutput) -> io::Result<Submit> {
    let (door, inbox) = inbox(|| {});
    let door = Own(door);
    let sockets = net.sockets().to_vec();
    let (to_end, readers) = channel();
    let mut host = Host::new(node, net, clock, on_output);
    let wake = host.speak();
    let live = move || run(host, wake, clock, inbox, readers);
    thread::Builder::new().name("chat-node".into()).spawn(live)?;
    for socket in sockets {
        let door = door.0.clone();
        let read = move || reader::read(&socket, &door);
        // Whether it has ended already shows in what is submitted.
        let _ = to_end.send(thread::Builder::new().name("chat-reader".into()).spawn(read)?);
    }
    Ok(Arc::new(move |input| door.submit(input)))
}

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
    inbox: Inbox<Turn>,
    readers: Receiver<JoinHandle<()>>,
) {
    let (mut turns, mut is_stopped) = (VecDeque::new(), false);
    while !is_stopped && !host.is_finished() {
        if turns.is_empty() {
            if !inbox.wait(host.until(wake), &mut turns) {
                break;
            }
            if turns.is_empty() {
                host.take(clock.now(), Input::Tick);
            }
        }
        let begun = clock.now();
        let (mut now, mut left) = (begun, TURNS_AT_ONCE);
        while let Some(turn) = turns.pop_front() {
            match turn {
                Turn::Input(input) => host.take(now, input),
                Turn::Datagrams(load) => {
                    host.take_datagrams(&load.batch);
                    load.give_back();
                }
                Turn::Stop => is_stopped = true,
            }
            (now, left) = (clock.now(), left - 1);
            if left == 0 || now - begun >= LONG {
                break;
            }
        }
        if !is_stopped {
            wake = host.speak();
        }
    }
    let tell_end = host.close();
    // The readers end when their sockets are closed, or when nobody takes from them any more. What they have passed on and
    // nobody will look at has to go, too: whoever has no memory left waits for it, and does not see that his socket is closed.
    drop((inbox, turns));
    readers.into_iter().for_each(|reader| drop(reader.join()));
    tell_end();
}

/// The way in for everybody but the readers. The loop ends when it is closed.
struct Own(Door<Turn>);

impl Own {
    fn submit(&self, input: Input<'static>) {
        // It has gone after the node's end, and then there is nothing to be done.
        let _ = self.0.put(Turn::Input(input));
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        let _ = self.0.put(Turn::Stop);
    }
}
