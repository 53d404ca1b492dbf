//! Writes a report on its span: attributes, one event per signal, the flag. Names are those of the signals specification.
//! Takes off first what an earlier pass wrote, so that a span carries one report.

use crate::dialects::Found;
use crate::{
    otlp::{SpanEdit, SpanRef, Value, ValueRef, keys},
    signals::{Category, Detail, Report, Signal},
};

/// What stands behind the name of a concerning span.
const FLAG: &str = " 🚩";

/// Annotations that X-Ray indexes; its exporter takes the keys from this attribute.
const XRAY_ANNOTATIONS: &str = "aws.xray.annotations";

/// The groups of attributes to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Names {
    /// The flat names.
    Core,
    /// The counts and severities by category.
    Layered,
}

/// What is written, and how.
#[derive(Debug, Clone)]
pub(super) struct Style {
    pub(super) names: Vec<Names>,
    /// On the name and as an attribute, or neither.
    pub(super) flag: bool,
    pub(super) events: bool,
    pub(super) snippets: bool,
    pub(super) xray_annotations: bool,
}

/// Whether a span carries a report already.
pub(super) fn is_enriched(span: &SpanRef<'_>) -> bool {
    span.attribute(keys::SIGNALS_QUALITY).is_some()
}

/// Removes an earlier report: its attributes and events. Its flag is [`attach`]'s to judge.
pub(super) fn clear(span: &SpanRef<'_>, edit: &mut SpanEdit) {
    edit.delete_where(span, |attribute| attribute.key_bytes().starts_with(b"signals."));
    edit.delete_events_where(span, |event| event.name().starts_with("signal."));
}

/// Writes the report of a conversation whose messages from the one of index `first` on are those of the span.
///
/// The attributes tell of the whole conversation. An event tells where to look, so there is one for each signal in the span's own
/// messages, and its index is the position in the span's own list.
pub(super) fn attach(
    span: &SpanRef<'_>,
    found: &Found<'_>,
    report: &Report,
    first: usize,
    style: &Style,
    edit: &mut SpanEdit,
) {
    let mut writer = Writer {
        edit,
        written: Vec::new(),
    };
    for names in &style.names {
        match names {
            Names::Core => core(report, &mut writer),
            Names::Layered => layered(report, &mut writer),
        }
    }
    if style.flag && report.flagged() {
        writer.set(keys::SIGNALS_FLAGGED, Value::Bool(true));
    } else {
        // Applications may write one too, without the rest of a report.
        writer.edit.delete(keys::SIGNALS_FLAGGED);
    }
    let written = writer.written;
    if style.xray_annotations {
        annotate(span, &written, edit);
    }
    if style.events {
        // Looked up once: it walks the span, which may hold as many messages as there are signals.
        let end = span.end_unix_nano();
        for signal in &report.signals {
            if let Some(index) = signal.message_index.checked_sub(first) {
                event(end, found, index, signal, style, edit);
            }
        }
    }
    flag(span, report, style, edit);
}

/// Puts the flag on the name once, and takes off one that an earlier report left.
fn flag(span: &SpanRef<'_>, report: &Report, style: &Style, edit: &mut SpanEdit) {
    let plain = span.name().strip_suffix(FLAG);
    match (style.flag && report.flagged(), plain) {
        (true, None) => edit.append_to_name(FLAG),
        (false, Some(plain)) if is_enriched(span) => edit.set_name(plain),
        _ => {}
    }
}

/// Sets attributes and remembers their keys.
struct Writer<'e> {
    edit: &'e mut SpanEdit,
    written: Vec<&'static str>,
}

impl Writer<'_> {
    fn set(&mut self, key: &'static str, value: Value<'_>) {
        self.edit.set(key, value);
        self.written.push(key);
    }

    fn set_count(&mut self, key: &'static str, count: usize) {
        if count > 0 {
            self.set(key, Value::Int(i64::try_from(count).unwrap_or(i64::MAX)));
        }
    }
}

