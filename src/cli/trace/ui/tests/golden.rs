//! Whole screens.

use std::{fs, path::Path};

use super::{Bench, sample};
use crate::{
    cli::trace::ui::{app::Event, news::News},
    viewer::Ink,
};

/// Compares with the file of that name.
fn check(name: &str, bench: &Bench) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden/ui")
        .join(format!("{name}.txt"));
    let text = bench.text();
    if std::env::var_os("PLANO_GOLDEN").is_some_and(|value| value == "write") {
        fs::write(&file, &text).expect("the golden file can be written");
    }
    let expected = fs::read_to_string(&file).expect("the golden file is there");
    assert_eq!(text, expected, "{name}");
}

#[test]
fn a_small_terminal_shows_two_panes_at_a_time() {
    let mut bench = Bench::new(80, 24, sample::all());
    check("list", &bench);
    bench.press("jj<Enter>");
    check("tree", &bench);
    bench.press("f<Enter>jjj");
    check("detail", &bench);
    bench.press("c");
    check("conversation", &bench);
    bench.press("<Tab>");
    check("events", &bench);
    bench.press("?");
    check("help", &bench);
}

#[test]
fn a_wide_terminal_shows_all() {
    let mut bench = Bench::new(160, 40, sample::all());
    bench.press("j<Enter>e");
    check("wide", &bench);
    let mut bench = Bench::new(120, 34, sample::all());
    bench.press("jjc");
    check("middle", &bench);
    let mut bench = Bench::new(40, 10, sample::all());
    bench.press("<Enter>");
    check("tiny", &bench);
}

#[test]
fn what_is_missing_is_said() {
    let mut bench = Bench::new(80, 24, Vec::new());
    check("empty", &bench);
    bench.press("/llm.modle=gpt-4o");
    check("typing", &bench);
    bench.press("<Enter>");
    let why = "no span has an attribute \"llm.modle\"; did you mean \"llm.model\"?";
    bench
        .app
        .take(Event::News(News::Refused(bench.app.asked.clone(), why.into())));
    check("refused", &bench);
    let mut bench = Bench::new(80, 24, sample::all());
    bench.press("/nothing like it<Enter>");
    check("no-match", &bench);
    let mut bench = Bench::new(80, 24, sample::all());
    bench.app.take(Event::News(News::Lost("Connection refused".into())));
    check("lost", &bench);
}

#[test]
fn without_colors_nothing_is_colored_and_the_selection_is_still_seen() {
    use ratatui::style::{Color, Modifier};
    let mut bench = Bench::new(160, 40, sample::all());
    bench.press("jjc");
    let plain = bench.drawn(Ink::Plain);
    assert!(
        plain
            .content
            .iter()
            .all(|cell| cell.fg == Color::Reset && cell.bg == Color::Reset)
    );
    let reversed = |cell: &&ratatui::buffer::Cell| cell.modifier.contains(Modifier::REVERSED);
    assert!(plain.content.iter().filter(reversed).count() > 40);
    let underlined = |cell: &&ratatui::buffer::Cell| cell.modifier.contains(Modifier::UNDERLINED);
    let marked: String = plain
        .content
        .iter()
        .filter(underlined)
        .map(|cell| cell.symbol())
        .collect();
    assert!(marked.contains("talk to a human"), "{marked}");
    let colored = bench.drawn(Ink::Color);
    assert!(colored.content.iter().any(|cell| cell.fg == Color::Yellow));
    assert!(
        colored.content.iter().all(|cell| cell.bg == Color::Reset),
        "the ground is the terminal's own"
    );
}

#[test]
fn hostile_names_are_spelt_out() {
    let mut bench = Bench::new(160, 40, sample::all());
    for keys in ["", "<Enter>", "<Enter>", "<Tab>", "<Tab>", "<Tab>"] {
        bench.press(keys);
        let text = bench.text();
        assert!(
            text.chars().all(|c| c == '\n' || !crate::viewer::is_harmful(c)),
            "{text}"
        );
    }
    bench.press("<Tab>");
    assert!(bench.text().contains("\\x1b"), "{}", bench.text());
}
