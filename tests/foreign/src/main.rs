//! Other people's multicast DNS, to be met on a network of the tests.
//!
//! ```text
//! foreign mdns-sd browse TYPE                       until its input ends
//! foreign mdns browse TYPE IPV4                     the same, on the interface of that address
//! foreign mdns-sd advertise TYPE NAME PORT TXT...   until its input ends, with a goodbye
//! foreign libmdns advertise TYPE NAME PORT TXT...   the same
//! ```
//! `TYPE` is like `_p2p-chat._udp`. It prints one object of JSON a line:
//!
//! ```text
//! {"type":"ready"}
//! {"type":"seen","name":"ada-4821","host":"a.local","port":27182,"addresses":["10.0.0.1"],"txt":["txtvers=1"]}
//! {"type":"gone","name":"ada-4821"}
//! ```
#![forbid(unsafe_code)]

mod querier;
mod responder;
mod sd;

use std::{
    env,
    io::{self, Read as _, Write as _},
};

use serde_json::{Value, json};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// What is advertised.
struct Advert<'a> {
    service: &'a str,
    name: &'a str,
    port: u16,
    txt: &'a [&'a str],
}

fn main() -> Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match *arguments {
        ["mdns-sd", "browse", service] => sd::browse(service),
        ["mdns", "browse", service, address] => querier::browse(service, address.parse()?),
        ["mdns-sd", "advertise", service, name, port, ref txt @ ..] => {
            sd::advertise(&Advert { service, name, port: port.parse()?, txt })
        }
        ["libmdns", "advertise", service, name, port, ref txt @ ..] => {
            responder::advertise(&Advert { service, name, port: port.parse()?, txt })
        }
        _ => Err("foreign mdns-sd|mdns browse TYPE [IPV4] | mdns-sd|libmdns advertise TYPE NAME PORT TXT..."
            .into()),
    }
}

/// Prints one line at once.
fn say(line: &Value) {
    let mut out = io::stdout().lock();
    // Nobody reads any more: the end of the input will say so, too.
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

fn say_gone(name: &str) {
    say(&json!({"type": "gone", "name": name}));
}

/// Says that it has begun and waits until the input ends.
fn wait_for_the_end() {
    say(&json!({"type": "ready"}));
    let _ = io::stdin().read_to_end(&mut Vec::new());
}
