//! Keys and what they lead to.

use std::sync::Arc;

use super::{Bench, sample, summary};
use crate::{
    cli::trace::ui::{
        app::{Effect, Event, Link},
        detail::Tab,
        news::News,
        opened::Opened,
        place::Pane,
    },
    viewer::{Reply, Span, Trace},
};

/// Where one stands, as `pane trace span`.
fn place(bench: &Bench) -> String {
    let pane = match bench.app.focus {
        Pane::List => "list",
        Pane::Tree => "tree",
        Pane::Detail => "detail",
    };
    let trace = bench.app.list.selected().map_or("-", |summary| &summary.trace_id[..2]);
    let opened = bench.app.tree.trace().zip(bench.app.tree.selected());
    let span = opened.map(|(opened, row)| opened.span(row).span_id.trim_start_matches('0').to_owned());
    format!("{pane} {trace} {}", span.unwrap_or_default())
}

fn check(script: &str, expected: &str) {
    let mut bench = Bench::new(80, 24, sample::all());
    bench.press(script);
    assert_eq!(place(&bench), expected, "{script}");
}

#[test]
fn keys_move_and_open() {
    check("", "list c3 3");
    check("jj", "list 7f 1");
    check("jjjjjk", "list ab 1");
    check("G", "list 7f 1");
    check("Gg", "list c3 3");
    check("<PgDn><PgUp>j", "list ab 1");
    check("jj<Enter>jjj", "tree 7f 4");
    check("jj<Enter>G", "tree 7f 5");
    check("jj<Enter><Enter>jj", "detail 7f 1");
    check("jj<Enter>jj<Enter><Esc>", "tree 7f 3");
    check("jjlll", "detail 7f 1");
    check("jjl<Esc>k", "list ab 1");
    check("x<BackTab>", "list c3 3");
}

#[test]
fn errors_flags_and_conversations_are_sought() {
    check("e", "list ab 1");
    check("ee", "list ab 1");
    check("f", "list 7f 1");
    check("e<Enter>e", "tree ab 3");
    check("e<Enter>ee", "tree ab 1");
    check("f<Enter>f", "tree 7f 4");
    check("e<Enter><Enter>e", "detail ab 3");
    let mut bench = Bench::new(80, 24, sample::all());
    bench.press("<Enter>f");
    assert_eq!(bench.app.notice.as_deref(), Some("no span of this trace has a flag"));
    bench.press("j");
    assert_eq!(bench.app.notice, None);
}

#[test]
fn branches_fold() {
    check("jj<Enter>jj<Left>j", "tree 7f 3");
    let mut bench = Bench::new(80, 24, sample::all());
    bench.press("jj<Enter>G<Left>");
    assert_eq!(place(&bench), "tree 7f 4", "a leaf leads to its parent");
    bench.press("<Left>");
    assert_eq!(
        (place(&bench).as_str(), bench.app.tree.visible().len()),
        ("tree 7f 4", 4)
    );
    bench.press(" ");
    assert_eq!(bench.app.tree.visible().len(), 5);
    bench.press("g <Right>");
    assert_eq!(
        (place(&bench).as_str(), bench.app.tree.visible().len()),
        ("tree 7f 1", 5)
    );
    bench.press("<Right>");
    assert_eq!(bench.app.focus, Pane::Detail, "unfolded already: it opens");
}

#[test]
fn tabs_turn_round() {
    let mut bench = Bench::new(80, 24, sample::all());
    bench.press("jj<Enter><Enter>");
    for (key, tab) in [
        ("<Tab>", Tab::Conversation),
        ("<Tab>", Tab::Events),
        ("<Tab>", Tab::Resource),
        ("<Tab>", Tab::Attributes),
        ("<BackTab>", Tab::Resource),
        ("c", Tab::Conversation),
    ] {
        bench.press(key);
        assert_eq!(bench.app.detail.tab, tab);
    }
    assert!(bench.text().contains("carries no conversation"), "{}", bench.text());
}

#[test]
fn a_filter_is_typed_sent_and_taken_away() {
    let mut bench = Bench::new(80, 24, sample::all());
    bench.press("/quit<Esc>");
    assert_eq!(bench.app.asked.filter, "", "left as it was");
    bench.press("/POST j<Enter>");
    assert_eq!(
        (bench.app.asked.filter.as_str(), bench.app.list.rows.len()),
        ("POST j", 0)
    );
    bench.press("/<C-u>POST<Enter>");
    assert_eq!((place(&bench).as_str(), bench.app.list.rows.len()), ("list ab 1", 2));
    bench.press("/");
    bench.app.take(Event::Paste("=1\nq".into()));
    assert_eq!(
        bench.app.typing.as_ref().map(|input| input.text()).as_deref(),
        Some("POST=1 q")
    );
    bench.press("<Esc>F");
    assert_eq!((place(&bench).as_str(), bench.app.list.rows.len()), ("list 7f 1", 1));
    bench.press("<Esc>");
    assert_eq!((bench.app.asked.filter.as_str(), bench.app.asked.flagged), ("", true));
    bench.press("<Esc>");
    assert_eq!((bench.app.list.rows.len(), bench.app.asked.flagged), (3, false));
}

