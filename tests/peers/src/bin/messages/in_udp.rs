//! The limit: a loop over sockets of the standard library, a datagram for each message, unencrypted. At most a window
//! of them is on its way to each receiver, which says every so often how many have come.

use std::{io::ErrorKind, net::UdpSocket, sync::Arc, thread, time::Duration};

use chat_tests::watch::now;

use crate::{
    board::{Begun, Board},
    trial::Figures,
    work::LENGTH,
};

/// Datagrams that may be on their way.
const WINDOW: u64 = 128;
/// So many are acknowledged at once.
const AT_ONCE: u64 = 32;
/// What has not come by then is lost.
const LOST: Duration = Duration::from_millis(100);

pub(crate) fn run(board: &Arc<Board>) -> Figures {
    let mut lines: Vec<_> = (0..board.receivers()).map(|seat| Line::new(board, seat)).collect();
    let (singles, total) = board.counts();
    let mut send = |message: &[u8; LENGTH]| lines.iter_mut().for_each(|line| line.send(message));
    board.singles(&mut send);
    thread::sleep(LOST);
    let begun = Begun::now();
    (singles..total).for_each(|number| send(&board.message(number)));
    let deadline = now() + LOST;
    while board.least() < total && now() < deadline {
        thread::sleep(Duration::from_millis(1));
    }
    board.figures(&begun)
}

/// The way to one receiver.
struct Line {
    socket: UdpSocket,
    sent: u64,
    acknowledged: u64,
}

impl Line {
    fn new(board: &Arc<Board>, seat: usize) -> Self {
        let [socket, theirs] = [0, 1].map(|_| UdpSocket::bind("127.0.0.1:0").expect("loopback"));
        socket.connect(theirs.local_addr().expect("bound")).expect("loopback");
        theirs.connect(socket.local_addr().expect("bound")).expect("loopback");
        socket.set_read_timeout(Some(LOST)).expect("a timeout");
        let board = Arc::clone(board);
        thread::spawn(move || listen(&theirs, &board, seat));
        Self { socket, sent: 0, acknowledged: 0 }
    }

    fn send(&mut self, message: &[u8]) {
        while self.sent - self.acknowledged >= WINDOW {
            let mut bytes = [0; size_of::<u64>()];
            self.acknowledged = match self.socket.recv(&mut bytes) {
                Ok(_) => self.acknowledged.max(u64::from_be_bytes(bytes)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.sent,
                Err(error) => panic!("an acknowledgement: {error}"),
            };
        }
        self.socket.send(message).expect("loopback");
        self.sent += 1;
    }
}

fn listen(socket: &UdpSocket, board: &Board, seat: usize) {
    let mut acknowledged = 0;
    let mut bytes = [0; LENGTH];
    loop {
        let length = socket.recv(&mut bytes).expect("loopback");
        let passed = board.hear(seat, &bytes[..length]);
        if passed >= acknowledged + AT_ONCE {
            acknowledged = passed;
            socket.send(&passed.to_be_bytes()).expect("loopback");
        }
    }
}
