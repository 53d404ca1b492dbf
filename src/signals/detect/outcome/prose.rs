//! A failure told by how a text begins: `Error: …`, `ValueError: …`, `Failed to …`, `404 Not Found`, a traceback. A text that is
//! about failures does not begin so.

use super::{Lowered, Told};

/// Words that begin a report of a failure when punctuation or the end follows.
const MARKS: &[&str] = &[
    "error",
    "err",
    "exception",
    "failure",
    "failed",
    "fatal",
    "panic",
    "fatal error",
    "tool error",
    "warning: error",
];
/// What follows `error` in a report of one.
const GOING_ON: &[&str] = &[
    "executing",
    "calling",
    "running",
    "fetching",
    "reading",
    "writing",
    "invoking",
    "processing",
    "parsing",
    "connecting",
    "opening",
    "loading",
    "performing",
    "retrieving",
    "creating",
    "updating",
    "deleting",
    "searching",
    "sending",
    "getting",
    "during",
    "while",
    "when",
    "code",
    "from",
    "occurred",
    "in tool",
    "in function",
];
/// Beginnings of a sentence that says what could not be done.
const COULD_NOT: &[&str] = &[
    "failed to ",
    "unable to ",
    "could not ",
    "couldn't ",
    "cannot ",
    "can't ",
    "an error occurred",
    "an error has occurred",
    "something went wrong",
    "there was an error",
    "there was a problem",
    "an unexpected error",
    "an exception occurred",
];
/// Sentences that name a failure by themselves.
const NAMED: &[&str] = &[
    "permission denied",
    "access denied",
    "unauthorized",
    "forbidden",
    "not found",
    "no such file",
    "connection refused",
    "connection reset",
    "connection timed out",
    "connection error",
    "request timed out",
    "request failed",
    "timed out",
    "timeout",
    "operation timed out",
    "rate limit",
    "too many requests",
    "invalid argument",
    "invalid parameter",
    "invalid input",
    "invalid request",
    "invalid json",
    "invalid date",
    "invalid value",
    "missing required",
    "missing parameter",
    "missing argument",
    "unknown tool",
    "unknown function",
    "unknown command",
    "tool not found",
    "command not found",
    "command failed",
    "method not found",
    "syntax error",
    "bad request",
    "service unavailable",
    "internal server error",
    "bad gateway",
    "gateway timeout",
    "quota exceeded",
    "context length exceeded",
    "npm err!",
    "traceback (most recent call last)",
    "curl: (",
    "bash: ",
    "sh: ",
    "zsh: ",
    "<error",
    "<tool_use_error",
    "[error",
    "[errno ",
    "❌",
];
/// What follows a single word of those, or of a phrase of them, where it is a report.
const REPORTS: &[&str] = &[
    "after",
    "while",
    "waiting",
    "exceeded",
    "expired",
    "reached",
    "when",
    "error",
    "occurred",
    "connecting",
    "reading",
    "calling",
    "fetching",
    "on ",
    "of ",
    "for ",
    "to ",
    "from ",
    "in ",
    "by ",
    "access",
    "request",
];
/// What makes of "cannot" no report.
const IDIOMS: &[&str] = &[
    "wait to ",
    "wait for ",
    "wait until ",
    "wait till ",
    "wait!",
    "help but ",
    "believe ",
    "thank ",
    "recommend ",
    "praise ",
    "say enough",
    "get enough",
    "go wrong",
    "agree more",
    "be happier",
    "stop thinking",
    "complain",
];
/// Longest sentence of that kind, in bytes: more is a document.
const SENTENCE: usize = 600;

/// What the text says of a failure; none where it says of none. `head` is its beginning, `tail` its end.
pub(super) fn told<'a>(head: &'a str, tail: &'a str) -> Option<Told<'a>> {
    let status = status(head);
    // Of a traceback the last line says what it was.
    let words = match is_traceback(head) {
        true => tail.trim_end().rsplit('\n').next().unwrap_or(head),
        false => head,
    };
    let start = Lowered::<64>::new(&[head]);
    let start = start.as_str();
    let short = head.len() <= SENTENCE;
    let fails = status.is_some()
        || is_marked(start)
        || is_named_error(head)
        || head.starts_with("Exception in thread \"")
        || (short && could_not(start))
        || NAMED.iter().any(|name| {
            start.strip_prefix(name).is_some_and(|rest| {
                is_whole(name, rest) && (ends_a_phrase(rest) || short && goes_on_as_report(name, rest))
            })
        });
    fails.then_some(Told { words, status })
}

fn is_traceback(text: &str) -> bool {
    text.starts_with("Traceback (most recent call last)")
}

/// Whether a name ends where the rest begins, and no setting of that name stands there (`timeout: 30`).
fn is_whole(name: &str, rest: &str) -> bool {
    if !name.ends_with(char::is_alphanumeric) {
        return true;
    }
    let value = rest.trim_start_matches([':', '=', ' ']);
    let is_setting = value.len() < rest.len() && value.starts_with(|c: char| c.is_ascii_digit());
    !rest.starts_with(char::is_alphanumeric) && !is_setting
}

fn could_not(start: &str) -> bool {
    COULD_NOT
        .iter()
        .filter_map(|begin| start.strip_prefix(begin))
        .any(|rest| !IDIOMS.iter().any(|idiom| rest.starts_with(idiom)))
}

