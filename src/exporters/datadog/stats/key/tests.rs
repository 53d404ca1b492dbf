//! What spans are told apart by, in the spellings that occur.

use super::*;

fn span(meta: &[(&str, &str)], metrics: &[(&str, f64)]) -> Span {
    Span {
        meta: meta
            .iter()
            .map(|(key, text)| ((*key).to_owned(), (*text).to_owned()))
            .collect(),
        metrics: metrics
            .iter()
            .map(|(key, number)| ((*key).to_owned(), *number))
            .collect(),
        ..Span::default()
    }
}

fn settings() -> Settings {
    Settings {
        hostname: String::new(),
        by_span_kind: true,
        peer_tags: true,
        more_peer_tags: vec!["tenant".to_owned()],
    }
}

#[test]
fn grpc_codes_in_all_spellings() {
    for (text, expected) in [
        ("14", "14"),
        ("UNAVAILABLE", "14"),
        ("Unavailable", "14"),
        ("StatusCode.DEADLINE_EXCEEDED", "4"),
        ("DeadlineExceeded", "4"),
        ("Canceled", "1"),
        ("007", "7"),
        ("-1", ""),
        ("odd", ""),
    ] {
        assert_eq!(
            grpc_status(&span(&[(dd::RPC_GRPC_STATUS_CODE, text)], &[])),
            expected,
            "{text}"
        );
    }
    assert_eq!(grpc_status(&span(&[], &[(dd::GRPC_CODE, 5.0)])), "5");
    assert_eq!(grpc_status(&span(&[], &[(dd::GRPC_CODE, 5.5)])), "");
    assert_eq!(grpc_status(&span(&[(dd::RPC_RESPONSE_STATUS_CODE, "OK")], &[])), "0");
}

#[test]
fn http_statuses_as_numbers_and_as_text() {
    assert_eq!(http_status(&span(&[(keys::HTTP_STATUS_CODE, "404")], &[])), 404);
    assert_eq!(http_status(&span(&[], &[(keys::HTTP_STATUS_CODE, 404.0)])), 404);
    assert_eq!(http_status(&span(&[(keys::HTTP_STATUS_CODE, "4.04e2")], &[])), 404);
    assert_eq!(
        http_status(&span(&[(keys::HTTP_RESPONSE_STATUS_CODE, "500")], &[])),
        500
    );
    for odd in ["teapot", "-1", "99999999999", ""] {
        assert_eq!(http_status(&span(&[(keys::HTTP_STATUS_CODE, odd)], &[])), 0, "{odd}");
    }
}

#[test]
fn spans_that_talk_to_something_are_told_apart_by_it() {
    let peer = [
        ("db.system", "redis"),
        ("server.address", "10.0.0.5"),
        ("tenant", "acme"),
        ("other", "x"),
        ("out.host", ""),
    ];
    let tags = |kind: &str| {
        let meta: Vec<(&str, &str)> = peer.into_iter().chain([(dd::SPAN_KIND, kind)]).collect();
        peer_tags(&span(&meta, &[]), &settings())
    };
    let expected = ["db.system:redis", "server.address:blocked-ip-address", "tenant:acme"];
    assert_eq!(tags("client"), expected);
    assert_eq!(tags("Producer"), expected);
    assert!(tags("server").is_empty() && tags("internal").is_empty());
    let inner = span(&[(dd::BASE_SERVICE, "base"), ("db.system", "redis")], &[]);
    assert_eq!(peer_tags(&inner, &settings()), ["_dd.base_service:base"]);
    let off = Settings {
        peer_tags: false,
        ..settings()
    };
    assert!(peer_tags(&inner, &off).is_empty());
}

#[test]
fn what_is_counted() {
    let is = |meta: &[(&str, &str)], metrics: &[(&str, f64)]| is_counted(&span(meta, metrics), &settings());
    assert!(is(&[], &[(dd::TOP_LEVEL, 1.0)]) && is(&[], &[(dd::MEASURED, 1.0)]));
    assert!(is(&[(dd::SPAN_KIND, "client")], &[]) && is(&[(dd::SPAN_KIND, "SERVER")], &[]));
    assert!(!is(&[(dd::SPAN_KIND, "internal")], &[]) && !is(&[], &[(dd::MEASURED, 0.5)]));
    assert!(!is(&[], &[(dd::TOP_LEVEL, 1.0), (statistics::PARTIAL_VERSION, 0.0)]));
    let entries = Settings {
        by_span_kind: false,
        ..settings()
    };
    assert!(!is_counted(&span(&[(dd::SPAN_KIND, "client")], &[]), &entries));
}

#[test]
fn a_sampled_trace_stands_for_others() {
    for (rate, expected) in [
        (0.25, 4.0),
        (1.0, 1.0),
        (0.0, 1.0),
        (-1.0, 1.0),
        (2.0, 1.0),
        (f64::NAN, 1.0),
    ] {
        assert_eq!(weight(&span(&[], &[(dd::SAMPLE_RATE, rate)])), expected, "{rate}");
    }
    assert_eq!(weight(&span(&[], &[])), 1.0);
}

#[test]
fn the_names_of_peers_are_sorted_and_single() {
    assert!(statistics::PEER_TAGS.is_sorted_by(|a, b| a < b));
}
