"""Starts carrier-sim and trunklined beside each other, for the demonstration and for a person."""

import contextlib
import json
import os
import pathlib
import signal
import subprocess
import time
import urllib.error
import urllib.request

from ports import free_port

ROOT = pathlib.Path(__file__).resolve().parent.parent
REGIONS = ("us1", "ie1", "au1")
START_SECONDS_MAX = 30


def program(name):
    """A built program of ours."""
    folder = os.environ.get("TRUNKLINE_BIN")
    return pathlib.Path(folder) / name if folder else ROOT / ".build" / "debug" / name


def request(url, method="GET", body=None, timeout=30):
    """The JSON that an HTTP server answers; None for an empty answer."""
    data = None if body is None else json.dumps(body).encode()
    asked = urllib.request.Request(url, data, method=method)
    asked.add_header("content-type", "application/json")
    with urllib.request.urlopen(asked, timeout=timeout) as answer:
        text = answer.read()
    return json.loads(text) if text else None


def wait_until(ready, what, seconds=START_SECONDS_MAX):
    """Asks until the answer is true; fails after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        answer = ready()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise SystemExit(f"{what}: not within {seconds} s")
        time.sleep(0.02)


class Stage:
    """Both programs running. `ports` maps control, livekit, us1, ie1, au1, grpc, webhooks, admin."""

    def __init__(self, folder, ports=None):
        self.folder = pathlib.Path(folder)
        names = ("control", "livekit", *REGIONS, "grpc", "webhooks", "admin")
        self.ports = ports or {name: free_port() for name in names}
        self.processes = []
        # The first administrator's token, which the first start writes.
        self.token_file = self.folder / "admin-token"

    def __enter__(self):
        names = ("control", "livekit", *REGIONS)
        sim = [f"--{name}=127.0.0.1:{self.ports[name]}" for name in names]
        self._start("carrier-sim", sim)
        wait_until(lambda: self._answers(self.url("control") + "/health"), "carrier-sim")
        public = ",".join(f"{region}={self.url('webhooks')}" for region in REGIONS)
        carrier = ",".join(f"{region}={self.url(region)}" for region in REGIONS)
        self._start(
            "trunklined",
            [
                "serve",
                f"--data-dir={self.folder / 'data'}",
                f"--listen=127.0.0.1:{self.ports['grpc']}",
                f"--webhook-listen=127.0.0.1:{self.ports['webhooks']}",
                f"--admin-listen=127.0.0.1:{self.ports['admin']}",
                f"--public-url={public}",
                f"--twilio-endpoints={carrier}",
                f"--admin-token-file={self.token_file}",
            ],
        )
        wait_until(lambda: self._answers(self.url("admin") + "/readyz", False), "trunklined")
        return self

    def __exit__(self, *_):
        for process in reversed(self.processes):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def url(self, name):
        return f"http://127.0.0.1:{self.ports[name]}"

    def sim(self, method, path, body=None):
        """One request to the simulator's control API."""
        return request(self.url("control") + path, method, body)

    def _start(self, name, arguments):
        clean = {k: v for k, v in os.environ.items() if not k.startswith("TRUNKLINE_")}
        log = (self.folder / f"{name}.log").open("ab")
        process = subprocess.Popen(
            [str(program(name)), *arguments], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            env=clean, start_new_session=True,
        )
        log.close()
        self.processes.append(process)

    def _answers(self, url, is_json=True):
        for process in self.processes:
            if process.poll() is not None:
                logs = "".join(path.read_text() for path in self.folder.glob("*.log"))
                raise SystemExit(f"A program ended with {process.returncode}:\n{logs}")
        try:
            if is_json:
                return request(url, timeout=2) is not None
            with urllib.request.urlopen(url, timeout=2) as answer:
                return answer.status == 200
        except (urllib.error.URLError, ConnectionError):
            return False
