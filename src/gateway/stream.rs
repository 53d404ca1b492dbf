//! Server-sent events as they come from a socket: an incremental parser over any chunk borders, and a writer.
//!
//! Every event keeps the bytes it was read from, so that it can be copied to a client unchanged, or left out. What the parser
//! gives, laid end to end with what [`Parser::finish`] returns, is what it was fed, byte for byte. Time is linear in the input,
//! memory is bounded by the limit of one event plus one chunk. Refuses an event above the limit.

use std::ops::Range;

use bytes::{Bytes, BytesMut};

/// The bound on one event that the gateway uses: 16 MiB.
pub const DEFAULT_LIMIT: usize = 16 << 20;

const BOM: &[u8] = b"\xef\xbb\xbf";

/// One event, or one block of comments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    raw: Bytes,
    name: Bytes,
    data: Option<Bytes>,
}

impl Event {
    /// The bytes that it was read from, line ends, comments and the blank line included.
    pub fn raw(&self) -> &Bytes {
        &self.raw
    }

    /// The `event` field; empty where there is none or it is no UTF-8.
    pub fn name(&self) -> &str {
        std::str::from_utf8(&self.name).unwrap_or_default()
    }

    /// The `data` lines, joined by LF; none where there is no such line, as in a block of comments.
    pub fn data(&self) -> Option<&[u8]> {
        self.data.as_deref()
    }

    fn read(raw: Bytes, is_first: bool) -> Self {
        let mut name = 0..0;
        let mut data: Option<Range<usize>> = None;
        let mut joined: Option<Vec<u8>> = None;
        let mut at = if is_first && raw.starts_with(BOM) { BOM.len() } else { 0 };
        while at < raw.len() {
            let end = memchr::memchr2(b'\r', b'\n', &raw[at..]).map_or(raw.len(), |length| at + length);
            let (field, value) = split_field(&raw, at..end);
            match field {
                b"event" => name = value,
                b"data" => match (&data, &mut joined) {
                    (None, _) => data = Some(value),
                    (Some(first), None) => joined = Some([&raw[first.clone()], &raw[value]].join(&b'\n')),
                    (Some(_), Some(joined)) => {
                        joined.push(b'\n');
                        joined.extend_from_slice(&raw[value]);
                    }
                },
                _ => {}
            }
            at = end + 1;
        }
        let data = match joined {
            Some(joined) => Some(Bytes::from(joined)),
            None => data.map(|place| raw.slice(place)),
        };
        let name = raw.slice(name);
        Self { raw, name, data }
    }
}

/// The name of a line's field and the place of its value.
fn split_field(raw: &[u8], line: Range<usize>) -> (&[u8], Range<usize>) {
    match memchr::memchr(b':', &raw[line.clone()]) {
        None => (&raw[line.clone()], line.end..line.end),
        Some(length) => {
            let colon = line.start + length;
            let space = raw[..line.end].get(colon + 1) == Some(&b' ');
            (&raw[line.start..colon], colon + 1 + usize::from(space)..line.end)
        }
    }
}

/// An event is larger than the parser's limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a server-sent event is larger than {limit} bytes")]
pub struct TooLarge {
    /// The limit.
    pub limit: usize,
}

/// How the line before ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LineEnd {
    Cr,
    WithLf,
}

/// Reads events from chunks of bytes.
#[derive(Debug)]
pub struct Parser {
    limit: usize,
    buffer: BytesMut,
    /// Up to where the buffer was searched for line ends.
    searched: usize,
    line_start: usize,
    /// Whether the block holds a line already, and how its last one ended.
    last_end: Option<LineEnd>,
    /// Whether this is the first line, and the first event, of the stream: there a byte order mark may stand.
    first_line: bool,
    first_event: bool,
}

impl Default for Parser {
    fn default() -> Self {
        Self::new(DEFAULT_LIMIT)
    }
}

