//! The trace that becomes of a record, and what the meters and the router learn of it.

use std::time::{Duration, Instant};

use crate::{
    gateway::{
        exchange::Usage,
        filters,
        record::{Call, Fault, Part, Purpose, Record},
        spans::{
            self, Agent, Common, Direction, ErrorType, Handoff, Inbound, Llm, Orchestrator, Place, Preview, Routing,
        },
    },
    otlp::{SpanId, TraceId},
};

/// Whether a call is part of a conversation with the client, which an agent's part is not: the agent's own calls are.
fn is_conversation(call: &Call) -> bool {
    call.purpose == Purpose::Answer && call.part.is_none()
}

impl Record {
    pub(super) fn emit(&mut self) {
        if std::mem::replace(&mut self.emitted, true) {
            return;
        }
        let end = self.clock.now();
        self.shared.meters.count(self, self.listener, end);
        if let Some(call) = &self.call {
            self.teach(call, end);
        }
        self.settle();
        // What has no room is counted by the feed.
        let _dropped = if self.trace.recorded {
            let mut trace = spans::Trace::new(self.common());
            self.add_orchestrator(&mut trace, end);
            self.add_filters(&mut trace, end);
            for call in &self.calls {
                self.add_call(&mut trace, call, end);
            }
            self.add_routing(&mut trace, end);
            if let Some(call) = &self.call {
                self.add_call(&mut trace, call, end);
            }
            self.add_inbound(&mut trace, end);
            self.shared.feed.offer(trace.into_batch(&self.shared.resources))
        } else if self.shared.gateway.signals {
            let mut trace = spans::Trace::new(self.common());
            if let Some(call) = self.call.as_ref().filter(|call| is_conversation(call)) {
                self.add_llm(&mut trace, call, end);
            }
            self.shared.feed.measure(trace.into_batch(&self.shared.resources))
        } else {
            Ok(())
        };
    }

    /// What the last attempt tells of the model that was asked. Where an attempt had no answer worth passing on, that was told when
    /// it failed.
    pub(super) fn teach(&self, call: &Call, end: u64) {
        let Some(attempt) = call
            .attempts
            .last()
            .filter(|last| last.fault.is_none() && last.status.is_some())
        else {
            return;
        };
        let Some(slot) = attempt.callee.slot else { return };
        let since = |start: u64, time: u64| Duration::from_nanos(time.saturating_sub(start));
        if call.is_broken {
            self.shared.router.failed(slot, None, Instant::now());
        } else if call.is_sound {
            let first = call.first_token.map(|first| since(attempt.start, first));
            let whole = since(attempt.start, attempt.end.unwrap_or(end));
            self.shared.router.answered(slot, first, whole, Instant::now());
        }
    }

    /// Replaces what the rate limits were charged with by what was used, all calls together. Where nobody knows that, the estimate
    /// stays.
    fn settle(&mut self) {
        let permits = std::mem::take(&mut self.permits);
        let both = |usage: Usage| usage.total.or_else(|| usage.prompt?.checked_add(usage.completion?));
        let replies = self
            .calls
            .iter()
            .chain(&self.call)
            .filter_map(|call| call.reply.as_ref());
        let used: Vec<i64> = replies.filter_map(|reply| both(reply.usage)).collect();
        let is_answered = self.call.as_ref().is_some_and(|call| call.reply.is_some());
        let is_counted = self
            .call
            .as_ref()
            .and_then(|call| both(call.reply.as_ref()?.usage))
            .is_some();
        let has_failed = self
            .fault
            .as_ref()
            .is_some_and(|fault| fault.kind != ErrorType::ClientCancelled);
        for permit in permits {
            if is_counted || (has_failed && !is_answered) {
                permit.settle(
                    used.iter().filter_map(|tokens| u64::try_from(*tokens).ok()).sum(),
                    Instant::now(),
                );
            }
        }
    }

