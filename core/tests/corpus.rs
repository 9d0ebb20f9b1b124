//! Every file of the fuzz targets' corpora, by the same functions: hostile packets, good ones, and whatever was once a
//! fault.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::std_instead_of_alloc,
    clippy::std_instead_of_core,
    clippy::unwrap_used,
    reason = "a test has the standard library, and fails by panicking"
)]

#[path = "../fuzz/drive/codec.rs"]
mod codec;
#[path = "../fuzz/drive/engine.rs"]
mod engine;

use std::{
    fs,
    path::{Path, PathBuf},
};

fn directory(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target)
}

fn play(target: &str, drive: fn(&[u8])) {
    let mut files: Vec<_> =
        fs::read_dir(directory(target)).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 10, "the corpus is there");
    for file in files {
        println!("{}", file.display());
        drive(&fs::read(&file).unwrap());
    }
}

#[test]
fn the_codec_reads_its_whole_corpus() {
    play("codec", codec::codec);
}

#[test]
fn the_engine_survives_its_whole_corpus() {
    play("engine", engine::engine);
}

/// What a file says is what the node hears, or the corpus would be noise.
#[test]
fn the_engine_hears_what_a_file_says() {
    let counted = |name: &str| engine::play(&fs::read(directory("engine").join(name)).unwrap());
    let peer = counted("a-peer-that-comes-and-goes");
    assert_eq!((peer.responses_in, peer.bad_records), (3, 0));
    assert!(counted("our-name-denied").conflicts > 0);
    assert!(counted("a-pointer-to-itself").bad_records > 0);
}
