"""Starts our built programs for the black-box tests, waits until they answer, and stops them.

Nothing here sleeps for a fixed time: a program is ready when it answers a health check, and gone
when its process group is. Each program's output goes to a file that is shown when a test fails.
"""

import contextlib
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

from ports import free_port  # noqa: E402, F401: from scripts; tests take it from here

BUF = pathlib.Path(sys.executable).with_name("buf")

# How long a program may take to start or to stop, in seconds. Two busy CPUs are slow.
START_MAX = 60
STOP_MAX = 20
# How much of each program's output a failed test shows, in bytes.
LOG_SHOWN_MAX = 20_000

REGIONS = ("us1", "ie1", "au1")

# The programs that run now; conftest.py shows their output when a test fails.
running = []
# The output of every program that ran, and what none of it may hold: secrets that tests made.
logs = set()
secrets = set()
# The administrator's token of each server that wants one, by the server's address.
tokens = {}


def bin_dir():
    """Where the built programs are: TRUNKLINE_BIN_DIR, or the debug build."""
    return pathlib.Path(os.environ.get("TRUNKLINE_BIN_DIR", ROOT / ".build" / "debug"))


def program(name):
    """The path of a built program."""
    path = bin_dir() / name
    if not path.exists():
        raise FileNotFoundError(f"{path} is not built; run: swift build --product {name}")
    return path


def wait_until(ready, what, seconds=START_MAX, interval=0.02):
    """Asks `ready` until it answers something true, and gives that back."""
    deadline = time.monotonic() + seconds
    while True:
        answer = ready()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {seconds} s")
        time.sleep(interval)


