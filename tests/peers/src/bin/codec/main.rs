//! Reading and writing a typical answer of multicast DNS: our codec and four others.
#![forbid(unsafe_code)]

extern crate alloc;

use std::{fmt::Write as _, hint::black_box, process::ExitCode, time::Duration};

use peers::{
    Compared,
    figures::{number, spread},
    machine,
};

/// Ours, which is private to the core: its source, built here once more, and nothing of it but what is measured.
#[path = "../../../../../core/src/dns/mod.rs"]
#[allow(dead_code, unused_imports, reason = "the core uses more of it than is measured")]
mod dns;
mod in_dns_parser;
mod in_domain;
mod in_hickory;
mod in_simple_dns;
mod limit;
mod ours;
mod work;

use work::{Seen, Service};

/// How often each is measured, in turn, and how long each time.
const ROUNDS: usize = 7;
const SPAN: Duration = Duration::from_millis(25);
/// Services in an answer.
const SIZES: [usize; 2] = [1, 50];
/// What is done, once for each size.
const WORK: [&str; 3] = ["parse", "read", "write"];
const COLUMNS: usize = WORK.len() * SIZES.len();
const OWN: &str = "chat-core";
/// Of the time of the fastest of the others.
const GOAL: f64 = 1.0;

/// One of the codecs.
struct Contestant {
    name: String,
    /// Parses the message, and does nothing with it.
    parse: Option<fn(&[u8])>,
    /// Parses it and does with it what [`Seen`] says.
    read: Option<fn(&[u8]) -> Seen>,
    /// Makes ready what is to be written, and gives what writes it: the bytes, as they would be sent.
    writer: Option<fn(&[Service]) -> Write>,
    /// Whether it is a codec, and neither we nor the limit.
    is_rival: bool,
}

/// Writes what was made ready.
type Write = Box<dyn Fn() -> Vec<u8>>;

/// One thing that is done again and again.
struct Task<'t> {
    of: usize,
    column: usize,
    run: Box<dyn Fn() + 't>,
    times: u32,
    took: Vec<Duration>,
    allocations: u64,
}

fn main() -> ExitCode {
    peers::part("codec", &[], |_| compare())
}

fn compare() -> Compared {
    let all = contestants();
    let services = SIZES.map(work::services);
    let messages = services.each_ref().map(|services| limit::write(services));
    let mut tasks = Vec::new();
    for (of, one) in all.iter().enumerate() {
        for (size, (services, message)) in services.iter().zip(&messages).enumerate() {
            let expected = work::expected(services);
            if let Some(parse) = one.parse {
                tasks.push(Task::new(of, size, move || parse(black_box(message))));
            }
            if let Some(read) = one.read {
                assert_eq!(read(message), expected, "{}: all is read", one.name);
                tasks
                    .push(Task::new(of, SIZES.len() + size, move || _ = black_box(read(black_box(message)))));
            }
            if let Some(writer) = one.writer {
                let write = writer(services);
                assert_eq!(ours::read(&write()), expected, "{}: all is written", one.name);
                tasks.push(Task::new(of, 2 * SIZES.len() + size, move || drop(black_box(write()))));
            }
        }
    }
    for _ in 0..ROUNDS {
        tasks.iter_mut().for_each(Task::measure);
    }
    tell(&all, &tasks, &services, &messages)
}

fn contestants() -> Vec<Contestant> {
    let of = |package: &str| format!("{package} {}", machine::version(package));
    let rival = |name, parse, read, writer| Contestant { name, parse, read, writer, is_rival: true };
    let [hashing, growing] =
        ["a hash table", "a tree"].map(|kept| format!("{}, names in {kept}", of("domain")));
    vec![
        Contestant {
            is_rival: false,
            ..rival("limit: a writer that knows what comes".into(), None, None, Some(limit::writer))
        },
        Contestant {
            is_rival: false,
            ..rival(OWN.into(), Some(ours::parse), Some(ours::read), Some(ours::writer))
        },
        rival(of("dns-parser"), Some(in_dns_parser::parse), Some(in_dns_parser::read), None),
        rival(hashing, Some(in_domain::parse), Some(in_domain::read), Some(in_domain::hashing)),
        rival(growing, None, None, Some(in_domain::growing)),
        rival(
            of("simple-dns"),
            Some(in_simple_dns::parse),
            Some(in_simple_dns::read),
            Some(in_simple_dns::writer),
        ),
        rival(of("hickory-proto"), Some(in_hickory::parse), Some(in_hickory::read), Some(in_hickory::writer)),
    ]
}

