"""A hop between our server and carrier-sim, at which any request can be held, failed or cut to the byte.

The simulator's own faults go wrong for a time; the hop goes wrong until it is told, and knows what the
server has read. So a test can kill the server exactly before a request, between its effect and its
answer, or between the answer and what the server does with it.

    with Hop(sim) as hop:
        server = harness.Trunklined(folder, hop)       # `hop.endpoints` in place of the simulator's
        subject = hop.subject(account_sid, phone_number)
        subject.arm(Strike(3, carrier_hop.held_after))  # the third request that names one of these
"""

import base64
import dataclasses
import http.client
import http.server
import json
import re
import select
import threading
import urllib.parse

import harness
from harness import wait_until

# How long a request is held, at most, in seconds: a test that forgot it ends all the same.
HOLD_MAX = 120
NAMES = re.compile(r"\b[A-Z]{2}[0-9a-f]{32}\b|\+[1-9]\d{7,14}\b")


@dataclasses.dataclass
class Answer:
    status: int
    body: bytes
    headers: dict


class Exchange:
    """One request of the server, and how far its answer is."""

    def __init__(self, handler, door):
        self.door, self.method, self.path = door, handler.command, handler.path
        self.body = handler.rfile.read(int(handler.headers.get("content-length") or 0))
        self.headers = {
            name: handler.headers[name] for name in ("authorization", "content-type")
            if name in handler.headers
        }  # fmt: skip
        self.connection = handler.connection
        self.is_written = threading.Event()
        self.is_held = threading.Event()
        self.is_released = threading.Event()

    @property
    def credentials(self):
        """Who asks, as (user, password); at LiveKit as (API key, token)."""
        kind, _, shown = self.headers.get("authorization", "").partition(" ")
        try:
            if kind == "Bearer":
                claims = shown.split(".")[1]
                return json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["iss"], shown
            user, _, password = base64.b64decode(shown).decode().partition(":")
        except (ValueError, LookupError):
            return "", ""
        return user, password

    @property
    def names(self):
        """Every SID and number that it names."""
        text = urllib.parse.unquote_plus(f"{self.path} {self.body.decode(errors='replace')}")
        return set(NAMES.findall(text)) | {self.credentials[0]}

    @property
    def shape(self):
        """What is asked, without whose: "POST-IncomingPhoneNumbers-item"."""
        segments = urllib.parse.unquote(urllib.parse.urlsplit(self.path).path).split("/")[1:]
        plain = [s for s in segments[1:] if not re.fullmatch(r"v\d+|20\d\d-\d\d-\d\d", s)]
        words = ["item" if NAMES.search(s) else s.removesuffix(".json") for s in plain]
        if words[:2] == ["Accounts", "item"] and words[2:]:
            words = words[2:]
        return "-".join([self.method, segments[0], *words])

    def hold(self):
        """Waits until the test lets it go."""
        self.is_held.set()
        assert self.is_released.wait(HOLD_MAX), f"{self.shape} was held too long"

    def wait_until_given_up(self):
        """Waits until the server closes the connection."""
        self.is_held.set()
        readable, _, _ = select.select([self.connection], [], [], HOLD_MAX)
        assert readable, f"the server never gave {self.shape} up"

    @property
    def is_given_up(self):
        """Whether the server has closed the connection, having waited too long."""
        readable, _, _ = select.select([self.connection], [], [], 0)
        return bool(readable)

    @property
    def is_read(self):
        """Whether the server's process has taken all of the answer from the kernel."""
        if not self.is_written.is_set():
            return False
        try:
            ours, theirs = self.connection.getsockname()[1], self.connection.getpeername()[1]
        except OSError:
            return True
        with open("/proc/net/tcp") as table:
            for line in list(table)[1:]:
                fields = line.split()
                ports = tuple(int(address.split(":")[1], 16) for address in fields[1:3])
                sent, received = (int(queue, 16) for queue in fields[4].split(":"))
                if ports == (ours, theirs) and sent or ports == (theirs, ours) and received:
                    return False
        return True


@dataclasses.dataclass
class Strike:
    """The `index`-th request of a subject (from 1), of those of a shape if one is given, meets `act`.

    `act` takes the exchange and what carries it out, and gives the answer, or None: no answer comes.
    """

    index: int
    act: object
    # How many in a row are struck, whatever their shape. None: every one that follows.
    times: int | None = 1
    shape: str | None = None
    struck: list = dataclasses.field(default_factory=list)
    seen: int = 0

    def meets(self, exchange):
        if self.struck:
            return self.times is None or len(self.struck) < self.times
        if self.shape not in (None, exchange.shape):
            return False
        self.seen += 1
        return self.seen == self.index


