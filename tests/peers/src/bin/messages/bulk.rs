//! Much at once: through a stream of quinn, and through plain TCP as the limit. Ours is in `file.rs`.

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::mpsc::channel,
    thread,
    time::{Duration, Instant},
};

use chat_tests::watch::{PATIENCE, now};
use peers::machine;

use crate::{
    in_quinn::{accept, caller, connect, listen, runtime},
    trial::{Figure, Figures},
};

/// Bytes that are sent.
pub(crate) const SIZE: usize = 100 << 20;
/// Bytes that TCP is given, or asked for, at once.
const PIECE: usize = 256 << 10;

/// One stream, written to at once and read in chunks in order, as its own benchmark does, which reads them as they come.
pub(crate) fn in_quinn() -> Figures {
    let bytes = bytes();
    let (tell, told) = channel();
    let receiver = listen(runtime, async move |connection| {
        let (mut stream, mut check) = (accept(&connection).await, Check::default());
        while let Some(chunk) = stream.read_chunk(usize::MAX, true).await.expect("a connection") {
            check.pass(&chunk.bytes);
        }
        tell.send(check.end()).expect("somebody waits");
    });
    runtime().block_on(async {
        let connection = connect(&caller(), &receiver).await;
        let (at, spent) = (now(), machine::spent());
        let mut stream = connection.open_uni().await.expect("a stream");
        stream.write_all(&bytes).await.expect("a connection");
        stream.finish().expect("open");
        stream.stopped().await.expect("a connection");
        figures(at, spent, told.recv_timeout(PATIENCE).expect("all of it"))
    })
}

pub(crate) fn in_tcp() -> Figures {
    let bytes = bytes();
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
    let mut to = TcpStream::connect(listener.local_addr().expect("bound")).expect("loopback");
    let (mut from, _) = listener.accept().expect("a call");
    let (tell, told) = channel();
    thread::spawn(move || {
        let (mut piece, mut check) = (vec![0; PIECE], Check::default());
        while let length @ 1.. = from.read(&mut piece).expect("a connection") {
            check.pass(&piece[..length]);
        }
        tell.send(check.end()).expect("somebody waits");
    });
    let (at, spent) = (now(), machine::spent());
    bytes.chunks(PIECE).for_each(|piece| to.write_all(piece).expect("a connection"));
    drop(to);
    figures(at, spent, told.recv_timeout(PATIENCE).expect("all of it"))
}

pub(crate) fn bytes() -> Vec<u8> {
    (0..SIZE).map(at).collect()
}

/// The byte at this place.
const fn at(place: usize) -> u8 {
    (place ^ place >> 8 ^ place >> 16) as u8
}

/// What has come so far, and whether it is what was sent: the first byte of each piece is looked at.
#[derive(Default)]
pub(crate) struct Check(usize);

impl Check {
    /// How many bytes have come.
    pub(crate) const fn seen(&self) -> usize {
        self.0
    }

    pub(crate) fn pass(&mut self, piece: &[u8]) {
        assert_eq!(piece.first(), Some(&at(self.0)), "what is sent comes in order");
        self.0 += piece.len();
    }

    /// When all had come.
    pub(crate) fn end(self) -> Instant {
        assert_eq!(self.0, SIZE, "all comes");
        now()
    }
}

pub(crate) fn figures(at: Instant, spent: Duration, end: Instant) -> Figures {
    Figures::from([
        (Figure::Rate, SIZE as f64 / 1e6 / (end - at).as_secs_f64()),
        (Figure::Cpu, (machine::spent() - spent).as_secs_f64()),
    ])
}
