//! An HTTP body made of chunks that stand elsewhere already, so that sending a batch copies nothing. Its length is known, so
//! HTTP/1 gets a `Content-Length`. Refuses nothing.

use std::{
    collections::VecDeque,
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

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
}

impl Body for Rope {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let next = self.chunks.pop_front();
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
}
