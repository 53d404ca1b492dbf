//! An HTTP body made of chunks that stand elsewhere already, so that sending a batch copies nothing but small chunks, which go
//! out together. Its length is known, so HTTP/1 gets a `Content-Length`. Refuses nothing.

use std::{
    collections::VecDeque,
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame, SizeHint};

/// Chunks that are smaller together go out as one: a frame of HTTP/2, and a system call, costs more than copying them. It is the
/// largest frame that a peer takes by default.
const PIECE: usize = 16 << 10;

/// Chunks to be sent one after the other.
#[derive(Debug, Clone, Default)]
pub struct Rope {
    chunks: VecDeque<Bytes>,
    left: u64,
}

impl Rope {
    /// A body of these chunks, in order; empty ones are left out.
    pub fn new(chunks: impl IntoIterator<Item = Bytes>) -> Rope {
        let chunks: VecDeque<Bytes> = chunks.into_iter().filter(|chunk| !chunk.is_empty()).collect();
        let left = chunks.iter().map(|chunk| chunk.len() as u64).sum();
        Rope { chunks, left }
    }

    /// The next chunk, with those behind it as far as they fit into a piece.
    fn next_piece(&mut self) -> Option<Bytes> {
        let first = self.chunks.pop_front()?;
        let mut length = first.len();
        let more = self.chunks.iter().take_while(|chunk| {
            length += chunk.len();
            length <= PIECE
        });
        let more = more.count();
        if more == 0 {
            return Some(first);
        }
        let mut piece = BytesMut::with_capacity(PIECE);
        piece.extend_from_slice(&first);
        for chunk in self.chunks.drain(..more) {
            piece.extend_from_slice(&chunk);
        }
        Some(piece.freeze())
    }
}

impl Body for Rope {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let next = self.next_piece();
        if let Some(chunk) = &next {
            self.left -= chunk.len() as u64;
        }
        Poll::Ready(next.map(|chunk| Ok(Frame::data(chunk))))
    }

    fn is_end_stream(&self) -> bool {
        self.chunks.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    #[tokio::test]
    async fn is_its_chunks_and_knows_its_length() {
        let rope = Rope::new(["ab", "", "cde"].map(|text| Bytes::from_static(text.as_bytes())));
        assert_eq!(rope.size_hint().exact(), Some(5));
        assert!(!rope.is_end_stream());
        assert_eq!(rope.collect().await.expect("infallible").to_bytes(), "abcde");
        assert!(Rope::new([]).is_end_stream());
        assert!(Rope::new([Bytes::new()]).is_end_stream());
    }

    #[tokio::test]
    async fn small_chunks_go_out_together_and_large_ones_as_they_are() {
        let sizes = [1000, 15_000, 384, 1, 16_384, 20_000, 5, 5];
        let chunks: Vec<Bytes> = (0_u8..)
            .zip(sizes)
            .map(|(fill, size)| vec![fill; size].into())
            .collect();
        let mut rope = Rope::new(chunks.clone());
        let (mut sent, mut whole) = (Vec::new(), Vec::new());
        while let Some(frame) = rope.frame().await {
            let data = frame.expect("infallible").into_data().expect("data");
            sent.push(data.len());
            whole.extend_from_slice(&data);
        }
        assert_eq!(sent, [16_384, 1, 16_384, 20_000, 10]);
        assert_eq!(whole, chunks.concat());
        assert_eq!(rope.size_hint().exact(), Some(0));
    }
}