    fn common(&self) -> Common {
        let tracing = &self.shared.gateway.tracing;
        Common {
            trace_id: TraceId(self.trace.trace_id),
            trace_state: self.trace.tracestate().unwrap_or_default().to_owned(),
            trace_flags: self.trace.flags.bits(),
            request_id: self.client.request_id.clone(),
            session_id: self.session_id(),
            custom: spans::custom_attributes(
                &self.client.headers,
                &tracing.header_prefixes,
                &tracing.static_attributes,
            ),
        }
    }

    fn add_inbound(&self, trace: &mut spans::Trace, end: u64) {
        let place = Place {
            span_id: self.root,
            parent: self.trace.parent_id.map(SpanId),
            start_unix_nano: self.clock.unix_nano,
            end_unix_nano: end,
        };
        trace.inbound(
            place,
            &Inbound {
                method: &self.client.method,
                path: &self.client.path,
                query: self.client.query.as_deref(),
                scheme: "http",
                http_version: self.client.http_version,
                authority: self.client.authority.as_ref(),
                peer: Some(self.client.peer),
                headers: &self.client.headers,
                recorded_headers: &self.shared.recorded_headers,
                listener: &self.shared.gateway.listeners[self.listener].name,
                status: self.status,
                request_size: self.request_size,
                response_size: Some(self.response_size),
                validation: self.validation,
                auth: self.auth,
                failure: self.fault.as_ref().map(Fault::shown),
            },
        );
    }

    /// Filters of requests are below the inbound span, those of answers below the call whose answer they look at.
    fn add_filters(&self, trace: &mut spans::Trace, end: u64) {
        let call = self.call.as_ref().map_or(self.root, |call| call.span_id);
        let cut = (end, self.fault.as_ref());
        for step in &self.filters {
            let parent = match step.direction {
                Direction::Input => self.root,
                Direction::Output => call,
            };
            filters::add_spans(
                trace,
                &self.shared.gateway.filters,
                std::slice::from_ref(step),
                parent,
                cut,
            );
        }
    }

    fn add_orchestrator(&self, trace: &mut spans::Trace, end: u64) {
        let Some(orchestration) = &self.orchestration else {
            return;
        };
        let place = Place {
            span_id: orchestration.span_id,
            parent: Some(self.root),
            start_unix_nano: orchestration.start,
            end_unix_nano: orchestration.end.unwrap_or(end),
        };
        let gateway = &self.shared.gateway;
        let agents: Vec<&str> = orchestration
            .agents
            .iter()
            .map(|&agent| gateway.agents[agent].id.as_str())
            .collect();
        trace.orchestrator(
            place,
            &Orchestrator {
                listener: &gateway.listeners[self.listener].name,
                agents: &agents,
                determination: Duration::from_nanos(place.end_unix_nano.saturating_sub(place.start_unix_nano)),
                reason: &orchestration.reason,
                model: orchestration.model.as_deref(),
            },
        );
    }

    fn add_routing(&self, trace: &mut spans::Trace, end: u64) {
        let (Some(choice), Some(facts)) = (&self.choice, &self.facts) else {
            return;
        };
        let place = Place {
            span_id: choice.span_id,
            parent: Some(self.root),
            start_unix_nano: choice.start,
            end_unix_nano: choice.end.unwrap_or(end),
        };
        let selected = &choice.selected;
        let candidates: Vec<&str> = choice.candidates.iter().map(String::as_str).collect();
        let id = selected.as_ref().map(|callee| callee.id());
        trace.routing(
            place,
            &Routing {
                method: &self.client.method,
                path: &self.client.path,
                strategy: choice.strategy,
                endpoint: selected.as_ref().map(|callee| &callee.url),
                determination: Duration::from_nanos(place.end_unix_nano.saturating_sub(choice.start)),
                is_fallback: choice.is_fallback,
                reason: Some(&choice.reason),
                candidates: &candidates,
                requested: &facts.model,
                alias_resolved: id.as_deref().filter(|_| choice.is_alias),
                selected: id.as_deref(),
                route: choice.route.as_deref(),
                failure: choice.fault.as_ref().map(Fault::shown),
            },
        );
    }