#[test]
fn what_is_copied_is_said_and_is_no_command() {
    let mut bench = Bench::new(80, 24, sample::all());
    assert_eq!(bench.press("jjy"), Effect::Copy("7f".repeat(16)));
    assert!(bench.text().contains("sent the trace id to the terminal's clipboard"));
    assert_eq!(
        bench.press("<Enter><Enter>y"),
        Effect::Copy("POST /v1/chat/completions".into())
    );
    assert_eq!(
        bench.app.notice.as_deref(),
        Some("sent the value of name to the terminal's clipboard")
    );
    bench.press("<Esc><Esc>g<Enter>G<Enter>G");
    bench.press("<Esc>gjj<Enter>G");
    let odd = Bench::new(80, 24, vec![huge(1)]).press("<Enter><Enter>Gy");
    assert_eq!(odd, Effect::Copy("[31mred\ttext\n".into()), "no escapes");
    let mut bench = Bench::new(80, 24, vec![huge(40_000)]);
    let Effect::Copy(cut) = bench.press("<Enter><Enter>Gy") else {
        panic!("copied");
    };
    assert!(cut.len() <= 74_000 && cut.len() > 70_000);
    assert!(
        bench
            .app
            .notice
            .as_deref()
            .is_some_and(|notice| notice.contains("the first")),
        "{:?}",
        bench.app.notice
    );
}

/// One span with a long value.
fn huge(times: usize) -> Trace {
    let span = Span {
        trace_id: "ee".repeat(16),
        span_id: "1".repeat(16),
        attributes: vec![crate::viewer::Attribute {
            key: "long".into(),
            value: crate::viewer::Value::Str("\x1b[31mred\ttext\n".repeat(times)),
        }],
        ..Span::default()
    };
    Trace {
        trace_id: span.trace_id.clone(),
        spans: vec![span],
        ..Trace::default()
    }
}

#[test]
fn ends_and_other_effects() {
    let mut bench = Bench::new(80, 24, sample::all());
    assert_eq!(bench.press("?q"), Effect::None, "q closes the help");
    assert_eq!(bench.press("q"), Effect::Quit);
    assert_eq!(bench.press("/q<Esc>"), Effect::None);
    assert_eq!(bench.press("/<C-c>"), Effect::Interrupt);
    assert_eq!(bench.press("<Esc><C-z>"), Effect::Suspend);
}

#[test]
fn what_comes_leaves_selection_and_place_as_they_are() {
    let mut bench = Bench::new(80, 24, sample::all());
    bench.press("jj<Enter>jjj");
    assert_eq!(place(&bench), "tree 7f 4");
    let newer = Trace {
        trace_id: "dd".repeat(16),
        ..sample::failed()
    };
    let reply = Reply {
        summaries: vec![summary((3, &newer))],
        held: 4,
        ..Reply::default()
    };
    bench.app.take(Event::News(News::Newer(bench.app.asked.clone(), reply)));
    assert_eq!((place(&bench).as_str(), bench.app.list.rows.len()), ("tree 7f 4", 4));
    // The same trace with one more span.
    let mut grown = sample::talk();
    grown.spans.insert(
        1,
        Span {
            span_id: "00000000000000ff".into(),
            ..grown.spans[1].clone()
        },
    );
    let opened = Arc::new(Opened::new(grown.clone()));
    bench.app.take(Event::News(News::Opened(grown.trace_id, opened)));
    assert_eq!(
        (place(&bench).as_str(), bench.app.tree.visible().len()),
        ("tree 7f 4", 6)
    );
    // The listener drops what is being read: it stays until the list is looked at.
    let reply = Reply {
        summaries: vec![summary((3, &newer))],
        held: 1,
        ..Reply::default()
    };
    bench
        .app
        .take(Event::News(News::Whole(bench.app.asked.clone(), reply.clone())));
    assert_eq!(place(&bench), "tree 7f 4");
    bench.app.take(Event::Key(crate::cli::trace::ui::key::Key::Esc));
    bench.app.take(Event::News(News::Whole(bench.app.asked.clone(), reply)));
    assert_eq!(place(&bench), "list dd ");
}

#[test]
fn answers_to_older_questions_are_not_shown() {
    let mut bench = Bench::new(80, 24, sample::all());
    let old = bench.app.asked.clone();
    bench.app.take(Event::Key(crate::cli::trace::ui::key::Key::Char('F')));
    let reply = Reply::default();
    bench.app.take(Event::News(News::Whole(old.clone(), reply)));
    bench.app.take(Event::News(News::Refused(old, "no".into())));
    assert_eq!((bench.app.list.rows.len(), &bench.app.refused), (3, &None));
}

#[test]
fn the_listener_may_go_and_come_back() {
    let mut bench = Bench::new(80, 24, sample::all());
    bench.press("jj<Enter>");
    bench.app.take(Event::News(News::Lost("Connection refused".into())));
    assert!(matches!(bench.app.link, Link::Lost(_)));
    assert_eq!(place(&bench), "tree 7f 1", "what is open can still be read");
    assert!(bench.text().contains("no listener on 127.0.0.1:4317 (retrying)"));
    bench.press("r");
    assert_eq!(bench.app.link, Link::Live);
    bench.press("p");
    assert!(bench.app.wanted().paused && bench.text().contains("127.0.0.1:4317 paused"));
    bench.press("p");
    assert!(!bench.app.wanted().paused && bench.text().contains("127.0.0.1:4317 live"));
}
