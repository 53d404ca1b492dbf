// Prints what Datadog's own agent makes of an OTLP request: the reference that our datadog exporter is compared with. And reads, with
// the agent's own types, what our exporter sent.
//
// usage: datadog_mapping [-stats] FILE             FILE: one OTLP/JSON ExportTraceServiceRequest
//
//	datadog_mapping -sent [-stats] FILE...    FILE: the body of a request to /api/v0.2/traces (or /api/v0.2/stats), gzip
//
// The request takes the agent's whole way with the agent's defaults: OTLP receiver (mapping), normalization, obfuscation,
// truncation, top level, sampling, and the concentrator that computes statistics. Nothing is sent. The output is JSON in a fixed
// order: maps by key, chunks by trace id, containers' tags by name. A time that the agent takes from its clock (it replaces starts
// before 2000) is printed as "now". With -stats: the statistics instead of the spans.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/DataDog/datadog-agent/pkg/opentelemetry-mapping-go/otlp/attributes"
	pb "github.com/DataDog/datadog-agent/pkg/proto/pbgo/trace"
	"github.com/DataDog/datadog-agent/pkg/trace/agent"
	"github.com/DataDog/datadog-agent/pkg/trace/config"
	"github.com/DataDog/datadog-agent/pkg/trace/telemetry"
	"github.com/DataDog/datadog-agent/pkg/trace/writer"
	"github.com/DataDog/datadog-go/v5/statsd"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
)

// hostname is what the agent reports for resources that name no host of their own.
const hostname = "reference-host"

