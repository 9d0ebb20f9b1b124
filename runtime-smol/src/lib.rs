//! The chat on smol: one task, in which the node, its timer and all its sockets wait together in async-io.
#![forbid(unsafe_code)]

use std::{
    collections::VecDeque,
    future::{Future, poll_fn},
    io,
    pin::Pin,
    sync::Arc,
    task::Poll,
    thread,
};

use chat_core::{Input, Instant, Node, Wake};
use chat_net::{Batch, Clock, Host, Inbox, Net, OnOutput, Socket, Submit, inbox};
use smol::{Async, Timer, channel, future};

/// Lets `node` live on `net` by the time of `clock`, by which it was made, on a thread of its own. What it says first has
/// been said when this returns: the sooner it speaks the sooner it is found.
///
/// # Errors
/// If the system gives no thread, or does not let the sockets be waited for.
pub fn start(node: Node, net: Net, clock: Clock, on_output: OnOutput) -> io::Result<Submit> {
    let sockets = net.sockets().to_vec();
    let mut host = Host::new(node, net, clock, on_output);
    let wake = host.speak();
    let sockets = sockets.into_iter().map(Async::new_nonblocking).collect::<io::Result<Vec<_>>>()?;
    let (bell, rung) = channel::bounded(1);
    // Once is enough: the loop takes all that is there.
    let (door, inbox) = inbox(move || _ = bell.try_send(()));
    // async-io has a thread that waits for all sockets and timers anyway. With `smol::block_on` this one would take turns
    // with it, and each turn wakes the other up to ten times: too much for a peer that is idle.
    let live = move || future::block_on(run(host, wake, clock, (inbox, rung), sockets));
    thread::Builder::new().name("chat-node".into()).spawn(live)?;
    // Nobody takes it after the node's end, and then there is nothing to be done.
    Ok(Arc::new(move |input| _ = door.put(input)))
}

/// What is taken in before the node is asked what it wants: the more at once, the fuller its datagrams.
const INPUTS_AT_ONCE: usize = 64;

async fn run(
    mut host: Host,
    mut wake: Option<Wake>,
    clock: Clock,
    (inbox, rung): (Inbox<Input<'static>>, channel::Receiver<()>),
    sockets: Vec<Async<Arc<Socket>>>,
) {
    let (mut batch, mut inputs) = (Batch::new(), VecDeque::new());
    let mut alarm = Alarm { timer: Timer::never(), at: None };
    while !host.is_finished() {
        let mut idle = true;
        for socket in &sockets {
            if socket.get_ref().receive(&mut batch) {
                idle = false;
                host.take_datagrams(&batch);
            }
        }
        if inputs.is_empty() && !inbox.take(&mut inputs) {
            // Nobody is left who could submit anything.
            break;
        }
        for input in inputs.drain(..inputs.len().min(INPUTS_AT_ONCE)) {
            idle = false;
            host.take(clock.now(), input);
        }
        if idle {
            let input = async {
                let _ = rung.recv().await;
                Woken::ByBell
            };
            let tick = async {
                alarm.ring(clock, host.next(wake)).await;
                Woken::InTime
            };
            match future::or(input, future::or(readable(&sockets), tick)).await {
                Woken::InTime => host.take(clock.now(), Input::Tick),
                Woken::ByBell | Woken::ByDatagrams => continue,
            }
        }
        wake = host.speak();
    }
    // First the reactor lets go of the sockets, then they are closed.
    drop(sockets);
    host.close()();
}

/// A timer that stays set while what it is set to stays the same: each setting wakes async-io's thread.
struct Alarm {
    timer: Timer,
    at: Option<Instant>,
}

impl Alarm {
    async fn ring(&mut self, clock: Clock, at: Instant) {
        if self.at.replace(at) != Some(at) {
            self.timer.set_after(at - clock.now());
        }
        (&mut self.timer).await;
        self.at = None;
    }
}

/// What ended a wait.
enum Woken {
    ByBell,
    ByDatagrams,
    InTime,
}

/// Waits until one of the sockets has something to receive.
///
/// Not by `Async::poll_readable`: it counts from the last call, and while another thread waits in the reactor it can
/// miss one event after the other.
async fn readable(sockets: &[Async<Arc<Socket>>]) -> Woken {
    let mut waits: Vec<_> = sockets.iter().map(Async::readable).collect();
    poll_fn(|context| {
        let ready = waits.iter_mut().any(|wait| Pin::new(wait).poll(context).is_ready());
        if ready { Poll::Ready(Woken::ByDatagrams) } else { Poll::Pending }
    })
    .await
}
