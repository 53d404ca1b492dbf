//! The window by properties, the table against hostile values, and the limits as a request meets them.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    thread,
};

use proptest::prelude::*;

use super::{
    super::{
        config::{Selector, Unit},
        exchange::Api,
        providers::errors::error_body,
    },
    window::{Refused, Standing, Window},
    *,
};

const MINUTE: Rule = Rule {
    tokens: 1000,
    unit: Duration::from_secs(60),
};
const SECOND: u64 = 1_000_000_000;
/// Both charges of a request, as the exchange makes them: before its model is known, and after.
#[derive(Debug)]
struct Both(Permit, Permit);

impl Both {
    fn settle(self, tokens: u64, now: Instant) {
        self.0.settle(tokens, now);
        self.1.settle(tokens, now);
    }

    fn remaining(&self) -> u64 {
        self.0.remaining().min(self.1.remaining())
    }

    fn headers(&self) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
        let tightest = if self.0.remaining() < self.1.remaining() {
            &self.0
        } else {
            &self.1
        };
        tightest.headers()
    }
}

fn admit_all(
    limits: &Limits,
    headers: &HeaderMap,
    asked: &Asked<'_>,
    tokens: u64,
    now: Instant,
) -> Result<Both, Exceeded> {
    let first = limits.admit(headers, None, tokens, now)?;
    match limits.admit(headers, Some(asked), tokens, now) {
        Ok(second) => Ok(Both(first, second)),
        Err(exceeded) => {
            first.settle(0, now);
            Err(exceeded)
        }
    }
}

const GPT: Asked<'_> = Asked {
    alias: None,
    provider: "openai",
    model: "gpt-4o",
};

fn take(window: &mut Window, now: u64, tokens: u64) -> Result<window::Mark, Refused> {
    window.check(MINUTE, now, tokens)?;
    Ok(window.charge(MINUTE, now, tokens))
}

#[test]
fn what_is_used_comes_back_when_it_is_a_unit_old() {
    let mut window = Window::default();
    take(&mut window, 0, 600).expect("room");
    take(&mut window, 30 * SECOND, 400).expect("just fits");
    let wait = |seconds| Err(Refused::For(Duration::from_secs(seconds)));
    assert_eq!(window.check(MINUTE, 30 * SECOND, 1), wait(31));
    assert_eq!(window.check(MINUTE, 30 * SECOND, 601), wait(61), "both must go");
    assert_eq!(
        window.check(MINUTE, 61 * SECOND - 1, 1),
        Err(Refused::For(Duration::from_nanos(1)))
    );
    assert_eq!(window.check(MINUTE, 61 * SECOND, 600), Ok(()));
    assert_eq!(window.check(MINUTE, 61 * SECOND, 601), wait(30));
    assert!(!window.is_unused(MINUTE, 61 * SECOND));
    assert!(window.is_unused(MINUTE, 91 * SECOND));
}

#[test]
fn what_is_more_than_the_budget_never_fits() {
    let mut window = Window::default();
    assert_eq!(window.check(MINUTE, 0, 1001), Err(Refused::Forever));
    assert_eq!(window.check(MINUTE, 0, u64::MAX), Err(Refused::Forever));
    assert_eq!(window.check(MINUTE, 0, 1000), Ok(()));
}

#[test]
fn a_day_has_no_midnight() {
    let day = Rule {
        tokens: 100,
        unit: Unit::Day.duration(),
    };
    let hour = 3600 * SECOND;
    let mut window = Window::default();
    window.charge(day, 23 * hour, 100);
    for at in [23, 24, 25, 46, 47] {
        assert!(window.check(day, at * hour, 1).is_err(), "{at} h");
    }
    // 24 hours, and the 24 minutes of a slot.
    assert_eq!(window.check(day, 47 * hour + hour / 2, 100), Ok(()));
}

#[test]
fn a_clock_that_stands_still_or_goes_back_gives_nothing() {
    let mut window = Window::default();
    take(&mut window, 90 * SECOND, 1000).expect("room");
    for now in [90 * SECOND, 90 * SECOND, 20 * SECOND, 0] {
        assert!(take(&mut window, now, 1).is_err(), "{now}");
        assert_eq!(window.standing(MINUTE, now).remaining, 0);
    }
    assert_eq!(take(&mut window, u64::MAX, 1000).err(), None);
    assert!(take(&mut window, u64::MAX, 1).is_err());
}

