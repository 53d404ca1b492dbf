//! Stack traces as their languages print them, into frames: Java and PHP, Python, JavaScript, .NET, Go. Reads what the Collector reads;
//! text of any other form gives no frames, never an error.

use std::sync::LazyLock;

use regex::Regex;

use super::cause::Exception;

/// One frame.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) path: String,
    pub(super) label: String,
    pub(super) line: i64,
}

/// The exception with its frames, and those that it was caused by behind it.
pub(super) fn read(trace: &str, language: &str, mut first: Exception) -> Vec<Exception> {
    // The first line (in Python the last one) repeats the exception.
    let mut lines = trace.lines().skip(1);
    match language {
        "java" | "php" => return java(lines, first),
        "python" => return python(trace, first),
        "javascript" => first.stack = lines.filter_map(javascript).collect(),
        "dotnet" => first.stack = lines.filter_map(dotnet).collect(),
        "go" => first.stack = go(&mut lines),
        _ => {}
    }
    vec![first]
}

fn java<'a>(mut lines: impl Iterator<Item = &'a str>, first: Exception) -> Vec<Exception> {
    let mut exceptions = vec![first];
    let mut next = lines.next();
    while let Some(line) = next {
        next = None;
        if let Some(frame) = java_frame(line) {
            exceptions.last_mut().expect("one from the start").stack.push(frame);
        } else if let Some(cause) = line.strip_prefix("Caused by: ") {
            let (kind, message) = split_message(cause);
            let mut message = message.to_owned();
            // A message may have more lines, up to the first frame.
            next = lines.by_ref().find(|line| {
                let is_frame = line.starts_with("\tat ") && line.contains('(') && line.ends_with(')');
                if !is_frame {
                    message.push_str(line);
                }
                is_frame
            });
            exceptions.push(Exception {
                kind: kind.to_owned(),
                message,
                stack: Vec::new(),
            });
        }
        next = next.or_else(|| lines.next());
    }
    exceptions
}

/// `Type: message`.
fn split_message(text: &str) -> (&str, &str) {
    match text.split_once(':') {
        Some((kind, message)) => {
            let mut rest = message.chars();
            rest.next();
            (kind, rest.as_str())
        }
        None => (text, ""),
    }
}

/// `\tat module/package.Class.method(File.java:12)`.
fn java_frame(line: &str) -> Option<Frame> {
    let (label, place) = line.strip_prefix("\tat ")?.strip_suffix(')')?.split_once('(')?;
    let (path, number) = place.split_once(':').unwrap_or((place, ""));
    Some(Frame {
        path: path.to_owned(),
        label: label.split_once('/').map_or(label, |(_, label)| label).to_owned(),
        line: number.parse().unwrap_or_default(),
    })
}

/// Read from its end: the innermost frame stands last, and exceptions that came before stand above.
fn python(trace: &str, first: Exception) -> Vec<Exception> {
    const DURING: &str = "During handling of the above exception, another exception occurred:";
    let lines: Vec<&str> = trace.split('\n').collect();
    let mut exceptions = vec![first];
    let Some(mut at) = lines.len().checked_sub(2) else {
        return exceptions;
    };
    loop {
        let line = lines[at];
        if let Some(frame) = python_frame(line) {
            exceptions.last_mut().expect("one from the start").stack.push(frame);
        } else if line.starts_with(DURING) {
            let Some(file) = lines[..at].iter().rposition(|line| line.starts_with("  File ")) else {
                return exceptions;
            };
            // Between them stand the frame's source line before it and a blank line behind it.
            let message = lines.get(file + 2..at.saturating_sub(1)).unwrap_or_default().join("\n");
            if !message.contains(':') {
                return exceptions;
            }
            let (kind, message) = split_message(&message);
            exceptions.push(Exception {
                kind: kind.to_owned(),
                message: message.to_owned(),
                stack: Vec::new(),
            });
            at = file;
            continue;
        }
        match at.checked_sub(1) {
            Some(above) => at = above,
            None => return exceptions,
        }
    }
}

/// `  File "app.py", line 12, in handler`.
fn python_frame(line: &str) -> Option<Frame> {
    if !line.starts_with("  File ") {
        return None;
    }
    let mut parts = line.split(',');
    let (file, number, label) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    let number = number.strip_prefix(" line ").and_then(|number| number.parse().ok());
    Some(Frame {
        path: file.get(8..file.len().saturating_sub(1)).unwrap_or_default().to_owned(),
        label: label.strip_prefix(" in ").unwrap_or_default().to_owned(),
        line: number.unwrap_or_default(),
    })
}

/// `    at function (file.js:12:5)` or `    at file.js:12:5`.
fn javascript(line: &str) -> Option<Frame> {
    let rest = line.strip_prefix("    at ")?;
    let (label, mut path) = match (rest.split_once('('), rest.ends_with(')')) {
        (Some((label, place)), true) => (label, &place[..place.len() - 1]),
        (Some(_), false) => ("", ""),
        (None, _) => ("", rest),
    };
    let mut number = 0;
    match path.split_once(':') {
        Some((file, rest)) => {
            if let Some((line, _)) = rest.split_once(':') {
                number = line.parse().unwrap_or_default();
                path = file;
            }
        }
        None if path.contains("native") => path = "native",
        None => {}
    }
    let frame = Frame {
        path: path.to_owned(),
        label: label.to_owned(),
        line: number,
    };
    (frame != Frame::default()).then_some(frame)
}

/// `   at Namespace.Class.Method(Int32 n) in /app/File.cs:line 12`.
fn dotnet(line: &str) -> Option<Frame> {
    let line = line.trim();
    let rest = line.strip_prefix("at ")?;
    let mut parts = line.split(" in ");
    let head = parts.next().unwrap_or_default();
    let Some(place) = parts.next() else {
        let end = rest.rfind(')')?;
        return Some(Frame {
            label: rest[..=end].to_owned(),
            ..Frame::default()
        });
    };
    let (path, number) = place.rsplit_once(':').unwrap_or((place, ""));
    let number = number
        .strip_prefix("line")
        .map_or(number, |number| number.get(1..).unwrap_or_default());
    Some(Frame {
        path: path.to_owned(),
        label: head.strip_prefix("at ").unwrap_or_default().to_owned(),
        line: number.parse().unwrap_or_default(),
    })
}

/// `package.function(...)` and on the next line `\t/path/file.go:12 +0x1d`.
fn go<'a>(lines: &mut impl Iterator<Item = &'a str>) -> Vec<Frame> {
    static PLACE: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"([^:\t\n\f\r ]+):([0-9]+)").expect("the pattern is constant"));
    let mut frames = Vec::new();
    let mut place = Frame::default();
    while let Some(line) = lines.next() {
        let label = if is_goroutine(line) {
            lines.next().unwrap_or_default()
        } else {
            line
        };
        if let Some(found) = PLACE.captures(lines.next().unwrap_or_default()) {
            place.path = found[1].to_owned();
            place.line = found[2].parse().unwrap_or_default();
        }
        frames.push(Frame {
            label: label.to_owned(),
            ..place.clone()
        });
    }
    frames
}

/// `goroutine 1 [running]:`.
fn is_goroutine(line: &str) -> bool {
    static HEAD: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"^goroutine.*(?:^|[^0-9A-Za-z_])running(?:$|[^0-9A-Za-z_]).*:$").expect("the pattern is constant")
    });
    HEAD.is_match(line)
}
