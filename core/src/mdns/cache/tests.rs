use bytes::Bytes;

use super::*;

fn name(label: &str) -> Name {
    Name::new([label.as_bytes(), b"local"]).unwrap()
}

#[test]
fn what_is_not_kept_fresh_ends_together_and_never_late() {
    let (mut cache, mut rng) = (Cache::new(Instant::ORIGIN, 7, 1_000), Rng::new([3; 32]));
    let heard_at = |number: u64| Instant::ORIGIN + Duration::from_millis(3_000 + 10 * number);
    for number in 0..100 {
        let instance = name(&alloc::format!("i{number}"));
        // A host has at most eight.
        let target = name(&alloc::format!("h{}", number / 8));
        let data = Data::Srv { priority: 0, weight: 0, port: 1, target };
        let heard = Heard {
            name: instance.borrow(),
            data: data.borrow(),
            ttl: 120,
            flush: true,
            source: [10, 0, 0, 1].into(),
            is_placed: true,
            is_capped: false,
        };
        cache.insert(heard_at(number), &heard, 1_000, 1_000, &mut rng);
        cache.plan();
    }
    let mut ends = Vec::new();
    while let Some(at) = cache.next() {
        ends.push((at, core::iter::from_fn(|| cache.pop_due(at, &mut rng)).count()));
    }
    assert!(ends.len() <= 2 && ends.iter().map(|(_, count)| count).sum::<usize>() == 100, "{ends:?}");
    let ttl = Duration::from_secs(120);
    let (first, last) = (ends[0].0, ends[ends.len() - 1].0);
    assert!(last <= heard_at(99) + ttl && first >= heard_at(0) + ttl * 63 / 64, "{ends:?}");
}

/// Records that come, come again, are taken back and run out, of few names and at all times.
#[test]
fn the_next_time_is_that_of_the_record_that_is_due_first() {
    let (mut cache, mut rng) = (Cache::new(Instant::ORIGIN, 7, 1_000), Rng::new([3; 32]));
    let mut now = Instant::ORIGIN;
    let (mut refreshed, mut gone) = (0, 0);
    for _ in 0..20_000 {
        now += Duration::from_millis(rng.below(2_000));
        while let Some(due) = cache.pop_due(now, &mut rng) {
            match due {
                Due::Gone { .. } => gone += 1,
                Due::Browse | Due::Refresh { .. } => refreshed += 1,
            }
        }
        let (instance, host) =
            (name(&alloc::format!("i{}", rng.below(20))), name(&alloc::format!("h{}", rng.below(5))));
        let data = match rng.below(4) {
            0 => Data::Ptr(instance.clone()),
            1 => Data::Srv { priority: 0, weight: 0, port: 1, target: host.clone() },
            2 => Data::Txt(Bytes::from_static(b"\x01a")),
            _ => Data::A([10, 0, 0, 1].into()),
        };
        let is_address = data.kind() == Kind::A;
        let heard = Heard {
            name: if is_address { host.borrow() } else { instance.borrow() },
            data: data.borrow(),
            ttl: [0, 20, 120, 4500][usize::try_from(rng.below(4)).unwrap()],
            flush: rng.below(2) == 0,
            source: [10, 0, 0, 1].into(),
            is_placed: true,
            is_capped: false,
        };
        cache.insert(now, &heard, 1_000, 1_000, &mut rng);
        cache.plan();
        let all = || cache.owners.iter().flat_map(|(_, owner)| &owner.records);
        assert_eq!(cache.next(), all().map(|entry| entry.due).min());
        assert_eq!(cache.len(), all().count());
        assert!(cache.agenda.len() <= 2 * 25 + agenda::STALE_MAX, "{}", cache.agenda.len());
    }
    assert!(refreshed > 1_000 && gone > 1_000, "{refreshed} {gone}");
    while let Some(at) = cache.next() {
        cache.pop_due(at, &mut rng);
    }
    assert_eq!((cache.len(), cache.owners.len(), cache.sources.len()), (0, 0, 0), "nothing is left behind");
}