fn core(report: &Report, writer: &mut Writer<'_>) {
    writer.set(keys::SIGNALS_QUALITY, Value::Str(report.quality.name()));
    writer.set(keys::SIGNALS_QUALITY_SCORE, Value::Double(report.score));
    writer.set(
        keys::SIGNALS_TURN_COUNT,
        Value::Int(i64::try_from(report.turn_count).unwrap_or(i64::MAX)),
    );
    writer.set(
        keys::SIGNALS_EFFICIENCY_SCORE,
        Value::Double(thousandths(report.efficiency)),
    );
    writer.set_count(keys::SIGNALS_REPAIR_COUNT, report.repair_count());
    if report.repair_count() > 0 {
        writer.set(
            keys::SIGNALS_REPAIR_RATIO,
            Value::Double(thousandths(report.repair_ratio)),
        );
    }
    writer.set_count(keys::SIGNALS_FRUSTRATION_COUNT, report.frustration_count());
    writer.set_count(
        keys::SIGNALS_FRUSTRATION_SEVERITY,
        usize::from(report.frustration_severity()),
    );
    writer.set_count(keys::SIGNALS_REPETITION_COUNT, report.repetition_count());
    if report.escalation_requested() {
        writer.set(keys::SIGNALS_ESCALATION_REQUESTED, Value::Str("true"));
    }
    writer.set_count(keys::SIGNALS_POSITIVE_FEEDBACK_COUNT, report.positive_count());
    writer.set_count(keys::SIGNALS_NEW_COUNT, report.new_count);
}

fn layered(report: &Report, writer: &mut Writer<'_>) {
    for category in Category::ALL {
        let (count, severity) = match category {
            Category::Misalignment => (
                keys::SIGNALS_INTERACTION_MISALIGNMENT_COUNT,
                keys::SIGNALS_INTERACTION_MISALIGNMENT_SEVERITY,
            ),
            Category::Stagnation => (
                keys::SIGNALS_INTERACTION_STAGNATION_COUNT,
                keys::SIGNALS_INTERACTION_STAGNATION_SEVERITY,
            ),
            Category::Disengagement => (
                keys::SIGNALS_INTERACTION_DISENGAGEMENT_COUNT,
                keys::SIGNALS_INTERACTION_DISENGAGEMENT_SEVERITY,
            ),
            Category::Satisfaction => (
                keys::SIGNALS_INTERACTION_SATISFACTION_COUNT,
                keys::SIGNALS_INTERACTION_SATISFACTION_SEVERITY,
            ),
            Category::Failure => (
                keys::SIGNALS_EXECUTION_FAILURE_COUNT,
                keys::SIGNALS_EXECUTION_FAILURE_SEVERITY,
            ),
            Category::Loops => (
                keys::SIGNALS_EXECUTION_LOOPS_COUNT,
                keys::SIGNALS_EXECUTION_LOOPS_SEVERITY,
            ),
            Category::Exhaustion => (
                keys::SIGNALS_ENVIRONMENT_EXHAUSTION_COUNT,
                keys::SIGNALS_ENVIRONMENT_EXHAUSTION_SEVERITY,
            ),
        };
        writer.set_count(count, report.category_count(category));
        writer.set_count(severity, usize::from(report.category_severity(category)));
    }
}

/// Three decimals are what the ratios are worth.
fn thousandths(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

/// Adds the written keys to those that the span lists already.
fn annotate(span: &SpanRef<'_>, written: &[&'static str], edit: &mut SpanEdit) {
    let mut annotations: Vec<&str> = match span.attribute(XRAY_ANNOTATIONS) {
        Some(ValueRef::Array(listed)) => listed
            .values()
            .filter_map(|value| match value {
                ValueRef::Str(key) if !key.starts_with("signals.") => Some(key),
                _ => None,
            })
            .collect(),
        _ => Vec::new(),
    };
    annotations.extend(written);
    edit.set(XRAY_ANNOTATIONS, Value::Strings(&annotations));
}

fn event(time: u64, found: &Found<'_>, index: usize, signal: &Signal, style: &Style, edit: &mut SpanEdit) {
    let kind = signal.kind.name();
    let metadata = metadata(signal);
    let mut attributes = vec![
        (keys::SIGNAL_TYPE, Value::Str(kind)),
        (
            keys::SIGNAL_MESSAGE_INDEX,
            Value::Int(i64::try_from(found.places.of(index)).unwrap_or(i64::MAX)),
        ),
        (keys::SIGNAL_CONFIDENCE, Value::Double(signal.confidence)),
        (keys::SIGNAL_METADATA, Value::Str(&metadata)),
    ];
    let message = found.conversation.messages.get(index);
    let snippet = signal.snippet.clone().and_then(|range| message?.text.get(range));
    if let Some(snippet) = snippet.filter(|_| style.snippets) {
        attributes.push((keys::SIGNAL_SNIPPET, Value::Str(snippet)));
    }
    edit.add_event(time, &format!("signal.{kind}"), &attributes);
}

/// Numbers, ids and names as JSON.
fn metadata(signal: &Signal) -> String {
    let entries = signal.metadata.iter().map(|(name, detail)| {
        let value = match detail {
            Detail::Number(number) => serde_json::Value::from(*number),
            Detail::Name(name) => serde_json::Value::from(name.as_ref()),
        };
        ((*name).to_owned(), value)
    });
    serde_json::Value::Object(entries.collect()).to_string()
}
