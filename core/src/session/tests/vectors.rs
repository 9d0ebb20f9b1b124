//! A handshake and the first packet as `docs/PROTOCOL.md` has them.

use alloc::vec::Vec;

use super::super::{
    frame,
    handshake::{Initiator, Responder},
    noise::{Noise, Seed},
    packet::{self, Hello},
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
    check(
        "handshake",
        &[
            ("static secret of ana", &secret(1)),
            ("static secret of bo", &secret(2)),
            ("ephemeral secret of ana", &secret(5)),
            ("ephemeral secret of bo", &secret(6)),
            ("hello of ana, id 11, without its 1143 zeros", &hello.write(packet::DATAGRAM_MAX)[..57]),
            ("answer of bo, id 22", &packet::answer(0x11, &answer)),
            ("finish of ana", &packet::finish(0x22, &finish)),
            ("binding", &keys.binding),
            ("welcome of bo, association 33, number 0", &data),
            ("welcome of bo if he had announced no ciphers", &without),
        ],
    );
}