#[test]
fn debt_is_kept_and_ends_with_its_unit() {
    let mut window = Window::default();
    let mark = take(&mut window, 0, 100).expect("room");
    window.charge(MINUTE, SECOND, u64::MAX);
    let standing = window.standing(MINUTE, SECOND);
    assert_eq!(
        standing,
        Standing {
            remaining: 0,
            reset: Duration::from_secs(61)
        }
    );
    window.give_back(mark, u64::MAX);
    assert!(window.check(MINUTE, 61 * SECOND, 1).is_err());
    assert_eq!(window.check(MINUTE, 62 * SECOND, 1000), Ok(()));
}

/// What was charged within the last seconds.
fn within(charged: &[(u64, u64)], now: u64, seconds: u64) -> u64 {
    let recent = charged.iter().filter(|(at, _)| now - at <= seconds * SECOND);
    recent.map(|(_, tokens)| tokens).sum()
}

proptest! {
    /// Steps: milliseconds since the last one, the estimate, what was really used, and how many steps later that is known.
    #[test]
    fn no_stretch_of_a_unit_holds_more_than_the_budget(
        steps in prop::collection::vec((0_u64..20_000, 0_u64..600, 0_u64..700, 0_usize..4), 1..120)
    ) {
        let mut window = Window::default();
        let (mut now, mut overdrawn) = (0, 0);
        // When it was charged, and how much of it counts.
        let mut charged: Vec<(u64, u64)> = Vec::new();
        let mut pending: Vec<(usize, usize, window::Mark, u64, u64)> = Vec::new();
        for (step, (passed, estimate, used, later)) in steps.into_iter().enumerate() {
            now += passed * 1_000_000;
            for (_, index, mark, estimate, used) in pending.extract_if(.., |it| it.0 <= step) {
                if used <= estimate {
                    window.give_back(mark, estimate - used);
                    charged[index].1 = used;
                } else {
                    window.charge(MINUTE, now, used - estimate);
                    charged.push((now, used - estimate));
                    overdrawn += used - estimate;
                }
            }
            let (unit, longest) = (within(&charged, now, 60), within(&charged, now, 61));
            match take(&mut window, now, estimate) {
                Ok(mark) => {
                    prop_assert!(unit + estimate <= 1000, "{unit} + {estimate} at {now}");
                    pending.push((step + 1 + later, charged.len(), mark, estimate, used));
                    charged.push((now, estimate));
                }
                Err(Refused::For(wait)) => {
                    prop_assert!(longest + estimate > 1000, "{longest} + {estimate} at {now}");
                    let mut then = window.clone();
                    prop_assert!(wait > Duration::ZERO && wait <= Duration::from_secs(61));
                    prop_assert_eq!(then.check(MINUTE, now + nanos(wait), estimate), Ok(()));
                }
                Err(Refused::Forever) => prop_assert!(false, "it is no more than the budget"),
            }
            prop_assert!(within(&charged, now, 60) <= 1000 + overdrawn);
        }
    }
}

#[test]
fn made_up_values_neither_grow_the_table_nor_set_back_a_count() {
    let mut table = Table::new(MINUTE, 100);
    let value = |number: u32| HeaderValue::from_str(&number.to_string()).expect("digits");
    let victim = table.key(Some(&value(0)));
    table.charge(victim, 0, 1000);
    for number in 1..5000 {
        let key = table.key(Some(&value(number)));
        table.charge(key, SECOND, 1);
        assert!(table.len() <= 100);
    }
    assert!(table.check(victim, SECOND, 1).is_err(), "still used up");
    let late = table.key(Some(&value(70_000)));
    assert!(
        table.check(late, SECOND, 1).is_err(),
        "newcomers share what the flood used up"
    );
    let early = table.key(Some(&value(1)));
    assert_eq!(table.check(early, SECOND, 999), Ok(()), "who came before has its own");
    assert_eq!(table.check(late, 62 * SECOND, 1000), Ok(()));
    assert_eq!(table.len(), 0, "what no longer counts is forgotten");
}

