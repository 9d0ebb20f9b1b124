//! The work in turmoil. Its network loses nothing unless told otherwise.

use std::{
    cell::RefCell,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    rc::Rc,
    time::Duration,
};

use tokio::{
    task::spawn_local,
    time::{Instant, sleep_until},
};
use turmoil::{Builder, net::UdpSocket};

use super::work::{self, HOSTS, LATENCY, Ledger, PORT, SIZE};

/// With its own length of a tick.
pub fn default(seconds: u64) -> Vec<Ledger> {
    run(seconds, &mut Builder::new())
}

/// With ticks as long as the longest way.
pub fn coarse(seconds: u64) -> Vec<Ledger> {
    run(seconds, Builder::new().tick_duration(Duration::from_millis(10)))
}

fn run(seconds: u64, builder: &mut Builder) -> Vec<Ledger> {
    let ledgers = Rc::new(RefCell::new(vec![Ledger::default(); HOSTS]));
    let mut sim = builder
        .simulation_duration(work::end(seconds) * 2)
        .min_message_latency(LATENCY[0])
        .max_message_latency(LATENCY[1])
        .rng_seed(work::SEED)
        .build();
    let addresses: Rc<[IpAddr]> = (0..HOSTS).map(|host| sim.lookup(format!("host{host}"))).collect();
    for host in 0..HOSTS {
        let (addresses, ledgers) = (Rc::clone(&addresses), Rc::clone(&ledgers));
        sim.host(addresses[host], move || be(host, seconds, Rc::clone(&addresses), Rc::clone(&ledgers)));
    }
    while sim.elapsed() < work::end(seconds) {
        sim.step().expect("nothing fails");
    }
    drop(sim);
    ledgers.take()
}

async fn be(
    host: usize,
    seconds: u64,
    addresses: Rc<[IpAddr]>,
    ledgers: Rc<RefCell<Vec<Ledger>>>,
) -> turmoil::Result {
    let start = Instant::now();
    let socket = Rc::new(UdpSocket::bind((Ipv4Addr::UNSPECIFIED, PORT)).await?);
    let ears = Rc::clone(&socket);
    spawn_local(async move {
        let mut buffer = [0; SIZE];
        while let Ok((length, _)) = ears.recv_from(&mut buffer).await {
            ledgers.borrow_mut()[host].note(&buffer[..length]);
        }
    });
    for number in 0..work::numbers(seconds) {
        sleep_until(start + work::due(host, number)).await;
        let to = SocketAddr::new(addresses[work::receiver(host, number)], PORT);
        socket.send_to(&work::payload(host, number), to).await?;
    }
    // A host that has ended receives nothing.
    std::future::pending().await
}