/// "Timeout after 30 s", and no "Timeout is a film", no "Forbidden Planet, 1956". What is named by more words needs less.
fn goes_on_as_report(name: &str, rest: &str) -> bool {
    let next = rest.trim_start();
    let is_subject = ["is ", "are ", "was ", "were ", "has ", "means "];
    match name.contains([' ', '<', '[', '❌']) {
        true => !is_subject.iter().any(|verb| next.starts_with(verb)),
        false => REPORTS.iter().any(|word| next.starts_with(word)),
    }
}

fn ends_a_phrase(rest: &str) -> bool {
    rest.is_empty() || rest.starts_with([':', '.', '!', ',', ';', '\n', '('])
}

/// `Error: …`, `error[E0308]`, `ERROR 1064 (42000)`, `Error executing tool …`.
fn is_marked(start: &str) -> bool {
    let start = start.trim_start_matches(['*', '#', '`', '[', '<', ' ', '⚠', '\u{fe0f}', '❌']);
    MARKS.iter().any(|mark| {
        let Some(rest) = start.strip_prefix(mark) else {
            return false;
        };
        let next = rest.trim_start();
        rest.is_empty()
            || rest.starts_with([':', '!', '(', '[', ']', '\n', '*', '>'])
            || rest.starts_with(" - ")
            || (*mark == "error" && next.starts_with(|c: char| c.is_ascii_digit()))
            || (*mark == "error" && next != rest && GOING_ON.iter().any(|word| next.starts_with(word)))
    })
}

/// `ValueError: …`, `requests.exceptions.ConnectTimeout: …`, `java.lang.NullPointerException`.
fn is_named_error(text: &str) -> bool {
    let end = text
        .find(|c: char| !(c.is_ascii_alphanumeric() || c == '.' || c == '_' || c == '$'))
        .unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    let last = name.rsplit('.').next().unwrap_or(name);
    let names_one = ["Error", "Exception", "Timeout", "Fault"]
        .iter()
        .any(|suffix| last.len() > suffix.len() && last.ends_with(suffix));
    names_one
        && last.starts_with(|c: char| c.is_ascii_uppercase())
        && (rest.is_empty() || rest.starts_with([':', '(', '\n', '\r']))
}

/// A status of HTTP from 400 on at the beginning: `HTTP/1.1 404 …`, `HTTP 500`, `404 Not Found`, `Status: 429`.
fn status(text: &str) -> Option<u16> {
    const BEFORE: [&str; 10] = [
        "HTTP/1.1 ",
        "HTTP/1.0 ",
        "HTTP/2 ",
        "HTTP ",
        "HTTP Error ",
        "HTTP error ",
        "Status: ",
        "Status code: ",
        "status code ",
        "Request failed with status code ",
    ];
    let named = BEFORE.iter().find_map(|before| text.strip_prefix(before));
    let rest = named.unwrap_or(text);
    let number = rest.get(..3)?;
    let after = &rest[3..];
    let whole = after.is_empty() || after.starts_with([' ', ':', '\n', '\r', ',', '.']);
    let status: u16 = number.parse().ok().filter(|_| whole)?;
    // A bare number is data unless the status' own words follow.
    let words = [
        "not found",
        "forbidden",
        "unauthorized",
        "bad request",
        "internal server",
        "too many",
        "service unavail",
        "bad gateway",
        "gateway time",
        "conflict",
        "client error",
        "server error",
    ];
    let after = Lowered::<32>::new(&[after]);
    let after = after.as_str().trim_start_matches([' ', ':']);
    let meant = named.is_some() || words.iter().any(|word| after.starts_with(word));
    ((400..600).contains(&status) && meant).then_some(status)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(expected: bool, texts: &[&str]) {
        for text in texts {
            assert_eq!(told(text, text).is_some(), expected, "{text}");
        }
    }

    #[test]
    fn reports_of_failures_begin_like_this() {
        check(
            true,
            &[
                "Error: x",
                "error",
                "ERROR 1064 (42000): You have an error in your SQL syntax",
                "Error executing tool search: boom",
                "error[E0308]: mismatched types",
                "**Error:** no",
                "ValueError: bad",
                "java.lang.NullPointerException\n\tat X",
                "requests.exceptions.ReadTimeout: HTTPSConnectionPool",
                "Failed to open the file",
                "404 Not Found",
                "HTTP/1.1 503 Service Unavailable",
                "Request failed with status code 422",
                "bash: foo: command not found",
                "❌ no such project",
                "Exception in thread \"main\" java.lang.NullPointerException\n\tat X",
                "[Errno 2] No such file or directory: 'x'",
                "timeout of 5000ms exceeded",
                "Timeout",
                "Unauthorized: token expired",
                "Permission denied for user x",
                "Rate limit exceeded",
                "Cannot read properties of undefined",
            ],
        );
    }

    #[test]
    fn texts_about_failures_do_not() {
        let essay = format!(
            "Cannot stop thinking about you, says the song. {}",
            "La la la. ".repeat(80)
        );
        check(
            false,
            &[
                "",
                "ok",
                "368.0",
                "404",
                "500 people came",
                "Errors and how to avoid them",
                "Error handling in Rust is done with Result",
                "Exceptional service, five stars",
                "Failed states: a history of the twentieth century in",
                "The request timed out twice, then it went through.",
                "Transfer successful",
                "timeout: 30",
                "TimeoutError is raised when a call takes too long",
                "Notfound Inc. was founded in 1999",
                "Timeout is a 2003 film.",
                "Forbidden Planet is a 1956 film.",
                "Rate limit is the number of calls a minute.",
                "Cannot wait to see you there!",
                "Can't believe it is May already",
                essay.as_str(),
            ],
        );
    }
}
