//! A handshake, the first packet and the frames of all as `docs/PROTOCOL.md` has them.

use alloc::vec::Vec;
use core::time::Duration;

use super::super::{
    frame::{self, Frame, Frames, Parting},
    handshake::{Initiator, Responder},
    noise::{Noise, Seed},
    packet::{self, Hello, Packet},
    ranges::Ranges,
    streams::{Piece, StreamId},
};
use crate::{
    rng::Rng,
    suite::REAL,
    vectors::{ana, bo, check},
};

#[test]
fn a_handshake_from_hello_to_welcome() {
    let ((ana, boot), (bo, bo_boot)) = (ana(), bo());
    let side = |seed: u8, has_aes: bool| {
        let mut side = Noise::new(REAL, &mut Rng::new([seed; 32]));
        side.has_aes = has_aes;
        side
    };
    let (one, two) = (side(1, true), side(2, true));
    let secret = |seed: u8| Rng::new([seed; 32]).bytes::<32>();
    let mut dial = Initiator::new(&one, Seed::new([5; 32]), 0x11).unwrap();
    let hello = Hello { from: 0x11, cookie: [0; 16], noise: dial.message };
    let mut welcome = Vec::new();
    frame::put_welcome(&mut welcome, 0x33);
    // The keys are the same whatever is announced.
    let without = {
        let two = side(2, false);
        let (mut half, answer) =
            Responder::new(&two, (&bo, bo_boot), Seed::new([6; 32]), (0x11, dial.message), 0x22).unwrap();
        let mut dial = Initiator::new(&one, Seed::new([5; 32]), 0x11).unwrap();
        let (_, proven) = dial.on_answer(&one, &answer).unwrap();
        let (finish, _) = proven.finish(&one, (&ana, boot), 0).unwrap();
        let (_, theirs) = half.on_finish(&two, &finish).unwrap();
        let mut data = packet::data(0x11, 0, welcome.len());
        theirs.seal(0, &welcome, &mut data);
        data
    };
    let (mut half, answer) =
        Responder::new(&two, (&bo, bo_boot), Seed::new([6; 32]), (0x11, dial.message), 0x22).unwrap();
    let (_, proven) = dial.on_answer(&one, &answer).unwrap();
    let (finish, keys) = proven.finish(&one, (&ana, boot), 0).unwrap();
    let (_, theirs) = half.on_finish(&two, &finish).unwrap();
    let mut data = packet::data(0x11, 0, welcome.len());
    theirs.seal(0, &welcome, &mut data);
    assert_eq!(keys.binding, theirs.binding);
    let (cookie, stranger) = (packet::cookie(0x11, &[7; 16]), packet::stranger(0x22));
    let whole = hello.write(packet::DATAGRAM_MAX);
    let (answer, finish) = (packet::answer(0x11, &answer), packet::finish(0x22, &finish));
    let kinds = [&whole[..], &answer, &finish, &data, &cookie, &stranger].map(kind);
    assert_eq!(kinds, ["hello", "answer", "finish", "data", "cookie", "stranger"]);
    check(
        "handshake",
        &[
            ("static secret of ana", &secret(1)),
            ("static secret of bo", &secret(2)),
            ("ephemeral secret of ana", &secret(5)),
            ("ephemeral secret of bo", &secret(6)),
            ("hello of ana, id 11, without its 1143 zeros", &whole[..57]),
            ("answer of bo, id 22", &answer),
            ("finish of ana", &finish),
            ("binding", &keys.binding),
            ("welcome of bo, association 33, number 0", &data),
            ("welcome of bo if he had announced no ciphers", &without),
            ("cookie 07.. for id 11", &cookie),
            ("stranger, id 22", &stranger),
        ],
    );
}

/// What it is. A new kind of datagram needs a vector, too.
fn kind(datagram: &[u8]) -> &'static str {
    match Packet::read(datagram, packet::DATAGRAM_MAX).unwrap() {
        Packet::Hello(_) => "hello",
        Packet::Answer { .. } => "answer",
        Packet::Finish { .. } => "finish",
        Packet::Data { .. } => "data",
        Packet::Cookie { .. } => "cookie",
        Packet::Stranger { .. } => "stranger",
    }
}

#[test]
fn every_frame_of_a_packet() {
    let mut received = Ranges::new();
    [1..2, 5..9, 300..301].into_iter().for_each(|range| received.insert(range));
    let made = |put: &dyn Fn(&mut Vec<u8>)| {
        let mut out = Vec::new();
        put(&mut out);
        out
    };
    let frames = [
        made(&frame::put_ping),
        made(&|out| assert!(frame::put_ack(out, &received, Duration::from_micros(300), 100))),
        made(&|out| {
            frame::put_stream(out, Piece { stream: StreamId::Records, offset: 70_000, length: 3 });
            out.extend_from_slice(b"abc");
        }),
        made(&|out| frame::put_credit(out, StreamId::Bulk, 1 << 20)),
        made(&|out| frame::put_datagram(out, b"latest")),
        made(&|out| frame::put_challenge(out, [7; 8])),
        made(&|out| frame::put_response(out, [7; 8])),
        made(&|out| frame::put_close(out, Parting::Left)),
        made(&|out| frame::put_welcome(out, 0x33)),
        made(&|out| frame::put_close(out, Parting::Crowded)),
        made(&|out| frame::put_aside(out, b"latest")),
        Vec::from([64, 2, 0, 0]),
    ];
    let vectors: Vec<_> = frames.iter().map(|bytes| (name(bytes), &bytes[..])).collect();
    let kinds = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 64];
    assert!(frames.iter().map(|bytes| bytes[0]).eq(kinds));
    check("packet", &vectors);
}

/// What the first frame is. A new kind of frame needs a vector, too.
fn name(frames: &[u8]) -> &'static str {
    match Frames::new(frames).next().unwrap().unwrap() {
        Frame::Ping => "ping",
        Frame::Ack(_) => "ack of 1, 5 to 8 and 300, after 300 µs",
        Frame::Stream { .. } => "stream 0 at 70000",
        Frame::Credit { .. } => "credit of stream 1 to 1048576",
        Frame::Datagram(_) => "datagram",
        Frame::Aside(_) => "answer",
        Frame::Challenge(_) => "challenge",
        Frame::Response(_) => "response",
        Frame::Close(Parting::Left) => "close",
        Frame::Close(Parting::Crowded) => "crowded",
        Frame::Welcome(_) => "welcome",
        Frame::Unknown => "frame that nobody knows yet",
    }
}
