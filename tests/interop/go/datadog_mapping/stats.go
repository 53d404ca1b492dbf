// The statistics: the agent's concentrator over what Process hands it, made independent of the clock.
package main

import (
	"fmt"
	"maps"
	"os"
	"sort"
	"strings"
	"time"

	pb "github.com/DataDog/datadog-agent/pkg/proto/pbgo/trace"
	"github.com/DataDog/datadog-agent/pkg/trace/config"
	"github.com/DataDog/datadog-agent/pkg/trace/stats"
	"github.com/DataDog/datadog-agent/pkg/trace/traceutil"
	"github.com/DataDog/datadog-go/v5/statsd"
	"github.com/DataDog/sketches-go/ddsketch"
	"github.com/DataDog/sketches-go/ddsketch/pb/sketchpb"
	"google.golang.org/protobuf/proto"
)

// away is how far spans are moved into the past while they are counted: the concentrator puts what is ahead of the clock into the
// current bucket, and a fixed request may be ahead of a clock. A whole number of buckets.
const away = int64(20*365*24) * int64(time.Hour)

type counter struct {
	inner   *stats.Concentrator
	flushed []*pb.StatsPayload
}

func newCounter(conf *config.AgentConfig) *counter {
	c := &counter{}
	c.inner = stats.NewConcentrator(conf, c, time.Unix(0, 0), &statsd.NoOpClient{})
	return c
}

func (c *counter) Start()                    {}
func (c *counter) Stop()                     {}
func (c *counter) AddV1(stats.InputV1)       {}
func (c *counter) Write(sp *pb.StatsPayload) { c.flushed = append(c.flushed, sp) }
func (c *counter) flush() *pb.StatsPayload   { return c.inner.Flush(true) }

func (c *counter) Add(in stats.Input) {
	moved := in
	moved.Traces = nil
	for _, trace := range in.Traces {
		chunk := &pb.TraceChunk{Priority: trace.TraceChunk.Priority, Origin: trace.TraceChunk.Origin, Tags: trace.TraceChunk.Tags}
		root := trace.Root
		for _, s := range trace.TraceChunk.Spans {
			copied := copyOf(s)
			if s == trace.Root {
				root = copied
			}
			chunk.Spans = append(chunk.Spans, copied)
		}
		moved.Traces = append(moved.Traces, traceutil.ProcessedTrace{
			TraceChunk: chunk, Root: root, TracerEnv: trace.TracerEnv, AppVersion: trace.AppVersion, TracerHostname: trace.TracerHostname,
			GitCommitSha: trace.GitCommitSha, ImageTag: trace.ImageTag, Lang: trace.Lang,
		})
	}
	c.inner.Add(moved)
}

func copyOf(s *pb.Span) *pb.Span {
	return &pb.Span{
		Service: s.Service, Name: s.Name, Resource: s.Resource, Type: s.Type, TraceID: s.TraceID, SpanID: s.SpanID,
		ParentID: s.ParentID, Start: s.Start - away, Duration: s.Duration, Error: s.Error,
		Meta: maps.Clone(s.Meta), Metrics: maps.Clone(s.Metrics),
	}
}

type statsPayload struct {
	Hostname     string   `json:"hostname"`
	Env          string   `json:"env"`
	Version      string   `json:"version"`
	Lang         string   `json:"lang"`
	ContainerID  string   `json:"container_id"`
	Service      string   `json:"service"`
	GitCommitSha string   `json:"git_commit_sha"`
	ImageTag     string   `json:"image_tag"`
	Tags         []string `json:"tags"`
	lines        []string
}

type group struct {
	Start        any       `json:"start"`
	Service      string    `json:"service"`
	Name         string    `json:"name"`
	Resource     string    `json:"resource"`
	Type         string    `json:"type"`
	SpanKind     string    `json:"span_kind"`
	HTTPStatus   uint32    `json:"http_status"`
	GRPCStatus   string    `json:"grpc_status"`
	Synthetics   bool      `json:"synthetics"`
	TraceRoot    string    `json:"is_trace_root"`
	PeerTags     []string  `json:"peer_tags"`
	Source       string    `json:"service_source"`
	Hits         uint64    `json:"hits"`
	Errors       uint64    `json:"errors"`
	Duration     uint64    `json:"duration"`
	TopLevelHits uint64    `json:"top_level_hits"`
	Ok           quantiles `json:"ok"`
	Error        quantiles `json:"error"`
}

// quantiles of a sketch, in nanoseconds.
type quantiles struct {
	Count float64   `json:"count"`
	At    []float64 `json:"p0_p50_p90_p99_p100,omitempty"`
}

// printStats writes one line for each group. Its buckets were moved into the past by that much.
func printStats(all []*pb.ClientStatsPayload, moved int64) error {
	var payloads []statsPayload
	for _, p := range all {
		out := statsPayload{
			Hostname: p.Hostname, Env: p.Env, Version: p.Version, Lang: p.Lang, ContainerID: p.ContainerID, Service: p.Service,
			GitCommitSha: p.GitCommitSha, ImageTag: p.ImageTag, Tags: p.Tags,
		}
		for _, bucket := range p.Stats {
			for _, g := range bucket.Stats {
				text, err := groupLine(int64(bucket.Start)+moved, bucket.Duration, g)
				if err != nil {
					return err
				}
				out.lines = append(out.lines, text)
			}
		}
		sort.Strings(out.lines)
		payloads = append(payloads, out)
	}
	var blocks []string
	for _, p := range payloads {
		head, err := compact(p)
		if err != nil {
			return err
		}
		blocks = append(blocks, fmt.Sprintf("%s,\"groups\":[\n%s]}", strings.TrimSuffix(head, "}"), strings.Join(p.lines, ",\n")))
	}
	sort.Strings(blocks)
	_, err := fmt.Fprintf(os.Stdout, "[\n%s]\n", strings.Join(blocks, ",\n"))
	return err
}

func groupLine(start int64, duration uint64, g *pb.ClientGroupedStats) (string, error) {
	if duration != uint64(10*time.Second) {
		return "", fmt.Errorf("a bucket of %d ns", duration)
	}
	ok, err := read(g.OkSummary)
	if err != nil {
		return "", err
	}
	failed, err := read(g.ErrorSummary)
	if err != nil {
		return "", err
	}
	var at any = start
	if since := time.Since(time.Unix(0, start)); since >= 0 && since < time.Minute {
		at = "now"
	}
	return compact(group{
		Start: at, Service: g.Service, Name: g.Name, Resource: g.Resource, Type: g.Type, SpanKind: g.SpanKind,
		HTTPStatus: g.HTTPStatusCode, GRPCStatus: g.GRPCStatusCode, Synthetics: g.Synthetics, TraceRoot: g.IsTraceRoot.String(),
		PeerTags: g.PeerTags, Source: g.ServiceSource, Hits: g.Hits, Errors: g.Errors, Duration: g.Duration,
		TopLevelHits: g.TopLevelHits, Ok: ok, Error: failed,
	})
}

func read(summary []byte) (quantiles, error) {
	var message sketchpb.DDSketch
	if err := proto.Unmarshal(summary, &message); err != nil {
		return quantiles{}, err
	}
	sketch, err := ddsketch.FromProto(&message)
	if err != nil || sketch.IsEmpty() {
		return quantiles{}, err
	}
	at, err := sketch.GetValuesAtQuantiles([]float64{0, 0.5, 0.9, 0.99, 1})
	return quantiles{Count: sketch.GetCount(), At: at}, err
}
