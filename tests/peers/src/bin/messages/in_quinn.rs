//! quinn as it comes: a connection with one stream to each receiver, on it the messages, each behind its length. Its
//! flow control is what holds the sender up.
//!
//! For speed, what its documentation and its own benchmark say: every endpoint is alone on a runtime with one thread,
//! receivers take what has come in chunks that are not copied, and every stream is written to by a task of its own. Only
//! what goes flat out to one alone is twice as fast on tokio's usual runtime with a thread for each core, and goes
//! there; for single messages and for nine receivers that is the slower one. Each message is written as it is said,
//! since nobody knows whether another follows.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, mpsc::channel},
    thread,
    time::Duration,
};

use quinn::{
    ClientConfig, Connection, Endpoint, RecvStream, SendStream, ServerConfig,
    rustls::{
        RootCertStore,
        pki_types::{CertificateDer, PrivatePkcs8KeyDer},
    },
};
use tokio::{
    runtime::{Builder, Runtime},
    time::sleep,
};

use crate::{
    board::{Begun, Board},
    trial::Figures,
    work::{LENGTH, pauses},
};

/// Bytes in front of a message: its length.
const FRONT: usize = 2;
const FRAME: usize = FRONT + LENGTH;
/// Its certificate's name.
const NAME: &str = "localhost";
const LOOPBACK: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

pub(crate) fn run(board: &Arc<Board>) -> Figures {
    let (singles, total) = board.counts();
    let (own, receivers) = (runtime(), listeners(board, runtime));
    own.block_on(async {
        let mut streams = streams(&receivers).await;
        send_singles(&mut streams, board).await;
        // Who lets go of them lets go of what is on its way.
        all_heard(board, singles).await;
    });
    let threads = if board.receivers() == 1 { runtime_of_threads } else { runtime };
    let (own, receivers) = (threads(), listeners(board, threads));
    own.block_on(async {
        let streams = streams(&receivers).await;
        let begun = Begun::now();
        for stream in streams {
            tokio::spawn(flood(stream, Arc::clone(board)));
        }
        all_heard(board, total).await;
        board.figures(&begun)
    })
}

/// A runtime with one thread, the calling one.
pub(crate) fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime")
}

fn runtime_of_threads() -> Runtime {
    Builder::new_multi_thread().enable_all().build().expect("a runtime")
}

/// One for each seat.
fn listeners(board: &Arc<Board>, runtime: fn() -> Runtime) -> Vec<Receiver> {
    let serve = |seat| {
        let board = Arc::clone(board);
        let what = async move |connection| receive(accept(&connection).await, &board, seat).await;
        listen(runtime, what)
    };
    (0..board.receivers()).map(serve).collect()
}

/// Somebody who can be called, and whose certificate must be trusted.
pub(crate) struct Receiver {
    address: SocketAddr,
    certificate: CertificateDer<'static>,
}

/// Starts one on a runtime of its own, which does `what` with its first connection.
pub(crate) fn listen(
    runtime: fn() -> Runtime,
    what: impl AsyncFnOnce(Connection) + Send + 'static,
) -> Receiver {
    let signed = rcgen::generate_simple_self_signed([NAME.into()]).expect("a certificate");
    let (certificate, key) =
        (signed.cert.der().clone(), PrivatePkcs8KeyDer::from(signed.key_pair.serialize_der()));
    let config =
        ServerConfig::with_single_cert(vec![certificate.clone()], key.into()).expect("a certificate");
    let (tell, told) = channel();
    thread::spawn(move || {
        runtime().block_on(async {
            let endpoint = Endpoint::server(config, LOOPBACK).expect("loopback");
            tell.send(endpoint.local_addr().expect("bound")).expect("somebody waits");
            let connecting = endpoint.accept().await.expect("a call");
            what(connecting.await.expect("a connection")).await;
            // What acknowledges the last of it goes on.
            sleep(Duration::MAX).await;
        });
    });
    Receiver { address: told.recv().expect("an address"), certificate }
}

/// Calls one from `endpoint`.
pub(crate) async fn connect(endpoint: &Endpoint, to: &Receiver) -> Connection {
    let mut roots = RootCertStore::empty();
    roots.add(to.certificate.clone()).expect("a certificate");
    let config = ClientConfig::with_root_certificates(Arc::new(roots)).expect("certificates");
    endpoint.connect_with(config, to.address, NAME).expect("an address").await.expect("a connection")
}

/// An endpoint that calls.
pub(crate) fn caller() -> Endpoint {
    Endpoint::client(LOOPBACK).expect("loopback")
}

/// The stream that the other opens, once something is on it.
pub(crate) async fn accept(connection: &Connection) -> RecvStream {
    connection.accept_uni().await.expect("a stream")
}

/// A stream to each.
async fn streams(receivers: &[Receiver]) -> Vec<SendStream> {
    let endpoint = caller();
    let mut streams = Vec::new();
    for receiver in receivers {
        let connection = connect(&endpoint, receiver).await;
        streams.push(connection.open_uni().await.expect("a stream"));
    }
    streams
}

async fn send_singles(streams: &mut [SendStream], board: &Board) {
    let (singles, _) = board.counts();
    let mut pauses = pauses();
    for number in 0..singles {
        pauses.tick().await;
        let frame = frame(&board.message(number));
        for stream in &mut *streams {
            stream.write_all(&frame).await.expect("a connection");
        }
    }
}

async fn flood(mut stream: SendStream, board: Arc<Board>) {
    let (singles, total) = board.counts();
    for number in singles..total {
        stream.write_all(&frame(&board.message(number))).await.expect("a connection");
    }
    // Kept open until all is over.
    sleep(Duration::MAX).await;
}

async fn all_heard(board: &Board, count: u64) {
    while board.least() < count {
        sleep(Duration::from_millis(1)).await;
    }
}

async fn receive(mut stream: RecvStream, board: &Board, seat: usize) {
    // What has come of a message whose rest has not.
    let mut rest = Vec::with_capacity(FRAME);
    // Until the connection ends.
    while let Ok(Some(chunk)) = stream.read_chunk(usize::MAX, true).await {
        let mut bytes = &chunk.bytes[..];
        if !rest.is_empty() {
            let (end, after) = bytes.split_at(bytes.len().min(FRAME - rest.len()));
            rest.extend_from_slice(end);
            bytes = after;
            if rest.len() == FRAME {
                board.hear(seat, message(&rest));
                rest.clear();
            }
        }
        let frames = bytes.chunks_exact(FRAME);
        rest.extend_from_slice(frames.remainder());
        frames.for_each(|frame| _ = board.hear(seat, message(frame)));
    }
}

fn frame(message: &[u8; LENGTH]) -> [u8; FRAME] {
    let mut frame = [0; FRAME];
    let (front, rest) = frame.split_at_mut(FRONT);
    front.copy_from_slice(&(LENGTH as u16).to_be_bytes());
    rest.copy_from_slice(message);
    frame
}

fn message(frame: &[u8]) -> &[u8] {
    let (front, message) = frame.split_at(FRONT);
    assert_eq!(front, (LENGTH as u16).to_be_bytes(), "a length");
    message
}
