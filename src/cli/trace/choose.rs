//! `planoai trace any` on a terminal: a numbered list and a question. The list goes to stderr, so that stdout is data.

use std::io::{self, BufRead, Write};

use super::select::line;
use crate::viewer::Summary;

/// Traces that are offered.
const OFFERED: usize = 50;

/// The trace id that the user chose; `None` where they chose none.
pub(super) fn choose(summaries: &[Summary]) -> Option<String> {
    let offered = &summaries[..summaries.len().min(OFFERED)];
    let mut err = io::stderr().lock();
    for (number, summary) in offered.iter().enumerate() {
        writeln!(err, "{:>3}  {}", number + 1, line(summary)).ok()?;
    }
    if offered.len() < summaries.len() {
        writeln!(err, "     … and {} older", summaries.len() - offered.len()).ok()?;
    }
    loop {
        write!(err, "Which trace? [1] ").and_then(|()| err.flush()).ok()?;
        let mut answer = String::new();
        if io::stdin().lock().read_line(&mut answer).ok()? == 0 {
            return None;
        }
        match pick(&answer, offered.len()) {
            Pick::Trace(index) => return Some(offered[index].trace_id.clone()),
            Pick::None => return None,
            Pick::Unclear => writeln!(err, "a number from 1 to {}, or q", offered.len()).ok()?,
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Pick {
    Trace(usize),
    None,
    Unclear,
}

fn pick(answer: &str, offered: usize) -> Pick {
    match answer.trim() {
        "" => Pick::Trace(0),
        "q" | "quit" => Pick::None,
        text => match text.parse::<usize>() {
            Ok(number) if (1..=offered).contains(&number) => Pick::Trace(number - 1),
            _ => Pick::Unclear,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_numbers_of_the_list() {
        for (answer, expected) in [
            ("\n", Pick::Trace(0)),
            ("3\n", Pick::Trace(2)),
            ("q\n", Pick::None),
            ("0\n", Pick::Unclear),
            ("4\n", Pick::Unclear),
            ("x\n", Pick::Unclear),
        ] {
            assert_eq!(pick(answer, 3), expected, "{answer:?}");
        }
    }
}
