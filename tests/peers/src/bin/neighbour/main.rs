//! Other people's discovery, each as its defaults have it, in a program that says what it finds as our own says it:
//! one line of JSON, `hello` with its key and `peer` for each other, once. It ends when its standard input does.
#![forbid(unsafe_code)]

use std::{
    collections::BTreeSet,
    error::Error,
    io::{self, Read as _, Write as _},
    process, thread,
};

mod libp2p;
mod mdns_sd;
mod pair;

/// What is looked for and told, in multicast DNS of any make but libp2p's, which has a type of its own.
const SERVICE: &str = "_p2p-chat._udp";
const PORT: u16 = 27182;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["libp2p"] => libp2p::run(),
        ["mdns-sd", name] => mdns_sd::run(name),
        ["libmdns+mdns", name] => pair::run(name),
        _ => Err("usage: neighbour libp2p | mdns-sd NAME | libmdns+mdns NAME".into()),
    }
}

/// Who is there, each told once.
#[derive(Default)]
struct Found(BTreeSet<String>);

impl Found {
    fn hello(&self, key: &str) {
        say("hello", key);
    }

    fn add(&mut self, key: &str) {
        if self.0.insert(key.to_owned()) {
            say("peer", key);
        }
    }
}

fn say(kind: &str, key: &str) {
    let line = serde_json::json!({"type": kind, "state": "online", "key": key});
    let mut out = io::stdout().lock();
    // Whoever no longer listens has no more questions.
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

/// When the input ends, does `last` and ends the program.
fn at_the_end(last: impl FnOnce() + Send + 'static) {
    thread::spawn(move || {
        let _ = io::stdin().read_to_end(&mut Vec::new());
        last();
        process::exit(0);
    });
}
