"""Clients that write all the while, and a ledger of what the server acknowledged to them.

Each client has resources of its own, so that the ledger can say what the server must hold: an
acknowledged write is there; one that failed may be there once, whole, or not at all. All of them also
change one agent together, with etags, where losing against another is an answer.
"""

import random
import threading
import time

import grpc
from google.protobuf import field_mask_pb2

import world as worlds
from world import Refusal, request_id

# What a client may be told while the store or the server is away. Each tells it to repeat: UNAVAILABLE
# and DEADLINE_EXCEEDED with the same request_id, ABORTED after reading again.
RETRYABLE = (
    grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.ABORTED, grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.CANCELLED,
)  # fmt: skip
# How long a call may take, and how much later than its deadline it may end, in seconds.
CALL_MAX = 3
LATE_MAX = 3


class Held:
    """One agent as its client knows it."""

    def __init__(self, name, request):
        self.name = name
        self.request = request
        self.id = None
        # The last change that was acknowledged, and the last that was asked for.
        self.acknowledged = 0
        self.asked = 0
        # None: it is there. "asked": a deletion failed. "done": one was acknowledged.
        self.deletion = None


class Failure:
    """A call that failed: when, how late after its deadline, and what it was told."""

    def __init__(self, what, began, error):
        self.what = what
        self.at = time.monotonic()
        self.late = self.at - began - CALL_MAX
        refused = Refusal(error)
        self.code, self.reason, self.message = refused.code, refused.reason, refused.message

    def __str__(self):
        return f"{self.what}: {self.code.name} {self.reason}: {self.message}"


class Client(threading.Thread):
    """Creates, changes and deletes agents one after the other until it is told to stop."""

    def __init__(self, load, number, seed):
        super().__init__(daemon=True)
        self.load = load
        self.number = number
        self.random = random.Random(seed)
        self.held = []
        self.failures = []
        # When each write was acknowledged.
        self.acknowledged = []
        self.broken = None

    def run(self):
        try:
            with self.load.server.channel(**self.load.options) as channel:
                self.agents = self.load.v1.AgentServiceStub(channel)
                while not self.load.stopping.is_set():
                    if not self.turn():
                        # A client that was told to repeat waits a little.
                        self.load.stopping.wait(0.05)
        except BaseException as error:  # noqa: BLE001: told by the test, which joins this thread
            self.broken = error

    def turn(self):
        dice = self.random.random()
        mine = [held for held in self.held if held.id and not held.deletion]
        if dice < 0.35 or not mine:
            return self.create()
        if dice < 0.75:
            return self.update(self.random.choice(mine))
        if dice < 0.85:
            return self.delete(self.random.choice(mine))
        return self.update_shared()

    def call(self, what, method, request):
        """Whether it was acknowledged, with the answer."""
        began = time.monotonic()
        try:
            answer = method(request, timeout=CALL_MAX)
        except grpc.RpcError as error:
            self.failures.append(Failure(what, began, error))
            return None
        self.acknowledged.append(time.monotonic())
        return answer

    def create(self):
        v1 = self.load.v1
        name = f"agent {self.load.seed} {self.number} {len(self.held)}"
        stream = v1.AgentConnection.MediaStream(url="wss://agent.example/stream")
        agent = v1.Agent(
            display_name=f"{name}#0", connections=[v1.AgentConnection(media_stream=stream)]
        )
        held = Held(name, v1.CreateAgentRequest(agent=agent, request_id=request_id()))
        self.held.append(held)
        answer = self.call("create", self.agents.CreateAgent, held.request)
        if answer is None:
            return False
        held.id = answer.agent.id
        return True

    def update(self, held):
        v1 = self.load.v1
        held.asked += 1
        agent = v1.Agent(id=held.id, display_name=f"{held.name}#{held.asked}")
        mask = field_mask_pb2.FieldMask(paths=["display_name"])
        request = v1.UpdateAgentRequest(agent=agent, update_mask=mask)
        if self.call("update", self.agents.UpdateAgent, request) is None:
            return False
        held.acknowledged = held.asked
        return True

    def delete(self, held):
        held.deletion = "asked"
        request = self.load.v1.DeleteAgentRequest(id=held.id)
        if self.call("delete", self.agents.DeleteAgent, request) is None:
            return False
        held.deletion = "done"
        return True

    def update_shared(self):
        """Counts one up in the agent that all share, unless another was faster."""
        v1 = self.load.v1
        read = self.call("read", self.agents.GetAgent, v1.GetAgentRequest(id=self.load.shared))
        if read is None:
            return False
        agent = v1.Agent(id=self.load.shared, etag=read.agent.etag)
        agent.display_name = str(int(read.agent.display_name) + 1)
        mask = field_mask_pb2.FieldMask(paths=["display_name"])
        self.load.count_asked()
        request = v1.UpdateAgentRequest(agent=agent, update_mask=mask)
        if self.call("update of the shared agent", self.agents.UpdateAgent, request) is None:
            return False
        self.load.count_acknowledged()
        return True