class Process:
    """One of our programs, in a process group of its own."""

    def __init__(self, name, arguments, log, environment=None):
        self.name = name
        self.arguments = [str(argument) for argument in arguments]
        self.log = pathlib.Path(log)
        self.environment = environment or {}
        # A command that the program is run by: setpriv with its arguments, say.
        self.wrapper = []
        self.popen = None

    def start(self):
        clean = {k: v for k, v in os.environ.items() if not k.startswith("TRUNKLINE_")}
        with self.log.open("ab") as output:
            self.popen = subprocess.Popen(
                [*self.wrapper, str(program(self.name)), *self.arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=clean | self.environment,
                start_new_session=True,
            )
        running.append(self)
        logs.add(self.log)
        return self

    @property
    def is_running(self):
        return self.popen is not None and self.popen.poll() is None

    def output(self):
        """What it has written so far."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def check_running(self):
        if not self.is_running:
            code = self.popen.poll() if self.popen else None
            raise RuntimeError(f"{self.name} ended with {code}:\n{self.output()[-LOG_SHOWN_MAX:]}")
        return True

    def kill(self):
        """kill -9, as a power cut would."""
        self._signal(signal.SIGKILL)
        self._forget()

    def stop(self):
        """Asks it to end; gives back its exit code. One that does not end is killed."""
        if self.popen is None:
            return None
        self._signal(signal.SIGTERM)
        try:
            self.popen.wait(STOP_MAX)
        except subprocess.TimeoutExpired:
            self._signal(signal.SIGKILL)
        return self._forget()

    def _signal(self, number):
        if self.popen is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.popen.pid, number)

    def _forget(self):
        if self.popen is None:
            return None
        code = self.popen.wait()
        # Children that outlived it.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.popen.pid, signal.SIGKILL)
        self.popen = None
        with contextlib.suppress(ValueError):
            running.remove(self)
        return code


# A phone number in full, and the path of a webhook with its token.
LEAKS = re.compile(r"\+[1-9]\d{7,14}\b|/v1/(?:numbers|calls)/[a-z0-9_]+/[0-9a-f]{32}")


def leaks():
    """What logs hold that they must not: secrets, webhook tokens, full phone numbers."""
    found = []
    for log in sorted(logs):
        if log.exists():
            text = log.read_text(errors="replace")
            found += [f"{log}: {match.group()}" for match in LEAKS.finditer(text)]
            found += [f"{log}: {secret}" for secret in secrets if secret in text]
    return found


def is_serving(address, service=""):
    """Whether a gRPC server at `address` says that it serves."""
    with grpc.insecure_channel(address) as channel:
        try:
            request = health_pb2.HealthCheckRequest(service=service)
            answer = health_pb2_grpc.HealthStub(channel).Check(request, timeout=2)
        except grpc.RpcError:
            return False
    return answer.status == health_pb2.HealthCheckResponse.SERVING


def is_listening(address):
    """Whether a TCP connection to `address` is accepted."""
    host, port = address.rsplit(":", 1)
    try:
        socket.create_connection((host, int(port)), START_MAX).close()
    except ConnectionRefusedError:
        return False
    return True


class CarrierSim(Process):
    """carrier-sim on free ports. `control` sends one request to its control API."""

    def __init__(self, folder, arguments=()):
        self.ports = {name: free_port() for name in ("control", "livekit", *REGIONS)}
        flags = [f"--{name}=127.0.0.1:{port}" for name, port in self.ports.items()]
        log = pathlib.Path(folder) / "carrier-sim.log"
        super().__init__("carrier-sim", [*flags, *arguments], log)

    def url(self, name):
        """The address of a region, of `control` or of `livekit`."""
        return f"http://127.0.0.1:{self.ports[name]}"

    @property
    def endpoints(self):
        """What `--twilio-endpoints` takes."""
        return ",".join(f"{region}={self.url(region)}" for region in REGIONS)

    def start(self):
        super().start()
        wait_until(lambda: self.check_running() and self._answers(), "carrier-sim")
        return self

    def _answers(self):
        try:
            return self.control("GET", "/health")
        except (urllib.error.URLError, ConnectionError):
            return None

    def control(self, method, path, body=None, timeout=30):
        """The control API's answer to one request, as JSON."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url("control") + path, data, method=method)
        request.add_header("content-type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=timeout) as answer:
                text = answer.read()
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{method} {path}: {error.code} {error.read().decode()}") from None
        return json.loads(text) if text else {}


class _Bearer(
    grpc.UnaryUnaryClientInterceptor,
    grpc.UnaryStreamClientInterceptor,
    grpc.StreamUnaryClientInterceptor,
    grpc.StreamStreamClientInterceptor,
):
    """Shows a token with each call, unless the call shows something itself."""

    def __init__(self, token):
        self.token = token

    def _intercept(self, go_on, details, request):
        sent = list(details.metadata or ())
        if not any(name == "authorization" for name, _ in sent):
            sent.append(("authorization", f"Bearer {self.token()}"))
        return go_on(details._replace(metadata=sent), request)

    intercept_unary_unary = intercept_unary_stream = _intercept
    intercept_stream_unary = intercept_stream_stream = _intercept


class Trunklined(Process):
    """`trunklined serve` on free ports, which stay the same over a restart.

    It authenticates its callers: its channels show the first administrator's token, as do
    `buf_curl` and `run_cli` at its address. A dispatch alone knows that token from its registry, to
    which it shows one of its own.
    """

    def __init__(
        self,
        folder,
        sim=None,
        roles="registry,dispatch",
        regions=REGIONS,
        registry=None,
        keyring=None,
        webhook_address=None,
        public_address=None,
        arguments=(),
        auth=True,
    ):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.data_dir = self.folder / "data"
        self.address = f"127.0.0.1:{free_port()}"
        # A registry of its own is told the dispatch's: it writes that to the carrier. Where several
        # dispatches stand behind one address, that is the public one.
        self.webhook_address = webhook_address or f"127.0.0.1:{free_port()}"
        public = public_address or self.webhook_address
        self.admin_address = f"127.0.0.1:{free_port()}"
        flags = [
            f"--roles={roles}",
            f"--region={','.join(regions)}",
            f"--listen={self.address}",
            f"--webhook-listen={self.webhook_address}",
            f"--admin-listen={self.admin_address}",
            "--public-url=" + ",".join(f"{r}=http://{public}" for r in regions),
            f"--data-dir={self.data_dir}",
        ]
        self.registry = registry
        self.token_file = self.folder / "admin-token"
        self.registry_token_file = self.folder / "registry-token"
        self.has_token = auth and ("registry" in roles or registry in tokens)
        if not self.has_token:
            flags.append("--auth=off")
        elif "registry" in roles:
            flags.append(f"--admin-token-file={self.token_file}")
        if registry in tokens:
            flags.append(f"--registry-token-file={self.registry_token_file}")
        if sim is not None:
            flags.append(f"--twilio-endpoints={sim.endpoints}")
        if not any(str(argument).startswith("--sweep-interval") for argument in arguments):
            # No request comes to the carrier but those that a test makes.
            flags.append("--sweep-interval=0")
        if registry is not None:
            flags.append(f"--registry={registry}")
        if keyring is not None:
            flags.append(f"--keyring={keyring}")
        log = self.folder / "trunklined.log"
        super().__init__("trunklined", ["serve", *flags, *arguments], log)

        if self.has_token:
            tokens[self.address] = lambda: self.token

    @property
    def token(self):
        """The first administrator's token, as the first start wrote it."""
        if self.registry in tokens:
            return tokens[self.registry]()
        token = self.token_file.read_text().strip()
        secrets.add(token)
        return token

    def start(self, wait=True):
        if self.registry in tokens and not self.registry_token_file.exists():
            made = run_cli(
                "tokens", "create", "--scopes=dispatch", "-o", "json", address=self.registry
            )
            assert made.returncode == 0, made.stderr
            token = json.loads(made.stdout)["tokenText"]
            secrets.add(token)
            self.registry_token_file.write_text(token + "\n")
        super().start()
        if wait:
            wait_until(lambda: self.check_running() and is_serving(self.address), "trunklined")
        return self

    def ends_with(self, *texts):
        """Starts it; it refuses to serve and says all of this."""
        self.start(wait=False)
        assert self.popen.wait(START_MAX) == 70, self.output()
        for text in texts:
            assert text in self.output(), f"{text!r} is not in {self.output()}"
        self.stop()

    def channel(self, **options):
        """A grpcio channel to it; close it, or use it as a context manager."""
        channel = grpc.insecure_channel(self.address, options=list(options.items()))
        if not self.has_token:
            return channel
        return grpc.intercept_channel(channel, _Bearer(lambda: self.token))

    def bare_channel(self):
        """A grpcio channel that shows nothing of itself."""
        return grpc.insecure_channel(self.address)


def buf_curl(address, method, body=None, headers=(), timeout=60):
    """`buf curl` over reflection: the exit code, the answer as JSON (or None), and what it said."""
    command = [str(BUF), "curl", "--protocol", "grpc", "--http2-prior-knowledge"]
    headers = list(headers)
    if address in tokens and not any(name == "authorization" for name, _ in headers):
        headers.append(("authorization", f"Bearer {tokens[address]()}"))
        command += ["--reflect-header", "*"]
    for name, value in headers:
        command += ["--header", f"{name}: {value}"]
    if body is not None:
        command += ["--data", json.dumps(body)]
    result = subprocess.run(
        [*command, f"http://{address}/{method}"],
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    answer = json.loads(result.stdout) if result.returncode == 0 and result.stdout else None
    return result.returncode, answer, result.stderr


def run_cli(*arguments, address=None, input=None, timeout=60):
    """Runs the `trunkline` CLI; gives back the completed process."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("TRUNKLINE_")}
    flags = [] if address is None else [f"--server={address}"]
    if address in tokens:
        clean["TRUNKLINE_TOKEN"] = tokens[address]()
    return subprocess.run(
        [str(program("trunkline")), *map(str, arguments), *flags],
        capture_output=True,
        text=True,
        input=input,
        timeout=timeout,
        env=clean,
        check=False,
    )