class Subject:
    """What one test's requests name. They are counted from the moment when it is armed."""

    def __init__(self):
        self.lock = threading.Lock()
        self.log, self.strikes = [], ()

    def arm(self, *strikes):
        """Where several meet a request, it is the first."""
        with self.lock:
            self.log, self.strikes = [], strikes

    def disarm(self):
        with self.lock:
            self.strikes = ()

    def take(self, exchange):
        """Counts a request; what it meets, or None."""
        with self.lock:
            self.log.append(exchange)
            met = [strike for strike in self.strikes if strike.meets(exchange)]
            if not met:
                return None
            met[0].struck.append(exchange)
            exchange.turn = len(met[0].struck)
            return met[0]


class _Door(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, hop, name):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.hop, self.name = hop, name
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def handle_error(self, request, client_address):
        """Our server was killed, or gave up."""


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def _serve(self):
        exchange = Exchange(self, self.server.name)
        answer = self.server.hop.serve(exchange)
        if answer is None:
            self.close_connection = True
            return
        head = [f"HTTP/1.1 {answer.status} {http.client.responses.get(answer.status, '')}"]
        head += [f"{name}: {value}" for name, value in answer.headers.items()]
        if answer.headers.get("connection") == "close":
            self.close_connection = True
        self.wfile.write("\r\n".join([*head, "", ""]).encode() + answer.body)
        exchange.is_written.set()

    do_GET = do_POST = do_PUT = do_DELETE = _serve

    def log_message(self, *_):
        """Nobody reads it."""


class Hop:
    """The doors of carrier-sim's regions and of its LiveKit, once more."""

    def __init__(self, sim):
        self.sim = sim
        self.subjects = {}
        # Requests that name no subject's names: whoever counts steps has missed them.
        self.strangers = []

    def __enter__(self):
        self.doors = {name: _Door(self, name) for name in (*harness.REGIONS, "livekit")}
        return self

    def __exit__(self, *_):
        for door in self.doors.values():
            door.shutdown()
            door.server_close()

    def url(self, name):
        return f"http://127.0.0.1:{self.doors[name].server_port}"

    @property
    def endpoints(self):
        """What `--twilio-endpoints` takes."""
        return ",".join(f"{region}={self.url(region)}" for region in harness.REGIONS)

    def subject(self, *names):
        """All requests that name one of these: SIDs, numbers, users."""
        subject = Subject()
        self.subjects.update(dict.fromkeys(names, subject))
        return subject

    def serve(self, exchange):
        subject = next((self.subjects[n] for n in exchange.names if n in self.subjects), None)
        if subject is None:
            self.strangers.append(f"{exchange.door} {exchange.shape}")
        strike = subject.take(exchange) if subject else None
        if strike is None:
            return self.forward(exchange)
        return strike.act(exchange, lambda: self.forward(exchange))

    def forward(self, exchange):
        """Lets the simulator carry it out."""
        there = http.client.HTTPConnection("127.0.0.1", self.sim.ports[exchange.door], timeout=HOLD_MAX)
        try:
            there.request(exchange.method, exchange.path, exchange.body or None, exchange.headers)
            answer = there.getresponse()
            body = answer.read()
        finally:
            there.close()
        headers = {"content-type": answer.headers["content-type"], "content-length": str(len(body))}
        if "retry-after" in answer.headers:
            headers["retry-after"] = answer.headers["retry-after"]
        return Answer(answer.status, body, headers)


# What a request may meet


def chain(*acts):
    """The first that a strike hits meets the first of these, the second the second."""

    def act(exchange, forward):
        return acts[min(exchange.turn, len(acts)) - 1](exchange, forward)

    return act


def held_before(exchange, forward):
    """Held, and never carried out."""
    exchange.hold()


def held_after(exchange, forward):
    """Carried out, and its answer held for ever."""
    forward()
    exchange.hold()


def held_answer(exchange, forward):
    """Carried out, and answered when it is let go."""
    answer = forward()
    exchange.hold()
    return answer


def status(number, code, is_done=False):
    """Refused with the carrier's own words; with `is_done` carried out all the same."""

    def act(exchange, forward):
        if is_done:
            forward()
        told = {"code": code, "message": "Struck", "more_info": "", "status": number}
        if exchange.door == "livekit":
            told = {"code": TWIRP[number], "msg": "Struck"}
        body = json.dumps(told).encode()
        return Answer(
            number, body, {"content-type": "application/json", "content-length": str(len(body))})

    return act


TWIRP = {
    401: "unauthenticated", 403: "permission_denied", 404: "not_found", 409: "already_exists",
    429: "resource_exhausted", 500: "internal",
}  # fmt: skip


def timed_out(exchange, forward):
    exchange.wait_until_given_up()


def timed_out_done(exchange, forward):
    forward()
    exchange.wait_until_given_up()


def broken(exchange, forward):
    return None


def broken_done(exchange, forward):
    forward()


def broken_amid(exchange, forward):
    """Carried out; the connection is lost in the middle of the answer."""
    answer = forward()
    answer.headers["connection"] = "close"
    answer.body = answer.body[: len(answer.body) // 2]
    return answer


def wait_until_read(exchanges):
    """Returns when the server's process has read every one of these answers."""
    for exchange in exchanges:
        wait_until(lambda exchange=exchange: exchange.is_read, f"{exchange.shape} is read")