class Load:
    """Several clients against one server. `with Load(...) as load` lets them write."""

    def __init__(self, stubs, server, seed=None, clients=4):
        self.v1 = stubs.v1
        self.server = server
        self.seed = random.SystemRandom().randrange(1 << 32) if seed is None else seed
        self.stopping = threading.Event()
        # A server that was killed is found again at once; each client has a connection of its own.
        self.options = {
            "grpc.initial_reconnect_backoff_ms": 50, "grpc.max_reconnect_backoff_ms": 200,
            "grpc.use_local_subchannel_pool": 1,
        }  # fmt: skip
        self.lock = threading.Lock()
        self.shared = f"shared-{self.seed}"
        self.shared_asked = 0
        self.shared_acknowledged = 0
        self.clients = [Client(self, number, f"{self.seed} {number}") for number in range(clients)]

    def __enter__(self):
        stream = self.v1.AgentConnection.MediaStream(url="wss://agent.example/stream")
        agent = self.v1.Agent(
            id=self.shared, display_name="0",
            connections=[self.v1.AgentConnection(media_stream=stream)])  # fmt: skip
        with self.server.channel() as channel:
            stub = self.v1.AgentServiceStub(channel)
            stub.CreateAgent(self.v1.CreateAgentRequest(agent=agent), timeout=worlds.ANSWER_MAX)
        for client in self.clients:
            client.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        """Ends the clients, and fails when one of them was told something it may not be told."""
        self.stopping.set()
        for client in self.clients:
            client.join(CALL_MAX * 10)
            assert not client.is_alive(), "a call does not end"
            if client.broken is not None:
                raise client.broken

    def count_asked(self):
        with self.lock:
            self.shared_asked += 1

    def count_acknowledged(self):
        with self.lock:
            self.shared_acknowledged += 1

    # What happened so far

    @property
    def acknowledged(self):
        """When each write was acknowledged, in order."""
        return sorted(at for client in self.clients for at in client.acknowledged)

    @property
    def failures(self):
        found = [failure for client in self.clients for failure in client.failures]
        return sorted(found, key=lambda failure: failure.at)

    def wait_for_writes(self, count, since=0.0, seconds=worlds.ANSWER_MAX):
        """Until so many writes were acknowledged after the moment `since`."""

        def enough():
            self.check_alive()
            return sum(at > since for at in self.acknowledged) >= count

        worlds.wait_until(enough, f"{count} acknowledged writes", seconds)

    def check_alive(self):
        for client in self.clients:
            if client.broken is not None:
                raise client.broken

    def gap_after(self, moment):
        """Seconds from a moment until each client had a write acknowledged that came after it."""
        firsts = [
            next((at for at in client.acknowledged if at > moment), None) for client in self.clients
        ]
        assert None not in firsts, "a client got nothing acknowledged any more"
        return max(firsts) - moment

    def check_failures(self, codes=RETRYABLE):
        """Every failure tells a client to repeat, and none came long after the call's deadline."""
        for failure in self.failures:
            assert failure.code in codes, str(failure)
            assert failure.late < LATE_MAX, f"{failure.late:.1f} s late: {failure}"
            if failure.code == grpc.StatusCode.ABORTED:
                assert failure.reason in ("ETAG_MISMATCH", "CONTENDED"), str(failure)

    def count_failures(self):
        """How often each status and reason came."""
        counts = {}
        for failure in self.failures:
            key = f"{failure.code.name} {failure.reason}".strip()
            counts[key] = counts.get(key, 0) + 1
        return counts

    # What must hold afterwards

    def repeat_creations(self):
        """What the contract promises: with its request id a creation is safe to repeat."""
        with self.server.channel() as channel:
            agents = self.v1.AgentServiceStub(channel)
            for held in self.all_held():
                if held.id is None:
                    answer = agents.CreateAgent(held.request, timeout=worlds.ANSWER_MAX)
                    held.id = answer.agent.id

    def all_held(self):
        return [held for client in self.clients for held in client.held]

    def check(self, agents):
        """Compares the ledger with all agents that the server has now."""
        found = {agent.id: agent for agent in agents}
        names = [agent.display_name.rsplit("#", 1)[0] for agent in agents]
        assert len(names) == len(set(names)), "an agent was made twice"
        for held in self.all_held():
            agent = found.get(held.id)
            if held.deletion == "done" or held.id is None:
                assert agent is None, f"a deleted agent is back: {held.name}"
                continue
            if held.deletion is None:
                assert agent is not None, f"an acknowledged agent is lost: {held.name}"
            if agent is not None:
                at = int(agent.display_name.rsplit("#", 1)[1])
                assert held.acknowledged <= at <= held.asked, f"{held.name}: {at} is stored"
        count = int(found[self.shared].display_name)
        assert self.shared_acknowledged <= count <= self.shared_asked, "the shared agent"


