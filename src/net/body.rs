//! Reading the body of a request into one piece, with one copy at most: a plain body, or the one message of a unary gRPC call.
//! Refuses what exceeds its limit as soon as that is known, and never reserves memory on the word of the peer alone.

use bytes::{Buf, Bytes, BytesMut};
use http_body::Body;
use http_body_util::BodyExt;

use super::grpc::{PREFIX_LEN, Prefix};

/// Most that is reserved, and most room that is asked for, before any of it has arrived, in bytes. Later both follow what
/// has arrived, so that a peer that only promises a large body holds next to nothing.
const FIRST_STEP: usize = 32 << 10;
/// From this size on a body that came in one frame is kept as it is; a smaller one is copied, so that it does not hold the
/// connection's whole read buffer.
const SLICE_MIN: usize = 16 << 10;

/// Why a body could not be read.
#[derive(Debug, thiserror::Error)]
pub enum BodyError<E> {
    /// It is larger than the limit.
    #[error("larger than the limit")]
    TooLarge {
        /// Its length in bytes, where that is known.
        length: Option<usize>,
    },
    /// The connection or stream broke.
    #[error("the body broke off: {0}")]
    Broken(String),
    /// It is not one whole gRPC message.
    #[error("{0}")]
    Framing(&'static str),
    /// There was no room for it.
    #[error("not admitted")]
    NotAdmitted(E),
}

/// Gathers frames into one piece.
struct Gather {
    whole: Bytes,
    parts: BytesMut,
    expected: usize,
}

impl Gather {
    fn new(expected: usize) -> Gather {
        Gather {
            whole: Bytes::new(),
            parts: BytesMut::new(),
            expected,
        }
    }

    fn len(&self) -> usize {
        self.whole.len() + self.parts.len()
    }

    fn push(&mut self, data: Bytes) {
        if self.len() == 0 && data.len() >= SLICE_MIN && data.len() == self.expected {
            self.whole = data;
            return;
        }
        if !self.whole.is_empty() {
            let whole = std::mem::take(&mut self.whole);
            self.parts.extend_from_slice(&whole);
        }
        let needed = self.parts.len() + data.len();
        if self.parts.capacity() < needed {
            let wanted = match self.parts.len() {
                0 => self.expected.min(FIRST_STEP),
                _ => self.expected.min(needed * 4),
            };
            self.parts.reserve(wanted.max(needed) - self.parts.len());
        }
        self.parts.extend_from_slice(&data);
    }

    fn finish(self) -> Bytes {
        if self.parts.is_empty() {
            self.whole
        } else {
            self.parts.freeze()
        }
    }
}

/// Asks for the room of a body in growing steps, ahead of what arrives.
struct Room<F> {
    admit: F,
    held: usize,
    /// Length that the body will have at most.
    most: usize,
}

impl<E, F: FnMut(usize) -> Result<(), E>> Room<F> {
    /// Makes sure that there is room for that many bytes in all.
    fn cover(&mut self, needed: usize) -> Result<(), BodyError<E>> {
        if needed > self.held {
            let step = self.most.min(FIRST_STEP.max(self.held * 2)).max(needed) - self.held;
            (self.admit)(step).map_err(BodyError::NotAdmitted)?;
            self.held += step;
        }
        Ok(())
    }
}

/// Reads a whole body of at most `limit` bytes. `admit` is asked for room before the bytes that need it are gathered: for a
/// first step, then for as much as is there already, and so on.
///
/// # Errors
/// [`BodyError::TooLarge`] before anything is read, where the peer says the length, else once it is exceeded;
/// [`BodyError::NotAdmitted`], [`BodyError::Broken`].
pub async fn collect<B, E>(
    mut body: B,
    limit: usize,
    admit: impl FnMut(usize) -> Result<(), E>,
) -> Result<Bytes, BodyError<E>>
where
    B: Body<Data = Bytes, Error: std::fmt::Display> + Unpin,
{
    let hint = body.size_hint();
    if hint.lower() > limit as u64 {
        return Err(BodyError::TooLarge {
            length: hint.exact().and_then(|length| usize::try_from(length).ok()),
        });
    }
    let mut gathered = Gather::new(hint.exact().unwrap_or(0) as usize);
    let most = hint.exact().map_or(limit, |length| length as usize);
    let mut room = Room { admit, held: 0, most };
    // Where there is no room at all, a body of a known length need not be read to tell so.
    room.cover(hint.lower().min(1) as usize)?;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|error| BodyError::Broken(error.to_string()))?.into_data() else {
            continue;
        };
        if gathered.len() + data.len() > limit {
            return Err(BodyError::TooLarge { length: None });
        }
        room.cover(gathered.len() + data.len())?;
        gathered.push(data);
    }
    Ok(gathered.finish())
}