#[test]
fn a_full_table_is_searched_seldom() {
    let mut table = Table::new(MINUTE, 2);
    for key in 0..2 {
        table.charge(key, 0, 1);
    }
    assert_eq!(table.charge(2, 61 * SECOND, 1), table.charge(2, 61 * SECOND, 1));
    assert_eq!(table.len(), 1, "the old ones went");
    table.charge(3, 61 * SECOND, 1);
    let shared = table.charge(4, 61 * SECOND, 7);
    table.settle(shared, 61 * SECOND, 2);
    assert_eq!(table.standing(4, 61 * SECOND).remaining, 998);
    assert_eq!(table.len(), 2);
}

fn limit(model: Limited, selector: Option<(&'static str, &str)>, tokens: u64, unit: Unit) -> RateLimit {
    RateLimit {
        name: None,
        model,
        selector: selector.map(|(header, value)| Selector {
            header: HeaderName::from_static(header),
            value: HeaderValue::from_str(value).ok().filter(|value| !value.is_empty()),
        }),
        tokens,
        unit,
    }
}

fn headers(user: &str) -> HeaderMap {
    let value = HeaderValue::from_str(user).ok().filter(|_| !user.is_empty());
    value
        .into_iter()
        .map(|value| (HeaderName::from_static("x-user"), value))
        .collect()
}

/// What is left of 100 tokens after 60 were taken by one request and 30 were asked for by another.
fn check(
    model: Limited,
    selector: Option<(&'static str, &str)>,
    first: (&str, Asked<'_>),
    second: (&str, Asked<'_>),
    left: Option<u64>,
) {
    let limits = Limits::new(&[limit(model.clone(), selector, 100, Unit::Hour)]);
    let now = Instant::now();
    let _first = admit_all(&limits, &headers(first.0), &first.1, 60, now).expect("room");
    let permit = admit_all(&limits, &headers(second.0), &second.1, 30, now).expect("room");
    let told = Some(permit.remaining()).filter(|left| *left < u64::MAX);
    assert_eq!(told, left, "{model:?} {selector:?} {first:?} {second:?}");
}

#[test]
fn a_limit_counts_the_model_that_it_is_about() {
    let (together, apart, unlimited) = (Some(10), Some(70), None);
    let mini = Asked {
        alias: Some("fast"),
        model: "gpt-4o-mini",
        ..GPT
    };
    let groq = Asked {
        provider: "groq",
        ..GPT
    };
    let model = || Limited::Model {
        provider: "openai".to_owned(),
        model: "gpt-4o".to_owned(),
    };
    check(Limited::All, None, ("a", GPT), ("b", groq), together);
    check(
        Limited::Provider("openai".to_owned()),
        None,
        ("", GPT),
        ("", mini),
        together,
    );
    check(
        Limited::Provider("openai".to_owned()),
        None,
        ("", GPT),
        ("", groq),
        unlimited,
    );
    check(model(), None, ("", mini), ("", GPT), apart);
    check(model(), None, ("", GPT), ("", groq), unlimited);
    check(Limited::Alias("fast".to_owned()), None, ("", GPT), ("", mini), apart);
    check(
        Limited::Alias("fast".to_owned()),
        None,
        ("", mini),
        ("", GPT),
        unlimited,
    );
}

#[test]
fn a_limit_counts_who_it_is_about() {
    let (together, apart, unlimited) = (Some(10), Some(70), None);
    let mini = Asked {
        model: "gpt-4o-mini",
        ..GPT
    };
    check(
        Limited::All,
        Some(("x-user", "alice")),
        ("alice", GPT),
        ("alice", mini),
        together,
    );
    check(
        Limited::All,
        Some(("x-user", "alice")),
        ("alice", GPT),
        ("bob", GPT),
        unlimited,
    );
    check(
        Limited::All,
        Some(("x-user", "alice")),
        ("bob", GPT),
        ("alice", GPT),
        apart,
    );
    check(Limited::All, Some(("x-user", "")), ("alice", GPT), ("bob", GPT), apart);
    check(
        Limited::All,
        Some(("x-user", "")),
        ("alice", GPT),
        ("alice", GPT),
        together,
    );
    check(Limited::All, Some(("x-user", "")), ("", GPT), ("", GPT), together);
    check(Limited::All, Some(("x-user", "")), ("alice", GPT), ("", GPT), apart);
}

#[test]
fn a_request_counts_with_all_of_its_limits_or_with_none() {
    let limits = Limits::new(&[
        limit(Limited::All, None, 79, Unit::Second),
        limit(Limited::All, None, 50, Unit::Minute),
        limit(Limited::All, None, 60, Unit::Hour),
    ]);
    let now = Instant::now();
    let none = HeaderMap::new();
    let first = admit_all(&limits, &none, &GPT, 40, now).expect("room");
    let told: Vec<_> = first.headers().map(|(name, value)| (name.to_string(), value)).collect();
    assert_eq!(told[0], ("x-ratelimit-limit-tokens".to_owned(), HeaderValue::from(50)));
    assert_eq!(
        told[1],
        ("x-ratelimit-remaining-tokens".to_owned(), HeaderValue::from(10))
    );
    assert_eq!(
        told[2],
        ("x-ratelimit-reset-tokens".to_owned(), HeaderValue::from_static("1m1s"))
    );
    let exceeded = admit_all(&limits, &none, &GPT, 30, now).expect_err("no room in two of them");
    assert!(
        exceeded.to_string().contains("60 tokens per hour"),
        "the longest wait: {exceeded}"
    );
    let _fits = admit_all(&limits, &none, &GPT, 10, now).expect("the refused one was charged nowhere");
    assert!(admit_all(&limits, &none, &GPT, 1, now).is_err());
}

#[test]
fn what_was_used_takes_the_place_of_the_estimate() {
    let limits = Limits::new(&[limit(Limited::All, None, 100, Unit::Minute)]);
    let (none, now) = (HeaderMap::new(), Instant::now());
    let left = || {
        let probe = admit_all(&limits, &none, &GPT, 0, now).expect("nothing fits always but after debt");
        probe.remaining()
    };
    let admit = |tokens| admit_all(&limits, &none, &GPT, tokens, now).expect("room");
    admit(80).settle(0, now);
    assert_eq!(left(), 100, "a call that failed");
    admit(80).settle(30, now);
    assert_eq!(left(), 70);
    drop(admit(20));
    assert_eq!(left(), 50, "nobody knows what it used");
    let late = admit(40);
    late.settle(25, now + Duration::from_secs(3600));
    admit(0).settle(1_000_000, now);
    assert!(admit_all(&limits, &none, &GPT, 1, now).is_err(), "debt");
    assert!(admit_all(&limits, &none, &GPT, 100, now + Duration::from_secs(2 * 3600)).is_ok());
}

#[test]
fn a_refusal_says_which_limit_and_for_how_long() {
    let name = |name: &str, limit: RateLimit| RateLimit {
        name: Some(name.to_owned()),
        ..limit
    };
    let limits = Limits::new(&[
        name("free", limit(Limited::All, Some(("x-user", "")), 100, Unit::Second)),
        limit(
            Limited::Provider("groq".to_owned()),
            Some(("x-user", "sk-secret")),
            10,
            Unit::Day,
        ),
    ]);
    let (user, now) = (headers("sk-secret"), Instant::now());
    let _used = admit_all(&limits, &user, &GPT, 90, now).expect("room");
    let exceeded = admit_all(&limits, &user, &GPT, 20, now).expect_err("used up");
    assert_eq!(
        exceeded.to_string(),
        "rate limit \"free\" (100 tokens per second, for each value of the header x-user) is used up: 10 tokens are left and \
         this request may take 20; try again in 2 s"
    );
    let told: Vec<_> = exceeded
        .headers()
        .map(|(name, value)| format!("{name}: {value:?}"))
        .collect();
    assert_eq!(told[0], "retry-after: \"2\"");
    assert_eq!(told[2], "x-ratelimit-remaining-tokens: \"10\"");
    let asked = Asked {
        provider: "groq",
        ..GPT
    };
    let exceeded = limits.admit(&user, Some(&asked), 11, now).expect_err("too large");
    assert_eq!(
        exceeded.to_string(),
        "rate limit ratelimits[1] (10 tokens per day for groq/*, for one value of the header x-user) is smaller than this \
         request, which may take 11 tokens by its messages and max_tokens; ask for less"
    );
    assert_eq!(exceeded.headers().next().expect("one").1, "86400");
    for (api, start) in [
        (Api::Chat, r#"{"error":{"message":"rate limit ratelimits[1] "#),
        (
            Api::Messages,
            r#"{"type":"error","error":{"type":"rate_limit_error","message":"rate limit ratelimits[1] "#,
        ),
    ] {
        let body = error_body(api, 429, &exceeded.to_string(), None, Some(Exceeded::CODE));
        let text = String::from_utf8_lossy(&body);
        assert!(text.starts_with(start), "{text}");
        assert!(!text.contains("sk-secret"), "{text}");
        assert_eq!(
            text.contains(r#""code":"rate_limit_exceeded""#),
            api == Api::Chat,
            "{text}"
        );
    }
}

#[test]
fn waits_are_whole_seconds_of_at_least_one() {
    for (wait, expected) in [(0, 1), (1, 1), (999_999_999, 1), (1_000_000_000, 1), (1_000_000_001, 2)] {
        assert_eq!(seconds(Duration::from_nanos(wait)), expected, "{wait} ns");
    }
}

#[test]
fn estimates_are_of_messages_and_the_longest_reply() {
    let facts = |messages: &str, max_tokens| RequestFacts {
        messages: messages.to_owned(),
        max_tokens,
        ..RequestFacts::default()
    };
    assert_eq!(estimate(&facts("", None)), 0);
    assert_eq!(estimate(&facts("12345", None)), 2);
    assert_eq!(estimate(&facts("1234", Some(100))), 101);
    assert_eq!(estimate(&facts("1234", Some(-1))), 1);
    assert_eq!(estimate(&facts("1234", Some(i64::MAX))), 1 + i64::MAX.unsigned_abs());
}

#[test]
fn no_limit_is_no_work() {
    let limits = Limits::new(&[]);
    assert!(limits.is_empty());
    let permit = admit_all(&limits, &HeaderMap::new(), &GPT, u64::MAX, Instant::now()).expect("nothing limits");
    assert_eq!(
        (
            permit.0.charges.capacity() + permit.1.charges.capacity(),
            permit.headers().count()
        ),
        (0, 0)
    );
    permit.settle(5, Instant::now());
}

#[test]
fn refusals_are_counted_by_limit() {
    let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    metrics::with_local_recorder(&recorder, || {
        let named = RateLimit {
            name: Some("free".to_owned()),
            ..limit(Limited::All, None, 1, Unit::Second)
        };
        let limits = Limits::new(&[limit(Limited::All, None, 1000, Unit::Second), named]);
        for _ in 0..3 {
            admit_all(&limits, &HeaderMap::new(), &GPT, 2, Instant::now()).expect_err("too large");
        }
    });
    let text = handle.render();
    assert!(
        text.contains("plano_ratelimit_refused_total{limit=\"free\"} 3"),
        "{text}"
    );
    assert!(text.contains("plano_ratelimit_refused_total{limit=\"0\"} 0"), "{text}");
}

#[test]
fn many_threads_get_no_more_than_the_budget() {
    let limits = Limits::new(&[
        limit(Limited::All, Some(("x-user", "")), 10_000, Unit::Day),
        limit(Limited::All, None, 25_000, Unit::Day),
    ]);
    let admitted = [const { AtomicU64::new(0) }; 4];
    thread::scope(|scope| {
        for number in 0..8 {
            let (limits, admitted) = (limits.clone(), &admitted[number % 4]);
            scope.spawn(move || {
                let user = headers(&(number % 4).to_string());
                for round in 0..4000_u64 {
                    let tokens = round % 37;
                    let Ok(permit) = admit_all(&limits, &user, &GPT, tokens, Instant::now()) else {
                        continue;
                    };
                    match round % 3 {
                        0 => permit.settle(0, Instant::now()),
                        1 => {
                            permit.settle(tokens / 2, Instant::now());
                            admitted.fetch_add(tokens / 2, Ordering::Relaxed);
                        }
                        _ => {
                            admitted.fetch_add(tokens, Ordering::Relaxed);
                        }
                    }
                }
            });
        }
    });
    let admitted = admitted.map(AtomicU64::into_inner);
    let sum: u64 = admitted.iter().sum();
    assert!(sum <= 25_000 && sum > 25_000 - 37, "{admitted:?}");
    assert!(admitted.iter().all(|tokens| *tokens <= 10_000), "{admitted:?}");
}