func main() {
	wantStats := flag.Bool("stats", false, "print the statistics instead of the spans")
	sent := flag.Bool("sent", false, "read the bodies of requests to Datadog's intake")
	flag.Parse()
	if flag.NArg() < 1 || !*sent && flag.NArg() != 1 {
		flag.Usage()
		os.Exit(2)
	}
	var err error
	switch {
	case *sent && *wantStats:
		err = printSentStats(flag.Args())
	case *sent:
		err = printSentTraces(flag.Args())
	default:
		err = run(flag.Arg(0), *wantStats)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(path string, wantStats bool) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	request := ptraceotlp.NewExportRequest()
	if err := request.UnmarshalJSON(text); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	conf, err := defaults()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	kept := &keeper{}
	plain := &plain{before: map[*pb.Span]facts{}}
	counter := newCounter(conf)
	a := agent.NewAgent(ctx, conf, telemetry.NewNoopCollector(), &statsd.NoOpClient{}, uncompressed{})
	a.TraceWriter = kept
	a.Concentrator = counter
	a.SpanModifier = plain
	var payloads []payload
	for i := range request.Traces().ResourceSpans().Len() {
		kept.chunks = nil
		if _, err := a.OTLPReceiver.ReceiveResourceSpans(ctx, request.Traces().ResourceSpans().At(i), nil, nil); err != nil {
			return err
		}
		a.Process(<-a.In)
		for _, chunks := range kept.chunks {
			payloads = append(payloads, described(i, chunks.TracerPayload, plain))
		}
	}
	if wantStats {
		return printStats(counter.flush().Stats, away)
	}
	return printPayloads(payloads)
}

// defaults is the configuration of an agent that was given an API key and nothing else.
func defaults() (*config.AgentConfig, error) {
	conf := config.New()
	conf.Hostname = hostname
	conf.Endpoints[0].APIKey = "none"
	conf.TraceBuffer = 1
	// 300 traces at once are over the sampler's ten a second, and the rate that it writes on spans would follow the clock.
	conf.TargetTPS = 1e9
	// The agent's own set-up switches these on; config.New alone leaves them off.
	conf.Obfuscation.ES.Enabled = true
	conf.Obfuscation.OpenSearch.Enabled = true
	conf.Obfuscation.Mongo.Enabled = true
	conf.Obfuscation.Memcached.Enabled = true
	conf.Obfuscation.Redis.Enabled = true
	conf.Obfuscation.Valkey.Enabled = true
	conf.Obfuscation.CreditCards.Enabled = true
	translator, err := attributes.NewTranslator(componenttest.NewNopTelemetrySettings())
	if err != nil {
		return nil, err
	}
	conf.OTLPReceiver.AttributesTranslator = translator
	return conf, nil
}

// keeper stands where the agent's writer to the intake is.
type keeper struct {
	lock   sync.Mutex
	chunks []*writer.SampledChunks
}

func (k *keeper) Stop()                    {}
func (k *keeper) FlushSync() error         { return nil }
func (k *keeper) UpdateAPIKey(_, _ string) {}

func (k *keeper) WriteChunks(chunks *writer.SampledChunks) {
	k.lock.Lock()
	defer k.lock.Unlock()
	k.chunks = append(k.chunks, chunks)
}

// facts are what obfuscation may change.
type facts struct {
	resource string
	meta     map[string]string
}

// plain remembers each span as it was right before the agent obfuscated it.
type plain struct {
	before map[*pb.Span]facts
}

func (p *plain) ModifySpan(_ *pb.TraceChunk, span *pb.Span) {
	p.before[span] = facts{resource: span.Resource, meta: maps.Clone(span.Meta)}
}

type payload struct {
	Resource      int               `json:"resource"`
	Hostname      string            `json:"hostname"`
	Env           string            `json:"env"`
	AppVersion    string            `json:"app_version"`
	ContainerID   string            `json:"container_id"`
	Language      string            `json:"language"`
	TracerVersion string            `json:"tracer_version"`
	Tags          map[string]string `json:"tags"`
	// Of what was sent.
	AgentHostname string  `json:"agent_hostname,omitempty"`
	AgentEnv      string  `json:"agent_env,omitempty"`
	AgentVersion  string  `json:"agent_version,omitempty"`
	Chunks        []chunk `json:"-"`
}

type chunk struct {
	Priority int32             `json:"priority"`
	Origin   string            `json:"origin"`
	Dropped  bool              `json:"dropped"`
	Tags     map[string]string `json:"tags"`
	Spans    []span            `json:"-"`
}

type span struct {
	Name       string             `json:"name"`
	Service    string             `json:"service"`
	Resource   string             `json:"resource"`
	Type       string             `json:"type"`
	TraceID    string             `json:"trace_id"`
	SpanID     string             `json:"span_id"`
	ParentID   string             `json:"parent_id"`
	Start      any                `json:"start"`
	Duration   int64              `json:"duration"`
	Error      int32              `json:"error"`
	Meta       map[string]string  `json:"meta"`
	Metrics    map[string]float64 `json:"metrics"`
	SpanLinks  int                `json:"span_links,omitempty"`
	SpanEvents int                `json:"span_events,omitempty"`
	// Plain is what obfuscation replaced: the values before it, null where there was none.
	Plain map[string]any `json:"plain,omitempty"`
}

func described(resource int, p *pb.TracerPayload, plain *plain) payload {
	tags := maps.Clone(p.Tags)
	if list, ok := tags["_dd.tags.container"]; ok {
		tags["_dd.tags.container"] = sortedList(list)
	}
	out := payload{
		Resource:      resource,
		Hostname:      p.Hostname,
		Env:           p.Env,
		AppVersion:    p.AppVersion,
		ContainerID:   p.ContainerID,
		Language:      p.LanguageName,
		TracerVersion: p.TracerVersion,
		Tags:          tags,
	}
	for _, from := range p.Chunks {
		to := chunk{Priority: from.Priority, Origin: from.Origin, Dropped: from.DroppedTrace, Tags: from.Tags}
		for _, one := range from.Spans {
			to.Spans = append(to.Spans, describedSpan(one, plain.before[one]))
		}
		out.Chunks = append(out.Chunks, to)
	}
	sort.Slice(out.Chunks, func(i, j int) bool { return out.Chunks[i].Spans[0].TraceID < out.Chunks[j].Spans[0].TraceID })
	return out
}

func describedSpan(s *pb.Span, before facts) span {
	return span{
		Name:       s.Name,
		Service:    s.Service,
		Resource:   s.Resource,
		Type:       s.Type,
		TraceID:    hex(s.TraceID),
		SpanID:     hex(s.SpanID),
		ParentID:   hex(s.ParentID),
		Start:      timeOrNow(s.Start, s.Duration),
		Duration:   s.Duration,
		Error:      s.Error,
		Meta:       s.Meta,
		Metrics:    s.Metrics,
		SpanLinks:  len(s.SpanLinks),
		SpanEvents: len(s.SpanEvents),
		Plain:      changed(s, before),
	}
}

// changed lists what obfuscation replaced. What the agent only shortened afterwards is left out.
func changed(s *pb.Span, before facts) map[string]any {
	found := map[string]any{}
	if before.meta == nil {
		return found
	}
	shortened := func(was, is string) bool {
		return strings.HasPrefix(was, strings.TrimSuffix(is, "...")) && len(was) > len(is)
	}
	if s.Resource != before.resource && !shortened(before.resource, s.Resource) {
		found["resource"] = before.resource
	}
	for key, is := range s.Meta {
		was, ok := before.meta[key]
		switch {
		case !ok && strings.HasSuffix(key, "..."):
		case !ok:
			found[key] = nil
		case was != is && !shortened(was, is):
			found[key] = was
		}
	}
	return found
}

func hex(id uint64) string { return fmt.Sprintf("%016x", id) }

// timeOrNow gives the time in nanoseconds, or "now" for what the agent took from its clock.
func timeOrNow(start, duration int64) any {
	if since := time.Since(time.Unix(0, start+duration)); since >= 0 && since < time.Minute {
		return "now"
	}
	return start
}

func sortedList(list string) string {
	parts := strings.Split(list, ",")
	sort.Strings(parts)
	return strings.Join(parts, ",")
}

// printPayloads writes one line for each payload, chunk and span, so that a difference is a line.
func printPayloads(payloads []payload) error {
	var out strings.Builder
	out.WriteString("[\n")
	for i, p := range payloads {
		if err := open(&out, p, "chunks", i); err != nil {
			return err
		}
		for j, c := range p.Chunks {
			if err := open(&out, c, "spans", j); err != nil {
				return err
			}
			for k, s := range c.Spans {
				if err := line(&out, s, k); err != nil {
					return err
				}
			}
			out.WriteString("]}")
		}
		out.WriteString("]}")
	}
	out.WriteString("]\n")
	_, err := os.Stdout.WriteString(out.String())
	return err
}

// open writes an object without its closing brace, and the beginning of the list that ends it.
func open(out *strings.Builder, it any, list string, index int) error {
	text, err := compact(it)
	if err != nil {
		return err
	}
	if index > 0 {
		out.WriteString(",\n")
	}
	fmt.Fprintf(out, "%s,%q:[\n", strings.TrimSuffix(text, "}"), list)
	return nil
}

func line(out *strings.Builder, it any, index int) error {
	text, err := compact(it)
	if err != nil {
		return err
	}
	if index > 0 {
		out.WriteString(",\n")
	}
	out.WriteString(text)
	return nil
}

func compact(it any) (string, error) {
	var text strings.Builder
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(it); err != nil {
		return "", err
	}
	return strings.TrimSpace(text.String()), nil
}
