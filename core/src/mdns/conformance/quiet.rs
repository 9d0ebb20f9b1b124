//! BCT III.4: how much somebody says whom nobody asks.

use super::*;

/// Items 37, 36 (RFC 6762 section 8.3): at most ten announcements, each gap twice the one before, then four hours of
/// silence.
#[test]
fn few_announcements_then_four_hours_of_silence() {
    for seed in 0..20 {
        let mut bench = Bench::new(seed);
        let begin = bench.now;
        bench.run(10 * 60 * SECOND);
        let told: Vec<_> = bench.responses(begin).iter().map(|packet| packet.at).collect();
        assert!((2..=10).contains(&told.len()));
        let gaps: Vec<_> = told.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!(gaps.windows(2).all(|pair| pair[1] >= pair[0] * 2) && gaps[0] >= SECOND, "{gaps:?}");
        let silent = bench.now;
        bench.run(4 * 3600 * SECOND);
        assert!(bench.responses(silent).is_empty() && bench.probes(silent).is_empty());
    }
}

/// Items 46, 37 (RFC 6762 section 5.2): and the questions in that time are few.
#[test]
fn four_hours_of_questions_are_less_than_twenty() {
    let mut waits = Vec::new();
    for seed in 0..SEEDS {
        let mut bench = Bench::new(seed);
        let begin = bench.now;
        bench.run(if seed == 0 { 4 * 3600 * SECOND } else { 20 * SECOND });
        let asked: Vec<_> = bench
            .since(begin, |packet| !packet.is_response() && !packet.is_probe())
            .iter()
            .map(|packet| packet.at)
            .collect();
        assert!(asked.len() < 20);
        let gaps: Vec<_> = asked.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let next = |gap: Duration| (gap * 2).min(3600 * SECOND);
        assert!(gaps[0] >= SECOND && gaps.windows(2).all(|pair| pair[1] >= next(pair[0])), "{gaps:?}");
        waits.push(asked[0] - begin);
    }
    assert_even(&waits, 20 * MS, 120 * MS);
}