/// Reads the one message of a unary gRPC call, to the end of the stream. `admit` is asked for room as in [`collect`].
///
/// # Errors
/// [`BodyError`]: too large (on the wire), broken, no or several messages, not admitted.
pub async fn collect_message<B, E>(
    mut body: B,
    limit: usize,
    admit: impl FnMut(usize) -> Result<(), E>,
) -> Result<(Prefix, Bytes), BodyError<E>>
where
    B: Body<Data = Bytes, Error: std::fmt::Display> + Unpin,
{
    let (mut head, mut have) = ([0; PREFIX_LEN], 0);
    let mut data = Bytes::new();
    while have < PREFIX_LEN {
        data = match next_data(&mut body).await? {
            Some(data) => data,
            None if have == 0 => return Err(BodyError::Framing("the call holds no message")),
            None => return Err(BodyError::Framing("the message is truncated")),
        };
        let taken = data.len().min(PREFIX_LEN - have);
        data.copy_to_slice(&mut head[have..have + taken]);
        have += taken;
    }
    let prefix = Prefix::parse(head).ok_or(BodyError::Framing("the message's flags are invalid"))?;
    if prefix.length > limit {
        return Err(BodyError::TooLarge {
            length: Some(prefix.length),
        });
    }
    let most = prefix.length;
    let mut room = Room { admit, held: 0, most };
    room.cover(most.min(1))?;
    let mut gathered = Gather::new(prefix.length);
    loop {
        if gathered.len() + data.len() > prefix.length {
            return Err(BodyError::Framing(
                "a unary call holds one message, this one holds more",
            ));
        }
        if !data.is_empty() {
            room.cover(gathered.len() + data.len())?;
            gathered.push(data);
        }
        if body.is_end_stream() {
            break;
        }
        data = match next_data(&mut body).await? {
            Some(data) => data,
            None => break,
        };
    }
    if gathered.len() < prefix.length {
        return Err(BodyError::Framing("the message is truncated"));
    }
    Ok((prefix, gathered.finish()))
}

