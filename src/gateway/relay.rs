//! Streams an answer: events go to the client as they arrive, and aside to the reader of the reply. A client that goes away drops
//! the stream, which ends the call upstream; the record still says what was seen. An answer that stops before its end tells the
//! client so, in an event of its API.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
    time::Instant,
};

use bytes::{Bytes, BytesMut};
use http::{HeaderValue, Response, header};
use http_body::{Body as HttpBody, Frame};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::time::Sleep;

use super::{
    attempts::Plan,
    filters::{Out, Windows},
    headers,
    http::Answer,
    providers::ReplyReader,
    record::{Call, Fault, Record},
    spans::ErrorType,
    stream::{Event, Parser},
    translate::{Back, StreamTranslator},
    upstream::causes,
};

/// Why a streamed answer was cut: there is nothing more to say in it.
#[derive(Debug, thiserror::Error)]
#[error("the answer was cut")]
pub(super) struct Cut;

/// A streamed answer.
struct Relay {
    body: Incoming,
    parser: Option<Parser>,
    reader: ReplyReader,
    translation: Option<StreamTranslator>,
    plan: Plan,
    deadline: Pin<Box<Sleep>>,
    received: u64,
    /// The filters' part; none where there are none.
    windows: Option<Windows>,
    /// Whether the provider's stream has ended, and why it broke off, while the filters still hold some of it.
    is_over: bool,
    fault: Option<Fault>,
    /// None once the answer is whole.
    record: Option<Record>,
}

/// The answer to a client that wants a stream, with the provider's head.
pub(super) fn stream(mut plan: Plan, mut record: Record, response: Response<Incoming>) -> Answer {
    let (head, body) = response.into_parts();
    record.status = Some(head.status.as_u16());
    let left = plan.deadline.saturating_duration_since(Instant::now());
    let relay = Relay {
        body,
        parser: Some(Parser::default()),
        reader: ReplyReader::new(plan.way.provider()),
        translation: plan.back.take().map(Back::stream),
        deadline: Box::pin(tokio::time::sleep(left)),
        received: 0,
        windows: windows(&record, &plan),
        is_over: false,
        fault: None,
        record: Some(record),
        plan,
    };
    let mut through = headers::to_client(&head.headers);
    through.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    let mut answer = Response::new(relay.boxed_unsync());
    *answer.status_mut() = head.status;
    *answer.headers_mut() = through;
    answer
}

fn windows(record: &Record, plan: &Plan) -> Option<Windows> {
    let chain = &record.shared.gateway.listeners[record.listener].output_filters;
    if chain.is_empty() {
        return None;
    }
    let envelope = record.envelope(plan.deadline);
    Windows::new(&record.shared.filters, chain, envelope, plan.way.client())
}

impl HttpBody for Relay {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        let relay = &mut *self;
        while relay.record.is_some() {
            if let Some(windows) = &mut relay.windows {
                match windows.poll(task) {
                    Poll::Ready(Some(Out::Events(events))) => return relay.frame(events),
                    Poll::Ready(Some(Out::Refused(event, rejected))) => {
                        relay.fault.get_or_insert(rejected.fault);
                        if let Some(call) = relay.call().filter(|call| !call.is_broken) {
                            call.is_sound = true;
                        }
                        let frame = relay.frame(event);
                        relay.close();
                        return frame;
                    }
                    Poll::Ready(None) => {
                        relay.close();
                        break;
                    }
                    Poll::Pending if relay.is_over || !windows.wants_more() => return Poll::Pending,
                    Poll::Pending => {}
                }
            }
            let mut out = BytesMut::new();
            if relay.read(task, &mut out).is_pending() {
                return Poll::Pending;
            }
            let out = out.freeze();
            match &mut relay.windows {
                Some(windows) => {
                    windows.push(out);
                    if relay.is_over {
                        windows.end();
                    }
                }
                None if out.is_empty() => {}
                None => return relay.frame(out),
            }
        }
        Poll::Ready(None)
    }
}

impl Relay {
    fn call(&mut self) -> Option<&mut Call> {
        self.record.as_mut()?.call.as_mut()
    }

