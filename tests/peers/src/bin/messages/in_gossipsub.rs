//! gossipsub of libp2p over TCP, noise and yamux, set up as its example of a chat: messages are signed and strictly
//! checked, and named by a hash of what they say. Everybody has called everybody. All else is as by default, the
//! heartbeat too.
//!
//! For speed: tokio's threads, as that example has them, each peer a task, which is faster than one thread for all. The
//! sender goes on as long as nobody is so far behind that something would be dropped: what waits in a queue of 5000
//! messages for each connection, and what is to be passed on to others for no longer than a second.

use std::{
    hash::{Hash as _, Hasher as _},
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use futures::{FutureExt as _, StreamExt as _};
use libp2p::{
    Multiaddr, Swarm, SwarmBuilder, gossipsub, noise,
    swarm::{DialError, SwarmEvent},
    tcp, yamux,
};
use tokio::{runtime, select, task::yield_now, time::sleep};

use crate::{
    board::{Begun, Board},
    trial::Figures,
    work::pauses,
};

type Peer = Swarm<gossipsub::Behaviour>;

/// Messages that may be on their way to the slowest: alone with the sender, and among others, where all that is
/// passed on is checked again.
pub(crate) const WINDOWS: [u64; 2] = [2048, 128];
/// So many are published before the swarm has its turn.
const AT_ONCE: usize = 32;
/// After all have heard what all listen to.
const SETTLED: Duration = Duration::from_millis(500);

pub(crate) fn run(board: &Arc<Board>) -> Figures {
    let runtime = runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let board = Arc::clone(board);
    runtime.block_on(async { tokio::spawn(live(board)).await.expect("no panic") })
}

async fn live(board: Arc<Board>) -> Figures {
    let (mut known, met) = (Vec::new(), Arc::new(AtomicUsize::new(0)));
    for seat in 0..board.receivers() {
        let swarm = peer(&mut known).await;
        tokio::spawn(listen(swarm, Arc::clone(&board), seat, Arc::clone(&met)));
    }
    let mut swarm = peer(&mut known).await;
    while swarm.behaviour().all_peers().filter(|(_, topics)| !topics.is_empty()).count() < board.receivers()
        || met.load(SeqCst) < board.receivers() * board.receivers()
    {
        serve(&mut swarm, Duration::from_millis(1)).await;
    }
    serve(&mut swarm, SETTLED).await;
    send(&mut swarm, &board).await
}

fn topic() -> gossipsub::IdentTopic {
    gossipsub::IdentTopic::new("lobby")
}

/// One more, who calls all that are known, and is known from then on.
async fn peer(known: &mut Vec<Multiaddr>) -> Peer {
    let config = gossipsub::ConfigBuilder::default()
        .validation_mode(gossipsub::ValidationMode::Strict)
        .message_id_fn(name)
        .build()
        .expect("a configuration");
    let mut swarm = SwarmBuilder::with_new_identity()
        .with_tokio()
        .with_tcp(tcp::Config::default(), noise::Config::new, yamux::Config::default)
        .expect("a transport")
        .with_behaviour(|key| {
            Ok(gossipsub::Behaviour::new(gossipsub::MessageAuthenticity::Signed(key.clone()), config)?)
        })
        .expect("a behaviour")
        .build();
    swarm.behaviour_mut().subscribe(&topic()).expect("a topic");
    swarm.listen_on("/ip4/127.0.0.1/tcp/0".parse().expect("an address")).expect("loopback");
    let own = loop {
        if let SwarmEvent::NewListenAddr { address, .. } = swarm.select_next_some().await {
            break address;
        }
    };
    known.iter().try_for_each(|other| swarm.dial(other.clone())).unwrap_or_else(|error: DialError| {
        panic!("a call: {error}");
    });
    known.push(own);
    swarm
}

#[expect(clippy::disallowed_types, reason = "its example takes this hash")]
fn name(message: &gossipsub::Message) -> gossipsub::MessageId {
    let mut hasher = std::hash::DefaultHasher::new();
    message.data.hash(&mut hasher);
    hasher.finish().to_string().into()
}

async fn listen(mut swarm: Peer, board: Arc<Board>, seat: usize, met: Arc<AtomicUsize>) {
    loop {
        match swarm.select_next_some().await {
            SwarmEvent::Behaviour(gossipsub::Event::Message { message, .. }) => {
                board.hear(seat, &message.data);
            }
            SwarmEvent::Behaviour(gossipsub::Event::Subscribed { .. }) => _ = met.fetch_add(1, SeqCst),
            _ => {}
        }
    }
}

async fn send(swarm: &mut Peer, board: &Board) -> Figures {
    let (singles, total) = board.counts();
    let mut pauses = pauses();
    for number in 0..singles {
        serve_until(swarm, async { _ = pauses.tick().await }).await;
        publish(swarm, board, number);
    }
    while board.least() < singles {
        serve(swarm, Duration::from_millis(1)).await;
    }
    let window = WINDOWS[usize::from(board.receivers() > 1)];
    let begun = Begun::now();
    let mut number = singles;
    while board.least() < total {
        let end = total.min(board.least() + window);
        for number in (number..end).take(AT_ONCE) {
            publish(swarm, board, number);
        }
        if number == end {
            serve(swarm, Duration::from_millis(1)).await;
        } else {
            while swarm.next().now_or_never().is_some() {}
            yield_now().await;
        }
        number = end.min(number + AT_ONCE as u64);
    }
    board.figures(&begun)
}

fn publish(swarm: &mut Peer, board: &Board, number: u64) {
    swarm.behaviour_mut().publish(topic(), board.message(number)).expect("there is room");
}

/// Lets the swarm work for so long.
async fn serve(swarm: &mut Peer, span: Duration) {
    serve_until(swarm, sleep(span)).await;
}

async fn serve_until(swarm: &mut Peer, end: impl Future<Output = ()>) {
    let mut end = pin!(end);
    loop {
        select! {
            _ = swarm.select_next_some() => {}
            () = &mut end => break,
        }
    }
}