/// The next data frame; `None` at the end.
async fn next_data<B, E>(body: &mut B) -> Result<Option<Bytes>, BodyError<E>>
where
    B: Body<Data = Bytes, Error: std::fmt::Display> + Unpin,
{
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame.map_err(|error| BodyError::Broken(error.to_string()))?.into_data() {
            return Ok(Some(data));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures_util::stream;
    use http_body::Frame;
    use http_body_util::StreamBody;

    use super::*;
    use crate::net::compression::Encoding;

    fn body(pieces: &[&[u8]]) -> impl Body<Data = Bytes, Error = Infallible> + Unpin {
        let frames: Vec<_> = pieces
            .iter()
            .map(|piece| Ok(Frame::data(Bytes::copy_from_slice(piece))))
            .collect();
        StreamBody::new(stream::iter(frames))
    }

    /// A message of `text`, cut into pieces of `step` bytes, `drop` bytes missing or (negative) extra at the end.
    async fn check_message(text: &[u8], step: usize, cut: isize, limit: usize, expected: Result<(), &str>) {
        let mut wire = [&Prefix::build(Encoding::Identity, text.len())[..], text].concat();
        wire.resize((wire.len() as isize - cut) as usize, 0);
        let pieces: Vec<&[u8]> = wire.chunks(step).collect();
        let mut admitted = 0;
        let admit = |more: usize| {
            admitted += more;
            Ok::<_, Infallible>(())
        };
        let found = collect_message(body(&pieces), limit, admit).await;
        match (found, expected) {
            (Ok((prefix, found)), Ok(())) => {
                assert_eq!((prefix.length, admitted, &found[..]), (text.len(), text.len(), text));
            }
            (Err(error), Err(expected)) => assert_eq!(error.to_string(), expected),
            (found, expected) => panic!("{found:?}, expected {expected:?}"),
        }
    }

    #[tokio::test]
    async fn messages() {
        let large = vec![7; 40_000];
        for step in [1, 4, 5, 6, 1000, 1 << 20] {
            check_message(b"", step, 0, 0, Ok(())).await;
            check_message(b"some text", step, 0, 9, Ok(())).await;
            check_message(b"some text", step, 0, 8, Err("larger than the limit")).await;
            check_message(b"some text", step, 1, 9, Err("the message is truncated")).await;
            check_message(b"some text", step, 10, 9, Err("the message is truncated")).await;
            check_message(b"some text", step, 14, 9, Err("the call holds no message")).await;
            let extra = "a unary call holds one message, this one holds more";
            check_message(b"some text", step, -1, 9, Err(extra)).await;
            check_message(&large, step, 0, 1 << 20, Ok(())).await;
        }
        let wire: &[u8] = &[2, 0, 0, 0, 0];
        let error = collect_message(body(&[wire]), 9, |_| Ok::<_, Infallible>(()))
            .await
            .unwrap_err();
        assert_eq!(error.to_string(), "the message's flags are invalid");
        let wire: &[u8] = &[0, 0, 0, 0, 1];
        let error = collect_message(body(&[wire]), 9, |_| Err::<(), _>("full"))
            .await
            .unwrap_err();
        assert!(matches!(error, BodyError::NotAdmitted("full")));
    }

    #[tokio::test]
    async fn a_large_message_in_one_frame_is_not_copied() {
        let wire = Bytes::from([&Prefix::build(Encoding::Identity, 40_000)[..], &[7; 40_000]].concat());
        let frames = stream::iter([Ok::<_, Infallible>(Frame::data(wire.clone()))]);
        let (_, found) = collect_message(StreamBody::new(frames), 1 << 20, |_| Ok::<_, Infallible>(()))
            .await
            .unwrap();
        assert_eq!(found.as_ptr(), wire[PREFIX_LEN..].as_ptr());
    }

    fn free(_more: usize) -> Result<(), Infallible> {
        Ok(())
    }

    /// What is asked for while a body of a million bytes comes in pieces of `step`, until `stall` bytes have come.
    async fn check_room(step: usize, stall: usize, expected: usize) {
        let wire = [&Prefix::build(Encoding::Identity, 1_000_000)[..], &vec![7; stall]].concat();
        let pieces: Vec<&[u8]> = wire.chunks(step).collect();
        let mut asked = 0;
        let admit = |more: usize| {
            asked += more;
            Ok::<_, Infallible>(())
        };
        // It breaks off there.
        let _ = collect_message(body(&pieces), 4 << 20, admit).await;
        assert_eq!(asked, expected, "{stall} bytes by {step}");
    }

    #[tokio::test]
    async fn room_follows_what_arrives() {
        check_room(5, 0, FIRST_STEP).await;
        check_room(1, 1, FIRST_STEP).await;
        check_room(1000, 32_768, FIRST_STEP).await;
        check_room(1000, 32_769, 2 * FIRST_STEP).await;
        check_room(16_384, 300_000, 16 * FIRST_STEP).await;
        check_room(16_384, 1_000_000, 1_000_000).await;
    }

    #[tokio::test]
    async fn a_body_of_unknown_length_stops_where_room_ends() {
        let mut left = 100_000usize;
        let admit = |more: usize| {
            left = left.checked_sub(more).ok_or("full")?;
            Ok(())
        };
        let piece = vec![7; 10_000];
        let error = collect(body(&vec![&piece[..]; 20]), 4 << 20, admit).await.unwrap_err();
        assert!(matches!(error, BodyError::NotAdmitted("full")));
    }

    #[tokio::test]
    async fn plain_bodies() {
        let found = collect(body(&[b"some", b"", b" text"]), 9, free).await.unwrap();
        assert_eq!(found, &b"some text"[..]);
        let error = collect(body(&[b"some", b" text"]), 8, free).await.unwrap_err();
        assert!(matches!(error, BodyError::TooLarge { length: None }));
        let full = http_body_util::Full::new(Bytes::from_static(b"some text"));
        let error = collect(full, 8, free).await.unwrap_err();
        assert!(matches!(error, BodyError::TooLarge { length: Some(9) }));
        assert_eq!(collect(body(&[]), 0, free).await.unwrap(), &b""[..]);
    }
}