impl Parser {
    /// A parser that refuses events above `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self {
            limit,
            buffer: BytesMut::new(),
            searched: 0,
            line_start: 0,
            last_end: None,
            first_line: true,
            first_event: true,
        }
    }

    /// Takes the next bytes of the stream. Call [`Parser::next_event`] until it gives none.
    pub fn feed(&mut self, chunk: &[u8]) {
        self.buffer.extend_from_slice(chunk);
    }

    /// The next event that is complete.
    ///
    /// # Errors
    ///
    /// [`TooLarge`] where the event at hand is; from then on always.
    pub fn next_event(&mut self) -> Result<Option<Event>, TooLarge> {
        let end = self.block_end();
        if end.unwrap_or(self.buffer.len()) > self.limit {
            // Whoever goes on after the error gets it again.
            (self.searched, self.line_start) = (self.buffer.len(), self.buffer.len());
            return Err(TooLarge { limit: self.limit });
        }
        Ok(end.map(|end| self.take(end)))
    }

    /// At the end of the stream: what is left, as an event that may be cut off anywhere. None where nothing is left.
    pub fn finish(mut self) -> Option<Event> {
        (!self.buffer.is_empty()).then(|| self.take(self.buffer.len()))
    }

    fn take(&mut self, end: usize) -> Event {
        let raw = self.buffer.split_to(end).freeze();
        (self.searched, self.line_start, self.last_end) = (0, 0, None);
        Event::read(raw, std::mem::take(&mut self.first_event))
    }

    /// Where the block at hand ends: behind the blank line after at least one line. Leading blank lines belong to the block.
    ///
    /// A CR may be half of a CRLF, so that the byte behind it decides; a blank line's CR waits for it, except where the line
    /// before ended in CR alone: there LF is no part of the line end (it would be a blank line of the next block), so that a
    /// stream of CRs is not held up. What follows of it depends on the bytes alone, never on the chunks.
    fn block_end(&mut self) -> Option<usize> {
        loop {
            let found = memchr::memchr2(b'\r', b'\n', &self.buffer[self.searched..]);
            let Some(length) = found else {
                self.searched = self.buffer.len();
                return None;
            };
            let at = self.searched + length;
            let text_start = match self.first_line && self.buffer.starts_with(BOM) {
                true => BOM.len(),
                false => self.line_start,
            };
            let ends_block = at == text_start && self.last_end.is_some();
            let mut end = at + 1;
            let mut line_end = LineEnd::WithLf;
            if self.buffer[at] == b'\r' && !(ends_block && self.last_end == Some(LineEnd::Cr)) {
                match self.buffer.get(end) {
                    None => {
                        self.searched = at;
                        return None;
                    }
                    Some(b'\n') => end += 1,
                    Some(_) => line_end = LineEnd::Cr,
                }
            }
            self.first_line = false;
            if ends_block {
                return Some(end);
            }
            if at > text_start {
                self.last_end = Some(line_end);
            }
            (self.searched, self.line_start) = (end, end);
        }
    }
}

