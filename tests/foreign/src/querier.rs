//! `mdns`: browses. It has no cache: whatever a message says is printed again. It drops all messages with a label
//! that is not ASCII.

use std::{net::Ipv4Addr, process, thread, time::Duration};

use futures_util::{StreamExt as _, pin_mut};
use mdns::{RecordKind, Response};
use serde_json::json;

use crate::{Result, say, say_gone, wait_for_the_end};

/// From one question to the next.
const INTERVAL: Duration = Duration::from_secs(2);

pub(crate) fn browse(service: &str, address: Ipv4Addr) -> Result<()> {
    let service = format!("{service}.local");
    let discovery = mdns::discover::interface(&service, INTERVAL, address)?;
    thread::spawn(move || {
        async_std::task::block_on(async {
            let responses = discovery.listen();
            pin_mut!(responses);
            while let Some(Ok(response)) = responses.next().await {
                tell(&response, &service);
            }
        });
        process::exit(1);
    });
    wait_for_the_end();
    Ok(())
}

fn tell(response: &Response, service: &str) {
    let instances = response.answers.iter().filter(|record| record.name == service);
    for (pointer, full) in instances.filter_map(|record| match &record.kind {
        RecordKind::PTR(full) => Some((record, full)),
        _ => None,
    }) {
        let name = full.strip_suffix(service).and_then(|name| name.strip_suffix('.')).unwrap_or(full);
        if pointer.ttl == 0 {
            say_gone(name);
            continue;
        }
        let of =
            |owner: &str| response.records().filter(move |record| record.name == owner).collect::<Vec<_>>();
        let (mut port, mut host, mut txt) = (None, String::new(), Vec::new());
        for record in of(full) {
            match &record.kind {
                RecordKind::SRV { port: number, target, .. } => {
                    (port, host) = (Some(*number), target.clone())
                }
                RecordKind::TXT(strings) => txt.clone_from(strings),
                _ => {}
            }
        }
        let mut addresses = Vec::new();
        for record in of(&host) {
            match record.kind {
                RecordKind::A(address) => addresses.push(address.to_string()),
                RecordKind::AAAA(address) => addresses.push(address.to_string()),
                _ => {}
            }
        }
        addresses.sort();
        say(&json!({
            "type": "seen", "name": name, "host": host, "port": port, "addresses": addresses, "txt": txt,
        }));
    }
}
