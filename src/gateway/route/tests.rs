//! The strategies as the router uses them, with times made up: who is asked first, over many requests.

use serde_json::{Value, json};

use super::*;
use crate::{gateway::config, values::reading::Expanded};

const MODELS: [&str; 5] = ["gpt-4o", "gpt-4o-mini", "gpt-4.1", "gpt-4.1-mini", "gpt-4.1-nano"];

fn router(strategy: &str, models: &[&str]) -> Router {
    let targets: Value = models.iter().map(|model| format!("openai/{model}")).collect();
    let tree = json!({
        "listeners": [{"type": "model", "name": "llm", "port": 0}],
        "model_providers": [{"model": "openai/*", "access_key": "k"}],
        "model_aliases": {"smart": {"targets": targets, "strategy": strategy}},
        "overrides": {"cooling_time": "10s"},
    });
    let gateway = config::check(&Expanded::from(tree)).unwrap_or_else(|faults| panic!("{faults:?}"));
    Router::new(&gateway)
}

fn request(stream: bool) -> RequestFacts {
    RequestFacts {
        stream,
        messages: "x".repeat(400),
        ..RequestFacts::default()
    }
}

/// Asks so often, each target answering after its milliseconds or failing where there are none; how often each came first.
fn play(router: &Router, requests: usize, millis: &[Option<u64>], now: &mut Instant) -> Vec<usize> {
    let mut firsts = vec![0; millis.len()];
    for _ in 0..requests {
        let order = router.order(0, &request(false), *now);
        firsts[order.targets[0]] += 1;
        router.chosen(0, order.targets[0], *now);
        for target in order.targets {
            let slot = router.routes[0].targets[target].slot;
            *now += Duration::from_millis(millis[target].unwrap_or(1));
            match millis[target] {
                Some(taken) => {
                    router.answered(slot, None, Duration::from_millis(taken), *now);
                    break;
                }
                None => router.failed(slot, None, *now),
            }
        }
    }
    firsts
}

#[test]
fn in_turn_all_come_first_equally_often() {
    let now = &mut Instant::now();
    let three = router("round-robin", &MODELS[..3]);
    assert_eq!(play(&three, 300, &[Some(1), Some(5), Some(90)], now), [100, 100, 100]);
    // One that fails is left out, and comes back.
    let failing = play(&three, 300, &[Some(1), None, Some(1)], now);
    assert!(failing[1] <= 6 && failing[0].abs_diff(failing[2]) <= 6, "{failing:?}");
    *now += Duration::from_secs(60);
    assert_eq!(play(&three, 300, &[Some(1); 3], now), [100, 100, 100]);
}

#[test]
fn the_fastest_comes_first_but_for_a_tenth() {
    let now = &mut Instant::now();
    let five = router("least-latency", &MODELS);
    let millis = [Some(80), Some(40), Some(20), Some(10), Some(60)];
    let firsts = play(&five, 1000, &millis, now);
    assert!(firsts[3] >= 900 && firsts.iter().all(|&times| times > 0), "{firsts:?}");
    // The fastest becomes the slowest, the slowest the fastest: that is found.
    let millis = [Some(2), Some(40), Some(20), Some(200), Some(60)];
    play(&five, 300, &millis, now);
    let firsts = play(&five, 1000, &millis, now);
    assert!(firsts[0] >= 900, "{firsts:?}");
}

#[test]
fn one_that_recovers_is_found_again() {
    let now = &mut Instant::now();
    let five = router("least-latency", &MODELS);
    let (down, up) = (
        [Some(50), Some(50), Some(50), None, Some(50)],
        [Some(50), Some(50), Some(50), Some(5), Some(50)],
    );
    let firsts = play(&five, 1000, &down, now);
    assert!(firsts[3] <= 20, "{firsts:?}");
    *now += Duration::from_secs(300);
    play(&five, 200, &up, now);
    assert!(play(&five, 1000, &up, now)[3] >= 900);
}

#[test]
fn who_is_not_asked_is_not_tried() {
    let now = &mut Instant::now();
    let two = router("cost-optimized", &["gpt-4o", "gpt-4o-mini"]);
    play(&two, 3, &[Some(1), None], now);
    *now += Duration::from_secs(10);
    // A session that stays elsewhere leaves the trial to the next request.
    let first = |now| two.order(0, &request(false), now).targets[0];
    assert_eq!([first(*now), first(*now)], [1, 1]);
    two.chosen(0, 1, *now);
    assert_eq!(first(*now), 0, "one request alone tries it");
}

#[test]
fn the_cheapest_comes_first_then_the_next() {
    let now = &mut Instant::now();
    let five = router("cost-optimized", &MODELS);
    // Prices of input and output: 2.50/10, 0.15/0.60, 2/8, 0.40/1.60, 0.10/0.40.
    assert_eq!(five.order(0, &request(false), *now).targets, [4, 1, 3, 2, 0]);
    assert_eq!(play(&five, 1000, &[Some(1); 5], now), [0, 0, 0, 0, 1000]);
    let without = play(&five, 1000, &[Some(1), Some(1), Some(1), Some(1), None], now);
    assert!(without[1] >= 990, "{without:?}");
    let order = router("cost-optimized", &["nobody-knows", "gpt-4o"]).order(0, &request(true), *now);
    assert_eq!(order.targets, [1, 0], "without a price it comes last");
    assert!(order.reason.starts_with("cheapest, about 0.00"), "{}", order.reason);
}

#[test]
fn streams_are_ranked_by_their_first_token() {
    let now = Instant::now();
    let two = router("least-latency", &MODELS[..2]);
    let millis = Duration::from_millis;
    for _ in 0..3 {
        two.order(0, &request(true), now);
    }
    two.answered(two.routes[0].targets[0].slot, Some(millis(10)), millis(900), now);
    two.answered(two.routes[0].targets[1].slot, Some(millis(50)), millis(90), now);
    let order = two.order(0, &request(true), now);
    assert_eq!((order.targets, order.reason.as_str()), (vec![0, 1], "fastest, 10 ms"));
    assert!(
        two.order(0, &request(false), now)
            .reason
            .starts_with("none is measured")
    );
}

#[test]
fn where_all_fail_all_are_asked_all_the_same() {
    let now = &mut Instant::now();
    let three = router("round-robin", &MODELS[..3]);
    play(&three, 10, &[None; 3], now);
    let order = three.order(0, &request(false), *now);
    assert_eq!((order.targets.len(), order.reason.as_str()), (3, "all 3 fail"));
}