impl<'t> Task<'t> {
    fn new(of: usize, column: usize, run: impl Fn() + 't) -> Self {
        run();
        let allocations = allocation_counter::measure(&run).count_total;
        let mut task = Self { of, column, run: Box::new(run), times: 1, took: Vec::new(), allocations };
        while task.once() < SPAN / 2 {
            task.times *= 2;
        }
        task
    }

    fn measure(&mut self) {
        let took = self.once() / self.times;
        self.took.push(took);
    }

    fn once(&self) -> Duration {
        let begun = machine::spent();
        (0..self.times).for_each(|_| (self.run)());
        machine::spent() - begun
    }
}

fn tell(
    all: &[Contestant],
    tasks: &[Task<'_>],
    services: &[Vec<Service>; 2],
    messages: &[Vec<u8>; 2],
) -> Compared {
    let task = |of: usize, column: usize| tasks.iter().find(|task| (task.of, task.column) == (of, column));
    let mut text = format!(
        "One answer with PTR in front and SRV, TXT, A and AAAA sent along, names compressed, of {} service ({} B) and \
         of {} ({} B). Nanoseconds of the processor: medians of {ROUNDS} rounds (least to most), by turns; then \
         allocations. *Parse* is what each library calls so, and of every record what it says. They differ: \
         dns-parser, domain and ours check names and keep where they lie, simple-dns and hickory-proto own what they \
         have parsed. *Read* is the same work for all: the message is parsed, of every record the owner is \
         compared with a name, targets of PTR and SRV are too, and port, addresses and the value of `id` in the text \
         are summed up; all must come to the same sums. (dns-parser has no comparison: its names are compared as the \
         text that it prints, without keeping it.) *Write*: records that exist become bytes to send, in which our \
         reader must find the same each time.\n\n|",
        SIZES[0],
        messages[0].len(),
        SIZES[1],
        messages[1].len(),
    );
    for (work, size) in WORK.iter().flat_map(|work| SIZES.map(|size| (work, size))) {
        let _ = write!(text, " | {work} {size}");
    }
    text.push_str(" | bytes written |\n|---");
    text.push_str(&"|---".repeat(COLUMNS + 1));
    text.push_str("|\n");
    for (of, one) in all.iter().enumerate() {
        let _ = write!(text, "| {}", one.name);
        for column in 0..COLUMNS {
            let cell = task(of, column).map_or("-".into(), |task| {
                let [median, least, most] = spread(&task.took).map(|seconds| number(seconds * 1e9));
                format!("{median} ({least} to {most}), {}", task.allocations)
            });
            let _ = write!(text, " | {cell}");
        }
        let sizes = one.writer.map(|writer| services.each_ref().map(|services| writer(services)().len()));
        let sizes = sizes.map_or("-".into(), |[one, many]| format!("{one}, {many}"));
        let _ = writeln!(text, " | {sizes} |");
    }
    text.push('\n');
    let mut is_reached = true;
    let own = all.iter().position(|one| one.name == OWN).expect("we take part");
    let median = |of, column| task(of, column).map_or(f64::INFINITY, |task| spread(&task.took)[0]);
    for column in 0..COLUMNS {
        let rivals = (0..all.len()).filter(|&of| all[of].is_rival);
        let fastest = rivals.min_by(|&one, &other| median(one, column).total_cmp(&median(other, column)));
        let fastest = fastest.expect("there are others");
        let ratio = median(own, column) / median(fastest, column);
        is_reached &= ratio <= GOAL;
        let _ = writeln!(
            text,
            "- {} {}: {} times the time of the fastest of the others, {}; the goal is at most {}, {}.",
            WORK[column / SIZES.len()],
            SIZES[column % SIZES.len()],
            number(ratio),
            all[fastest].name,
            number(GOAL),
            if ratio <= GOAL { "reached" } else { "not reached" },
        );
    }
    let allocations = |column| task(own, column).map_or(0, |task| task.allocations);
    let extra = allocations(1) - allocations(0);
    let records = work::RECORDS * (SIZES[1] - SIZES[0]);
    let is_constant = extra < records as u64 / 20;
    is_reached &= is_constant;
    let _ = writeln!(
        text,
        "- no allocation per skipped record: {extra} more for {records} records more, {}.",
        if is_constant { "reached" } else { "not reached" },
    );
    Compared { text, is_reached }
}
