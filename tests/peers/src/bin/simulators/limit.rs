//! The least that a simulator of events has to do: order them, and carry the bytes.

use std::{cmp::Ordering, collections::BinaryHeap, time::Duration};

use super::work::{self, HOSTS, LATENCY, Ledger, SIZE};

pub fn run(seconds: u64) -> Vec<Ledger> {
    let mut ledgers = vec![Ledger::default(); HOSTS];
    let mut heap = BinaryHeap::new();
    for host in 0..HOSTS {
        heap.push(Event { at: nanos(work::due(host, 0)), host, what: What::Send(0) });
    }
    let [least, most] = LATENCY.map(nanos);
    while let Some(Event { at, host, what }) = heap.pop() {
        match what {
            What::Send(number) => {
                let bytes = Box::new(work::payload(host, number));
                let latency = least + work::mix(at) % (most - least);
                let to = work::receiver(host, number);
                heap.push(Event { at: at + latency, host: to, what: What::Arrive(bytes) });
                let next = number + 1;
                if next < work::numbers(seconds) {
                    heap.push(Event { at: nanos(work::due(host, next)), host, what: What::Send(next) });
                }
            }
            What::Arrive(bytes) => {
                let copy = *bytes;
                ledgers[host].note(&copy);
            }
        }
    }
    ledgers
}

struct Event {
    at: u64,
    host: usize,
    what: What,
}

enum What {
    Send(u64),
    Arrive(Box<[u8; SIZE]>),
}

impl Ord for Event {
    /// The earliest is the greatest.
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.host).cmp(&(self.at, self.host))
    }
}

impl PartialOrd for Event {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Event {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Event {}

fn nanos(span: Duration) -> u64 {
    span.as_nanos() as u64
}