/// Writes one event; an empty name is left out, every line of the data gets a line of its own.
pub fn write(out: &mut Vec<u8>, name: &str, data: &str) {
    if !name.is_empty() {
        out.extend_from_slice(b"event: ");
        out.extend_from_slice(name.as_bytes());
        out.push(b'\n');
    }
    for line in data.split(['\r', '\n']) {
        out.extend_from_slice(b"data: ");
        out.extend_from_slice(line.as_bytes());
        out.push(b'\n');
    }
    out.push(b'\n');
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(chunks: &[&[u8]], limit: usize) -> (Vec<Event>, Result<Option<Event>, TooLarge>) {
        let mut parser = Parser::new(limit);
        let mut events = Vec::new();
        for chunk in chunks {
            parser.feed(chunk);
            loop {
                match parser.next_event() {
                    Ok(Some(event)) => events.push(event),
                    Ok(None) => break,
                    Err(error) => return (events, Err(error)),
                }
            }
        }
        let rest = parser.finish();
        (events, Ok(rest))
    }

    /// One line an event: name, data, and the rest at the end.
    fn check(input: &str, expected: &[&str]) {
        let (events, rest) = read(&[input.as_bytes()], DEFAULT_LIMIT);
        let show = |event: &Event| {
            let data = event
                .data()
                .map_or("-".to_owned(), |data| format!("{:?}", String::from_utf8_lossy(data)));
            format!("{} {data}", event.name()).trim_start().to_owned()
        };
        let mut shown: Vec<String> = events.iter().map(show).collect();
        if let Some(rest) = rest.expect("below the limit") {
            shown.push(format!("rest {:?}", String::from_utf8_lossy(rest.raw())));
        }
        assert_eq!(shown, expected, "{input:?}");
    }

    #[test]
    fn events_of_every_form() {
        check("data: a\n\ndata: b\n\n", &[r#""a""#, r#""b""#]);
        check("event: x\r\ndata: a\r\n\r\ndata: b\r\n\r\n", &[r#"x "a""#, r#""b""#]);
        check("data: a\r\rdata: b\r\r", &[r#""a""#, r#""b""#]);
        check("data: a\ndata:b\ndata:  c\ndata\n\n", &[r#""a\nb\n c\n""#]);
        check("\u{feff}data: a\n\n\u{feff}data: b\n\n", &[r#""a""#, "-"]);
        check("\u{feff}\ndata: a\n\n", &[r#""a""#]);
        check(": ping\n\n\n\n\ndata: a\n\n", &["-", r#""a""#]);
        check("id: 1\nretry: 2\ndata: {\"a:b\": 1}\n\n", &[r#""{\"a:b\": 1}""#]);
        check("data: a\n\ndata: cut", &[r#""a""#, r#"rest "data: cut""#]);
        check("data: a\r\n\r", &[r#"rest "data: a\r\n\r""#]);
        check("data: a\r\r\ndata: b\n\n", &[r#""a""#, r#""b""#]);
        check("", &[]);
        check("\n\n", &[r#"rest "\n\n""#]);
    }

    #[test]
    fn the_limit_holds_for_whole_and_cut_events() {
        let first = "data: a\n\n";
        for (input, given) in [
            ("data: a\n\ndata: 0123456789\n\n", 1),
            ("data: a\n\ndata: 0123456789", 1),
            ("data: 0123\n\n", 1),
        ] {
            let (events, end) = read(&[input.as_bytes()], first.len() + 3);
            assert_eq!(events.len(), given, "{input:?}");
            assert_eq!(end.is_err(), input.starts_with(first), "{input:?}");
        }
    }

    #[test]
    fn written_events_are_read_back() {
        let mut out = Vec::new();
        write(&mut out, "message_start", "{}");
        write(&mut out, "", "a\nb");
        assert_eq!(
            String::from_utf8_lossy(&out),
            "event: message_start\ndata: {}\n\ndata: a\ndata: b\n\n"
        );
        check(&String::from_utf8_lossy(&out), &[r#"message_start "{}""#, r#""a\nb""#]);
    }

    #[test]
    fn one_byte_at_a_time_is_no_slower_than_it_must_be() {
        let mut input = b"data: ".to_vec();
        input.resize(2 << 20, b'x');
        input.extend_from_slice(b"\n\n");
        let chunks: Vec<&[u8]> = input.chunks(1).collect();
        let (events, _) = read(&chunks, DEFAULT_LIMIT);
        assert_eq!(events.len(), 1);
    }

    fn streams() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            Just("\n".to_owned()),
            Just("\r".to_owned()),
            Just("\r\n".to_owned()),
            Just("data: ".to_owned()),
            Just("data:{\"ü\":\"🚩\"}\n\n".to_owned()),
            Just("event: e\r\n".to_owned()),
            Just(":c".to_owned()),
            Just("\u{feff}".to_owned()),
            "[a-zé:]{0,4}",
        ];
        proptest::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat().into_bytes())
    }

    proptest! {
        #[test]
        fn any_chunking_gives_the_same_events(
            input in streams(),
            cuts in proptest::collection::vec(any::<proptest::sample::Index>(), 0..12),
            limit in prop_oneof![Just(DEFAULT_LIMIT), 1_usize..40],
        ) {
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(input.len() + 1)).collect();
            cuts.sort_unstable();
            cuts.insert(0, 0);
            cuts.push(input.len());
            let chunks: Vec<&[u8]> = cuts.windows(2).map(|pair| &input[pair[0]..pair[1]]).collect();
            let (whole, whole_end) = read(&[&input], limit);
            let (cut, cut_end) = read(&chunks, limit);
            prop_assert_eq!(&whole, &cut);
            prop_assert_eq!(&whole_end, &cut_end);
            if let Ok(rest) = whole_end {
                let raw: Vec<u8> = whole.iter().chain(&rest).flat_map(|event| event.raw().to_vec()).collect();
                prop_assert_eq!(raw, input);
            }
        }
    }
}