    /// Why a call failed.
    pub(in crate::gateway) fn fault_of<'a>(&'a self, call: &'a Call) -> Option<&'a Fault> {
        match call.purpose {
            _ if call.is_sound => None,
            Purpose::Step if call.end.is_some() => call.fault.as_ref(),
            // What ended the request ended a call under way.
            Purpose::Answer | Purpose::Step => self.fault.as_ref(),
        }
    }

    fn add_call(&self, trace: &mut spans::Trace, call: &Call, end: u64) {
        let end = call.end.unwrap_or(end);
        self.add_handoffs(trace, call, end);
        match &call.part {
            Some(part) => self.add_agent(trace, call, part, end),
            None => self.add_llm(trace, call, end),
        }
    }

    fn add_agent(&self, trace: &mut spans::Trace, call: &Call, part: &Part, end: u64) {
        let Some(facts) = call.request.as_ref().or(self.facts.as_ref()) else {
            return;
        };
        let place = Place {
            span_id: call.span_id,
            parent: Some(self.root),
            start_unix_nano: call.start,
            end_unix_nano: end,
        };
        let agent = &self.shared.gateway.agents[part.agent];
        trace.agent(
            place,
            &Agent {
                id: &agent.id,
                path: agent.url.path(),
                sequence: part.sequence,
                request: facts,
                reply: call.reply.as_ref(),
                status: call.attempts.last().and_then(|attempt| attempt.status),
                failure: self.fault_of(call).map(Fault::shown),
            },
        );
    }

    fn add_handoffs(&self, trace: &mut spans::Trace, call: &Call, end: u64) {
        let mut reason = None;
        for (number, attempt) in (1_u32..).zip(&call.attempts) {
            let place = Place {
                span_id: attempt.span_id,
                parent: Some(call.span_id),
                start_unix_nano: attempt.start,
                end_unix_nano: attempt.end.unwrap_or(end),
            };
            let last = number as usize == call.attempts.len();
            // What broke the answer off broke the last attempt too.
            let fault = attempt.fault.as_ref().or(self.fault_of(call).filter(|_| last));
            trace.handoff(
                place,
                &Handoff {
                    method: "POST",
                    url: &attempt.callee.url,
                    status: attempt.status,
                    request_size: Some(attempt.request_size),
                    response_size: attempt.response_size,
                    headers_unix_nano: attempt.headers_at,
                    attempt: number,
                    retry_reason: reason,
                    failure: fault.map(Fault::shown),
                },
            );
            reason = attempt.fault.as_ref().map(|fault| fault.kind);
        }
    }

    fn add_llm(&self, trace: &mut spans::Trace, call: &Call, end: u64) {
        let (Some(facts), Some(callee)) = (call.request.as_ref().or(self.facts.as_ref()), &call.callee) else {
            return;
        };
        let place = Place {
            span_id: call.span_id,
            parent: call.parent.or(Some(self.root)),
            start_unix_nano: call.start,
            end_unix_nano: end,
        };
        let tracing = &self.shared.gateway.tracing;
        let is_previewed = tracing.capture_content || tracing.message_preview;
        let is_answer = is_conversation(call);
        trace.llm(
            place,
            &Llm {
                method: "POST",
                path: if is_answer { &self.client.path } else { call.api.path() },
                api: call.api,
                provider: &callee.provider,
                model: &callee.model,
                request: facts,
                reply: call.reply.as_ref(),
                status: call.attempts.last().and_then(|attempt| attempt.status),
                first_token_unix_nano: call.first_token,
                response_bytes: call.response_bytes,
                conversation: is_answer,
                preview: match is_answer && is_previewed {
                    true => Preview::Shown,
                    false => Preview::Hidden,
                },
                failure: self.fault_of(call).map(Fault::shown),
            },
        );
    }
}
