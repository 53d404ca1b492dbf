"""What every peer needs: an environment with its packages, processes on free ports, and the traces that arrived.

A peer is a file in peers/ whose first line says what it proves. It has PACKAGES (Python packages, pinned), VERSION_OF (the
package whose version the table shows) or VERSION (the version, or a function that finds it out), where it needs more NEEDS
(functions of `installed` that give the path of a program), and check(bench), which raises AssertionError with what was expected
and what came.
"""

import json
import os
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from contextlib import ExitStack
from pathlib import Path

from installed import (  # noqa: F401 - peers take them from here
    NotInstalled,
    cache,
    COLLECTOR,
    collector_peer,
    debian,
    go_install,
    go_program,
    install,
    prometheus,
    telemetrygen,
    version,
)

HERE = Path(__file__).resolve().parent
FLAG = "\U0001f6a9"


def until(seconds, what, probe):
    """Calls probe until it gives something true; fails with `what` after that many seconds."""
    deadline = time.monotonic() + seconds
    while True:
        found = probe()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {seconds} s")
        time.sleep(0.05)


class Bench:
    """One peer's run: its processes, ports and files, all gone at the end."""

    def __init__(self, binary, python):
        self.binary = binary
        self.python = python
        self.processes = []
        self._stack = ExitStack()

    def __enter__(self):
        self.folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="plano-interop-")))
        return self

    def __exit__(self, *_):
        for _name, process, _log in reversed(self.processes):
            stop(process)
        self._stack.close()

    def ports(self, count):
        """Free loopback ports, all different."""
        sockets = [socket.socket() for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        found = [one.getsockname()[1] for one in sockets]
        for one in sockets:
            one.close()
        return found

    def neighbours(self):
        """A free loopback port whose next one is free, too: OTLP over gRPC and over HTTP."""
        while True:
            with socket.socket() as one, socket.socket() as other:
                one.bind(("127.0.0.1", 0))
                port = one.getsockname()[1]
                try:
                    other.bind(("127.0.0.1", port + 1))
                except (OSError, OverflowError):
                    continue
                return port

    def start(self, name, command, env=None):
        log = self.folder / f"{name}.log"
        with log.open("wb") as out:
            process = subprocess.Popen(
                [str(part) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(env or {})},
            )
        self.processes.append((name, process, log))
        return process

    def print_logs(self):
        for name, process, log in self.processes:
            state = process.poll()
            print(f"[{name}] {'runs' if state is None else f'ended with {state}'}; the end of its log:")
            print("".join(f"  {line}\n" for line in log.read_text(errors="replace").splitlines()[-30:]), end="")

    def wait_for_port(self, port, process):
        def probe():
            if process.poll() is not None:
                raise AssertionError(f"the process for port {port} ended with {process.returncode}")
            with socket.socket() as one:
                return one.connect_ex(("127.0.0.1", port)) == 0

        until(15, f"port {port} open", probe)

    def listener(self):
        """Starts `planoai trace listen`; gives its gRPC port."""
        grpc, http, page = self.ports(3)
        process = self.start(
            "trace-listen",
            [self.binary, "trace", "listen", "--host", "127.0.0.1"]
            + ["--port", grpc, "--http-port", http, "--page-port", page],
        )
        self.wait_for_port(grpc, process)
        return grpc

    def collector(self, target):
        """Starts `planoai collector`, which exports to `target` over gRPC; gives its gRPC and HTTP ports."""
        grpc, http, health = self.ports(3)
        config = self.folder / "collector.yaml"
        config.write_text(
            f"""
receivers:
  otlp:
    protocols:
      grpc: {{endpoint: "127.0.0.1:{grpc}"}}
      http: {{endpoint: "127.0.0.1:{http}"}}
processors:
  batch:
  signals:
exporters:
  otlp_grpc:
    endpoint: 127.0.0.1:{target}
    tls: {{insecure: true}}
extensions:
  health_check: {{endpoint: "127.0.0.1:{health}"}}
service:
  extensions: [health_check]
  telemetry: {{metrics: {{level: none}}}}
  pipelines:
    traces: {{receivers: [otlp], processors: [signals, batch], exporters: [otlp_grpc]}}
"""
        )
        process = self.start("collector", [self.binary, "collector", "--config", config])
        self.wait_for_port(health, process)
        until(15, "the collector's health check", lambda: healthy(health))
        return grpc, http

    def run_app(self, name, arguments):
        """Runs apps/NAME with the peer's Python to its end; gives the JSON that it prints."""
        command = [str(self.python), str(HERE / "apps" / name), *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=90, stdin=subprocess.DEVNULL)
        assert done.returncode == 0, f"{name} ended with {done.returncode}\n{done.stdout}{done.stderr}"
        noise = [line for line in done.stderr.splitlines() if "error" in line.lower() or "exception" in line.lower()]
        assert not noise, f"{name} reported while it exported:\n{done.stderr}"
        return json.loads(done.stdout)

    def planoai(self, arguments, port):
        return subprocess.run(
            [str(self.binary), *arguments],
            capture_output=True,
            text=True,
            timeout=30,
            stdin=subprocess.DEVNULL,
            env={**os.environ, "PLANO_TRACE_PORT": str(port)},
        )

    def trace_of_any_size(self, port, trace_id, spans):
        """The trace's spans, once it has at least that many."""
        return self.trace(port, trace_id, spans, exactly=False)

    def trace(self, port, trace_id, spans, exactly=True):
        """The trace as `planoai trace ID --json` shows it, once it has that many spans: {name: span}."""
        last = None

        def probe():
            nonlocal last
            last = self.planoai(["trace", trace_id, "--json"], port)
            if last.returncode != 0:
                return None
            found = json.loads(last.stdout)["traces"]
            assert len(found) <= 1, f"one id, {len(found)} traces"
            return found[0] if found and len(found[0]["spans"]) >= spans else None

        try:
            found = until(20, f"trace {trace_id} with {spans} spans", probe)
        except AssertionError as error:
            raise AssertionError(f"{error}\nlast answer: {last.returncode}\n{last.stdout}{last.stderr}") from None
        assert found["trace_id"] == trace_id, f"asked for {trace_id}, got {found['trace_id']}"
        assert not exactly or len(found["spans"]) == spans, f"{spans} spans sent, {len(found['spans'])} arrived"
        return found["spans"]


def healthy(port, path="/"):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=2) as reply:
            return reply.status == 200
    except (urllib.error.URLError, OSError):
        return False


def stop(process):
    """SIGTERM by process id, SIGKILL where that is not enough."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)


def attributes(span):
    """{key: value}, values as OTLP/JSON writes them: {"intValue": "3"}."""
    keys = [attribute["key"] for attribute in span["attributes"]]
    assert len(keys) == len(set(keys)), f"a key twice on {span['name']}: {sorted(keys)}"
    return {attribute["key"]: attribute["value"] for attribute in span["attributes"]}


def expect(what, got, wanted):
    assert got == wanted, f"{what}: expected {wanted!r}, got {got!r}"
