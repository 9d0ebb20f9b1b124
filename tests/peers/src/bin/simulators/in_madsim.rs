//! The work in madsim. Its network loses nothing and takes 1 to 10 ms unless told otherwise.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
};

use madsim::{
    Config,
    net::UdpSocket,
    runtime::{Handle, Runtime},
    task,
    time::{Instant, sleep, sleep_until},
};

use super::work::{self, HOSTS, LATENCY, Ledger, PORT, SIZE};

#[cfg(not(madsim))]
compile_error!("without --cfg madsim the real network is used: build in tests/peers, with RUSTFLAGS unset");

#[expect(clippy::disallowed_methods, reason = "the time is that of the simulation")]
pub fn run(seconds: u64) -> Vec<Ledger> {
    let mut config = Config::default();
    config.net.packet_loss_rate = 0.0;
    config.net.send_latency = LATENCY[0]..LATENCY[1];
    let ledgers: Arc<[Mutex<Ledger>]> = (0..HOSTS).map(|_| Mutex::default()).collect();
    Runtime::with_seed_and_config(work::SEED, config).block_on(async {
        let start = Instant::now();
        for host in 0..HOSTS {
            let node = Handle::current().create_node().ip(address(host)).build();
            node.spawn(be(host, seconds, start, Arc::clone(&ledgers)));
        }
        sleep(work::end(seconds)).await;
    });
    ledgers.iter().map(|ledger| *ledger.lock().expect("no panic")).collect()
}

async fn be(host: usize, seconds: u64, start: Instant, ledgers: Arc<[Mutex<Ledger>]>) {
    let socket = UdpSocket::bind(SocketAddr::new(address(host), PORT)).await.expect("an address of its own");
    let socket = Arc::new(socket);
    let ears = Arc::clone(&socket);
    task::spawn(async move {
        let mut buffer = [0; SIZE];
        while let Ok((length, _)) = ears.recv_from(&mut buffer).await {
            ledgers[host].lock().expect("no panic").note(&buffer[..length]);
        }
    });
    for number in 0..work::numbers(seconds) {
        sleep_until(start + work::due(host, number)).await;
        let to = SocketAddr::new(address(work::receiver(host, number)), PORT);
        socket.send_to(to, &work::payload(host, number)).await.expect("it is sent");
    }
}

fn address(host: usize) -> IpAddr {
    Ipv4Addr::new(10, 0, 0, 1 + host as u8).into()
}
