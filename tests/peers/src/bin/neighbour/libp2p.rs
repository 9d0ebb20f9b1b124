//! A libp2p swarm whose only behaviour is its multicast DNS. Somebody is found when it gives their key and address.

use std::error::Error;

use futures::StreamExt as _;
use libp2p::{SwarmBuilder, mdns, noise, swarm::SwarmEvent, tcp, yamux};

use super::{Found, at_the_end};

pub(super) fn run() -> Result<(), Box<dyn Error>> {
    at_the_end(|| {});
    // On one thread, which starts sooner than the many of tokio's default.
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(live())
}

async fn live() -> Result<(), Box<dyn Error>> {
    let mut swarm = SwarmBuilder::with_new_identity()
        .with_tokio()
        .with_tcp(tcp::Config::default(), noise::Config::new, yamux::Config::default)?
        .with_behaviour(|key| {
            Ok(mdns::tokio::Behaviour::new(mdns::Config::default(), key.public().to_peer_id())?)
        })?
        .build();
    let mut found = Found::default();
    found.hello(&swarm.local_peer_id().to_string());
    swarm.listen_on("/ip4/0.0.0.0/tcp/0".parse()?)?;
    loop {
        if let SwarmEvent::Behaviour(mdns::Event::Discovered(peers)) = swarm.select_next_some().await {
            peers.iter().for_each(|(peer, _)| found.add(&peer.to_string()));
        }
    }
}