def check_agreement(query, is_pruned=False):
    """Registry, claims, feed, counts and audit tell the same. `query(sql)` gives rows of texts."""
    kinds = {"agent": "agents", "provider": "providers", "number": "phone_numbers"}
    latest = int(query("SELECT latest FROM change_feed")[0][0])
    sequences = [int(row[0]) for row in query("SELECT sequence FROM events ORDER BY sequence")]
    assert sequences == list(range(1, latest + 1)), "the feed has a gap or a repeat"
    stored = {}
    for kind, table in kinds.items():
        for id, version in query(f"SELECT id, version FROM {table}"):
            stored[kind, id] = int(version)
    events, last = {}, {}
    rows = "SELECT kind, resource_id, version, change, sequence FROM events ORDER BY sequence"
    for kind, id, version, change, sequence in query(rows):
        if kind in kinds:
            events.setdefault((kind, id), []).append((change, int(version)))
            last[kind, id] = int(sequence)
    for key, told in events.items():
        changes = [change for change, _ in told]
        assert changes[0] == "created", f"{key}: {told}"
        is_deleted = changes[-1] == "deleted"
        assert changes.count("created") == 1 and changes.count("deleted") == is_deleted, f"{key}: {told}"
        versions = [version for change, version in told if change != "deleted"]
        assert versions == list(range(1, len(versions) + 1)), f"{key}: {told}"
        assert stored.get(key) == (None if is_deleted else versions[-1]), f"{key}: {stored.get(key)} {told}"
    assert set(stored) <= set(events), "something is stored that the feed never told"
    for kind, id, sequence, is_removed in query("SELECT kind, id, sequence, is_removed FROM routes"):
        if kind in kinds:
            assert last[kind, id] == int(sequence), f"the route of {kind} {id} is of another change"
            assert bool(int(is_removed)) == ((kind, id) not in stored), f"the route of {kind} {id}"
    counts = {row[0]: int(row[1]) for row in query("SELECT kind, sum(total) FROM tenant_counts GROUP BY kind")}
    for kind in kinds:
        assert counts.get(kind, 0) == sum(key[0] == kind for key in stored), f"the count of {kind}"
    numbers = {id for kind, id in stored if kind == "number"}
    assert {row[0] for row in query("SELECT number_id FROM number_claims")} == numbers
    assert {row[0] for row in query("SELECT number_id FROM number_directory")} == numbers
    check_audit(query, events)


def check_audit(query, events):
    """Each change that somebody asked for has one entry, and no entry tells of a change that is not."""
    actions = {"created": "create", "updated": "update", "deleted": "delete"}
    told = {}
    for kind, id, action in query("SELECT resource_kind, resource_id, action FROM audit_events"):
        told.setdefault((kind, id), []).append(action)
    for (kind, id), changes in events.items():
        if kind in ("agent", "provider"):
            expected = sorted(actions[change] for change, _ in changes)
            assert sorted(told.pop((kind, id), [])) == expected, f"the audit of {kind} {id}"
    strangers = [key for key in told if key[0] in ("agent", "provider")]
    assert not strangers, f"the audit tells of what never was: {strangers[:5]}"
