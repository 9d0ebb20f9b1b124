//! libmdns, which answers, and mdns, which asks: every 15 s, as its documentation does. Somebody is found when their
//! port and address are.

use std::{error::Error, time::Duration};

use futures::{StreamExt as _, pin_mut};
use mdns::RecordKind;

use super::{Found, PORT, SERVICE, at_the_end};

const INTERVAL: Duration = Duration::from_secs(15);

pub(super) fn run(name: &str) -> Result<(), Box<dyn Error>> {
    at_the_end(|| {});
    let responder = libmdns::Responder::new();
    let _service = responder.register(SERVICE, name, PORT, &["txtvers=1"]);
    let mut found = Found::default();
    found.hello(name);
    async_std::task::block_on(async {
        let kind = format!("{SERVICE}.local");
        let responses = mdns::discover::all(&kind, INTERVAL)?.listen();
        pin_mut!(responses);
        while let Some(response) = responses.next().await {
            // What it cannot read is not ours.
            let Ok(response) = response else { continue };
            if response.socket_address().is_none() {
                continue;
            }
            for record in response.records() {
                if let RecordKind::PTR(instance) = &record.kind
                    && let Some(name) = instance.strip_suffix(&format!(".{kind}"))
                {
                    found.add(name);
                }
            }
        }
        Ok(())
    })
}