    /// A piece for the client.
    fn frame(&mut self, piece: Bytes) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        if let Some(record) = &mut self.record {
            record.response_size += piece.len() as u64;
        }
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    /// What comes next of the provider's stream, as the client shall have it.
    fn read(&mut self, task: &mut Context<'_>, out: &mut BytesMut) -> Poll<()> {
        if self.deadline.as_mut().poll(task).is_ready() {
            let fault = Fault::new(ErrorType::Timeout, "the provider's stream did not end in time");
            self.fail(504, fault, out);
            return Poll::Ready(());
        }
        match ready!(Pin::new(&mut self.body).poll_frame(task)) {
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    self.take(&data, out);
                }
            }
            Some(Err(error)) => {
                let text = format!("the provider's stream broke: {}", causes(&error));
                self.fail(502, Fault::new(ErrorType::StreamInterrupted, text), out);
            }
            None => self.end(out),
        }
        Poll::Ready(())
    }

    fn take(&mut self, data: &[u8], out: &mut BytesMut) {
        self.received += data.len() as u64;
        let Some(parser) = &mut self.parser else { return };
        parser.feed(data);
        loop {
            match self.parser.as_mut().map(Parser::next_event) {
                Some(Ok(Some(event))) => {
                    self.event(&event, out);
                    // A window is made of whole events.
                    if let Some(windows) = &mut self.windows {
                        windows.push(out.split().freeze());
                    }
                }
                Some(Err(error)) => {
                    let text = format!("the provider's stream cannot be read: {error}");
                    return self.fail(502, Fault::new(ErrorType::InvalidResponse, text), out);
                }
                Some(Ok(None)) | None => return,
            }
        }
    }

    fn event(&mut self, event: &Event, out: &mut BytesMut) {
        let seen = self.reader.read(event);
        if seen.first_token
            && let Some(record) = &mut self.record
        {
            let now = record.clock.now();
            if let Some(call) = &mut record.call {
                call.first_token.get_or_insert(now);
            }
        }
        match &mut self.translation {
            Some(translation) => out.extend_from_slice(&translation.event(event)),
            None if seen.usage_only && self.plan.hide_usage => {}
            None => out.extend_from_slice(event.raw()),
        }
        self.keep();
    }

    /// A response is kept before the client knows of it.
    fn keep(&mut self) {
        if let Some(response) = self.translation.as_mut().and_then(StreamTranslator::take_response)
            && let Some(keeper) = self.plan.keeper.take()
        {
            keeper.keep(response.to_string().as_bytes());
        }
    }

    /// The provider's stream has ended. What is left of it goes out too where it is whole; an answer that is not says so.
    fn end(&mut self, out: &mut BytesMut) {
        if let Some(event) = self.parser.take().and_then(Parser::finish)
            && is_whole(&event)
        {
            self.event(&event, out);
            if self.translation.is_none() {
                out.extend_from_slice(b"\n\n");
            }
        }
        if let Some(translation) = &mut self.translation {
            out.extend_from_slice(&translation.finish());
        }
        self.keep();
        let facts = self.reader.facts();
        let fault = match (&facts.error, facts.complete) {
            (Some(error), _) => Some(Fault::told(error)),
            (None, false) => Some(Fault::new(
                ErrorType::StreamInterrupted,
                "the provider's stream ended before the reply was complete",
            )),
            (None, true) => None,
        };
        if let (Some(fault), None, None) = (&fault, &facts.error, &self.translation) {
            out.extend_from_slice(&self.reader.error_event(502, &fault.message));
        }
        self.finish(fault, out.len());
    }

    /// The stream cannot go on. After a reply's end, or an error that the provider told itself, there is nothing to add.
    fn fail(&mut self, status: u16, fault: Fault, out: &mut BytesMut) {
        let facts = self.reader.facts();
        if facts.complete || facts.error.is_some() {
            return self.end(out);
        }
        let told = match &mut self.translation {
            Some(translation) => translation.fail(status, &fault.message),
            None => self.reader.error_event(status, &fault.message),
        };
        out.extend_from_slice(&told);
        self.finish(Some(fault), out.len());
    }

    /// The provider's stream is over. `unsent`: bytes that go out after this. Where filters hold some of it, the answer is whole
    /// only when they have let it go.
    fn finish(&mut self, fault: Option<Fault>, unsent: usize) {
        self.parser = None;
        if let Some(call) = self.call() {
            (call.is_sound, call.is_broken) = (fault.is_none(), fault.is_some());
        }
        self.fault = fault;
        if self.windows.is_some() {
            self.is_over = true;
            return;
        }
        if let Some(record) = &mut self.record {
            record.response_size += unsent as u64;
        }
        self.close();
    }

    /// The answer is whole.
    fn close(&mut self) {
        let Some(mut record) = self.record.take() else { return };
        self.note(&mut record);
        if let Some(fault) = self.fault.take() {
            record.fail(fault);
        }
        record.finish();
    }

    fn note(&self, record: &mut Record) {
        let now = record.clock.now();
        record.filters.extend(self.windows.iter().flat_map(Windows::steps));
        if let Some(call) = &mut record.call {
            call.response_bytes = Some(self.received);
            call.reply = Some(self.reader.facts().clone());
            if let Some(attempt) = call.attempts.last_mut() {
                (attempt.end, attempt.response_size) = (Some(now), Some(self.received));
            }
        }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        let Some(mut record) = self.record.take() else {
            return;
        };
        self.note(&mut record);
        if self.reader.facts().complete && self.windows.is_none() {
            // Clients close as soon as they have read the end.
            return record.finish();
        }
        if self.deadline.deadline() <= tokio::time::Instant::now() {
            record.fail(Fault::new(
                ErrorType::Timeout,
                "the client did not take its answer in time",
            ));
        }
        // The record knows what it means to be dropped unfinished.
        drop(record);
    }
}

/// Whether the last event of a stream, which no blank line ended, was not cut off.
fn is_whole(event: &Event) -> bool {
    let data = event.data().map(<[u8]>::trim_ascii);
    data.is_some_and(|data| data == b"[DONE]" || serde_json::from_slice::<serde::de::IgnoredAny>(data).is_ok())
}
