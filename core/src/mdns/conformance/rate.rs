//! BCT II.3: whoever denies every name slows us down.

use super::*;

/// Items 35, 39 (RFC 6762 sections 8.1, 9). The test asks for a second after the 15th conflict, the RFC for five.
#[test]
fn after_fifteen_conflicts_probes_are_five_seconds_apart() {
    for seed in 0..20 {
        let mut bench = Bench::new(seed);
        let mut denied = Vec::new();
        for _ in 0..25 {
            bench.run_until(Packet::is_probe);
            let taken = bench.instance();
            bench.hear(&response(&[record(&taken, 120, true, rival_srv(1))]));
            denied.push(bench.now);
        }
        let gaps: Vec<_> = denied.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!(denied[14] - denied[0] < 10 * SECOND, "fifteen within ten seconds: {gaps:?}");
        assert!(gaps[..14].iter().all(|gap| *gap <= 250 * MS), "no slower than need be: {gaps:?}");
        assert!(gaps[14..].iter().all(|gap| *gap >= 5 * SECOND), "{gaps:?}");
        assert!(bench.found.iter().all(|found| !matches!(found, Found::Renamed(_))), "none is ours yet");
        bench.run(10 * SECOND);
        let told = bench.found.iter().filter(|found| matches!(found, Found::Renamed(_))).count();
        assert_eq!((told, bench.responses(denied[24]).len()), (1, 2), "it ends when they do");
        // Then a conflict is one again, not the sixteenth.
        let (taken, begin) = (bench.instance(), bench.now);
        bench.hear(&response(&[record(&taken, 120, true, rival_srv(1))]));
        assert!(bench.run_until(Packet::is_probe).at - begin <= 250 * MS);
    }
}

/// Item 35 (RFC 6762 section 8.1): on whatever link they are.
#[test]
fn conflicts_of_all_links_count_together() {
    let mut bench = Bench::with(1, MdnsSocket::Exclusive, vec![ethernet(1), ethernet(2)]);
    let mut denied = Vec::new();
    for n in 0..20 {
        let link = 1 + n % 2;
        bench.run_until(|packet| packet.is_probe() && packet.interface == link);
        let taken = bench.instance();
        let from = alloc::format!("10.{link}.0.200:5353");
        bench.hear_on(link, &from, GROUP, &response(&[record(&taken, 120, true, rival_srv(1))]));
        denied.push(bench.now);
    }
    assert!(denied.windows(2).skip(14).all(|pair| pair[1] - pair[0] >= 5 * SECOND));
}

/// Item 39 (RFC 6762 section 9): ten names one by one, then steps at random.
#[test]
fn the_number_behind_the_name_grows_by_one_at_first() {
    let mut bench = Bench::new(1);
    let label = bench.label();
    for number in 2..=12_u32 {
        bench.run_until(Packet::is_probe);
        let taken = bench.instance();
        bench.hear(&response(&[record(&taken, 120, true, rival_srv(1))]));
        let is_next = bench.label() == alloc::format!("{label} ({number})");
        assert!(is_next || number > 10, "{}", bench.label());
    }
    assert_ne!(bench.label(), alloc::format!("{label} (12)"));
}

/// What was logged as an error, by whichever test of this process.
struct Errors(std::sync::Mutex<Vec<String>>);

impl log::Log for Errors {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.level() == log::Level::Error
    }

    fn log(&self, record: &log::Record<'_>) {
        if self.enabled(record.metadata()) {
            self.0.lock().unwrap().push(alloc::format!("{}", record.args()));
        }
    }

    fn flush(&self) {}
}

/// Item 39 (RFC 6762 section 9).
#[test]
fn a_minute_without_a_name_is_logged_once() {
    static ERRORS: Errors = Errors(std::sync::Mutex::new(Vec::new()));
    log::set_logger(&ERRORS).unwrap();
    log::set_max_level(log::LevelFilter::Error);
    // Others may log meanwhile, but about another nick.
    let logged = || ERRORS.0.lock().unwrap().iter().filter(|line| line.contains("Nobody wants me")).count();
    let mut bench = Bench::new(1);
    bench.announce("Nobody wants me", 27182);
    let begin = bench.now;
    let mut first = None;
    while bench.now - begin < 200 * SECOND {
        bench.run_until(Packet::is_probe);
        let taken = bench.instance();
        bench.hear(&response(&[record(&taken, 120, true, rival_srv(1))]));
        if logged() > 0 {
            first = first.or(Some(bench.now - begin));
        }
    }
    assert_eq!(logged(), 1);
    assert!(first.is_some_and(|at| at >= 60 * SECOND && at < 70 * SECOND), "{first:?}");
}
