// What our exporter sent, read by the agent's own types: AgentPayload (protobuf) and StatsPayload (MessagePack).
package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"os"

	pb "github.com/DataDog/datadog-agent/pkg/proto/pbgo/trace"
	"github.com/tinylib/msgp/msgp"
	"google.golang.org/protobuf/proto"
)

func printSentTraces(paths []string) error {
	var payloads []payload
	for _, path := range paths {
		body, err := inflated(path)
		if err != nil {
			return err
		}
		var sent pb.AgentPayload
		if err := proto.Unmarshal(body, &sent); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		if unknown := len(sent.ProtoReflect().GetUnknown()); unknown > 0 {
			return fmt.Errorf("%s: %d bytes of unknown fields", path, unknown)
		}
		for _, tracer := range sent.TracerPayloads {
			described := described(len(payloads), tracer, &plain{})
			described.AgentHostname, described.AgentEnv, described.AgentVersion = sent.HostName, sent.Env, sent.AgentVersion
			payloads = append(payloads, described)
		}
	}
	return printPayloads(payloads)
}

func printSentStats(paths []string) error {
	var all []*pb.ClientStatsPayload
	for _, path := range paths {
		body, err := inflated(path)
		if err != nil {
			return err
		}
		var sent pb.StatsPayload
		if err := msgp.Decode(bytes.NewReader(body), &sent); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		all = append(all, sent.Stats...)
	}
	return printStats(all, 0)
}

func inflated(path string) ([]byte, error) {
	packed, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	reader, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	var body bytes.Buffer
	if _, err := body.ReadFrom(reader); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return body.Bytes(), nil
}
