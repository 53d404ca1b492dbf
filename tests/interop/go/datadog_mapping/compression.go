// The agent wants a compressor for what it sends; nothing is sent here.
package main

import (
	"errors"
	"io"
)

type uncompressed struct{}

func (uncompressed) NewWriter(io.Writer) (io.WriteCloser, error) {
	return nil, errors.New("nothing is sent")
}
func (uncompressed) NewReader(io.Reader) (io.ReadCloser, error) {
	return nil, errors.New("nothing is read")
}
func (uncompressed) Encoding() string { return "identity" }
