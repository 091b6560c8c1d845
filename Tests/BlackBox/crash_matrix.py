"""The crash matrix: every request at the carrier, of every operation, meets every end that it can have.

A `Scenario` says how to prepare an operation and what to ask for. It is played once with nothing in its
way: the requests that then come to the carrier are its steps, reads too, and what is stored before and
after are the two states that any other play of it may end in. From each step come the cases, by
themselves: the server is killed before the request has its effect, between effect and answer, and
between the answer and the next write to the store; and the request meets each of `FAULTS`.

Cases are played together, each with its own account and number: one kill of the server is the kill of
many operations, each at its own moment.
"""

import concurrent.futures
import dataclasses
import difflib
import json
import re

import grpc
from google.protobuf import json_format
from google.rpc import error_details_pb2

import carrier_hop
import harness
import world as worlds
from carrier_hop import Strike, status
from harness import wait_until
from world import Refusal

# How long a request and the work behind it may take, in seconds. A registry takes up another's
# work after 25, a lost answer is waited for 15, and two busy CPUs are slow.
SETTLE_MAX = 150

FORBIDDEN = status(403, 20006)

# Who wait for work that is begun.
ASKERS = concurrent.futures.ThreadPoolExecutor(128)


@dataclasses.dataclass(frozen=True)
class Fault:
    act: object
    # None: until the test takes it away.
    times: int | None = 1
    # The carrier refuses for good: what it does not let us put back may stay, if we say so.
    is_refusal: bool = False


def _refusals():
    codes = {"401": 20003, "403": 20006, "404": 20404, "409": 20409}
    for name, code in codes.items():
        for suffix, times in (("", 1), ("-on", None)):
            yield name + suffix, Fault(status(int(name), code), times, is_refusal=True)


KILLS = {
    "kill-before": Fault(carrier_hop.held_before),
    "kill-after": Fault(carrier_hop.held_after),
    "kill-answered": Fault(carrier_hop.held_answer),
    # Whoever takes the work up is refused what was done already.
    "kill-after-403": Fault(carrier_hop.chain(carrier_hop.held_after, FORBIDDEN), 2, is_refusal=True),
}
FAULTS = {
    **dict(_refusals()),
    # More often than one request is repeated before its step is.
    "429": Fault(status(429, 20429), 4),
    "500": Fault(status(500, 20500), 4),
    "500-done": Fault(status(500, 20500, is_done=True)),
    "timeout": Fault(carrier_hop.timed_out),
    "timeout-done": Fault(carrier_hop.timed_out_done),
    "broken": Fault(carrier_hop.broken),
    "broken-done": Fault(carrier_hop.broken_done),
    "broken-amid": Fault(carrier_hop.broken_amid),
    # The answer is lost, and the repetition refused.
    "broken-403": Fault(carrier_hop.chain(carrier_hop.broken_done, FORBIDDEN), 2, is_refusal=True),
    "vanished": Fault(None, is_refusal=True),
}  # fmt: skip

# What is played


@dataclasses.dataclass(frozen=True)
class Scenario:
    name: str
    # Takes a Play, makes what the request needs, and gives (service, method, request).
    prepare: object
    # Takes the view at the end of a play that nothing disturbed; asserts that it is a good one.
    check_end: object
    # (shape, n): the n-th request of that shape is refused, and the steps are those of the undoing.
    obstacle: tuple | None = None

    def obstacles(self):
        """What every play of it meets."""
        if self.obstacle is None:
            return []
        shape, number = self.obstacle
        return [Strike(number, FORBIDDEN, shape=shape)]


@dataclasses.dataclass(frozen=True)
class Recording:
    """The steps of a play, and the views before it and after one that nothing disturbed."""

    steps: tuple
    # How many of the steps come before the undoing.
    passed: int
    start: dict
    end: dict

    @property
    def vacant(self):
        """The one of both in which no number is ours."""
        return self.start if not self.start["numbers"] else self.end


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Case:
    scenario: Scenario
    recording: Recording
    step: int
    moment: str

    def __str__(self):
        return f"{self.scenario.name}/{self.step}-{self.recording.steps[self.step - 1]}/{self.moment}"

    __repr__ = __str__

    @property
    def is_kill(self):
        return self.moment in KILLS

    @property
    def is_read(self):
        shape = self.recording.steps[self.step - 1]
        return shape.startswith("GET") or "livekit.SIP-List" in shape

    @property
    def is_odd(self):
        """Every other case."""
        return (self.step + [*KILLS, *FAULTS].index(self.moment)) % 2 == 1

    @property
    def fault(self):
        return (KILLS | FAULTS)[self.moment]

    @property
    def doubt(self):
        """What the step may write, when its answer was lost and the carrier can't be read."""
        if self.moment != "kill-after-403" or self.is_read:
            return set()
        shape = self.recording.steps[self.step - 1]
        return next(kinds for part, kinds in WRITES.items() if part in shape)

    @property
    def is_lie(self):
        """The carrier says of something that is there that it is not, to one who asks for it.

        Nobody can know better; what was said to be away is then left as it is."""
        is_asked = self.is_read or self.recording.steps[self.step - 1].startswith("DELETE")
        return self.moment == "404-on" or self.moment == "404" and is_asked


# By a part of the request's shape, the first that fits.
WRITES = {
    "-routes-": {"TYPE_PROCESSING_REGION"},
    "-IncomingPhoneNumbers-": {"TYPE_WEBHOOK", "TYPE_TRUNK_NUMBER"},
    "-PhoneNumbers": {"TYPE_TRUNK_NUMBER"},
    "-OriginationUrls": {"TYPE_ORIGINATION_URL"},
    "-Trunks-item-CredentialLists": {"TYPE_TRUNK_CREDENTIAL_LIST"},
    "-Trunks": {"TYPE_TRUNK"},
    "-CredentialLists": {"TYPE_CREDENTIAL_LIST"},
    "DispatchRule": {"TYPE_DISPATCH_RULE"},
    "SIPInboundTrunk": {"TYPE_GATEWAY_INBOUND_TRUNK"},
    "SIPOutboundTrunk": {"TYPE_GATEWAY_OUTBOUND_TRUNK"},
    "SIPTrunk": {"TYPE_GATEWAY_INBOUND_TRUNK", "TYPE_GATEWAY_OUTBOUND_TRUNK"},
}


def cases(scenario, recording):
    return [
        Case(scenario, recording, step, moment)
        for step in range(recording.passed + 1, len(recording.steps) + 1)
        for moment in (*KILLS, *FAULTS)
    ]  # fmt: skip


def slice_of(all_cases):
    """One kill and one fault of each step; over the steps, each kill and each fault."""
    steps = {}
    for case in all_cases:
        steps.setdefault((case.scenario.name, case.step), []).append(case)
    chosen = []
    for number, of_step in enumerate(steps.values()):
        kills = [case for case in of_step if case.is_kill]
        faults = [case for case in of_step if not case.is_kill]
        chosen += [kills[number % len(kills)], faults[number % len(faults)]]
    return chosen


class Play:
    """One performance of a scenario: an account of its own, what was asked, what came of it."""

    def __init__(self, fleet, scenario):
        self.fleet, self.scenario, self.v1 = fleet, scenario, fleet.stubs.v1
        self.names, self.pairs, self.accounts = {}, {}, []
        # Ids of numbers that were seen to be this play's.
        self.seen = set()
        self.subject = fleet.hop.subject()
        self.account = self.add_account()
        self.ask = scenario.prepare(self)

    @property
    def world(self):
        return self.fleet.world

    # What scenarios prepare with

    def know(self, name, text):
        """Requests that name `text` are this play's; views call it `name`."""
        self.names[text] = name
        self.fleet.hop.subjects[text] = self.subject
        return text

    def add_account(self):
        account = self.world.account()
        self.accounts.append(account)
        self.know(f"account{len(self.accounts)}", account["sid"])
        return account

    def key(self, region, account=None):
        key = self.world.key(account or self.account, region)
        name = f"key{len(self.pairs) + 1}"
        self.know(name, key["sid"])
        self.pairs[key["sid"], key["secret"]] = name
        return key

    def link(self, region, account=None):
        """A provider with a key of its own."""
        account = account or self.account
        return self.world.provider(account, region, key=self.key(region, account))

    def gateway(self, region):
        """A provider of the simulator's LiveKit, with a key of its own, which is asked at the hop."""
        gateway = self.world.gateway(region, url=self.fleet.hop.url("livekit"), know=self.know)
        self.know("gateway", gateway.id)
        return gateway

    def hold(self, region, former_region=None):
        """A number at the carrier that somebody else has set up, in every region."""
        sid = self.account["sid"]
        application = self.world.sim.control(
            "POST", "/applications", {"account_sid": sid, "region": region})["sid"]
        records = {
            r: {
                "voice_url": f"https://{r}.example/voice", "voice_method": "GET",
                "voice_fallback_url": f"https://{r}.example/fallback", "voice_fallback_method": "GET",
                "status_callback": f"https://{r}.example/status", "status_callback_method": "GET",
            }
            for r in harness.REGIONS
        }  # fmt: skip
        records[region]["voice_application_sid"] = self.know("application", application)
        members = {} if former_region is None else {"voice_region": former_region}
        held = self.world.carrier_number(self.account, configurations=records, **members)
        self.know("e164", held["phone_number"])
        self.know("number", held["sid"])
        return held

    def import_held(self, provider, held):
        """The number, active."""
        imported = self.world.import_number(provider, held["phone_number"])
        active = self.v1.PhoneNumber.STATE_ACTIVE
        return wait_until(
            lambda: (found := self.world.number(imported.id)).state == active and found, "the import")

    # What is asked

    def begin(self):
        """Asks, and does not wait. Where work is begun, its end is the answer."""
        service, method, request = self.ask
        call = getattr(getattr(self.world, service), method)
        if "operation" not in getattr(self.v1, f"{method}Response").DESCRIPTOR.fields_by_name:
            return call.future(request, timeout=SETTLE_MAX)
        return ASKERS.submit(self._end_of_work, call, self.world, request)

    def _end_of_work(self, call, world, request):
        id = call(request, timeout=SETTLE_MAX).operation.id
        wait = self.v1.WaitOperationRequest(id=id)
        operation = world.operations.WaitOperation(wait, timeout=SETTLE_MAX).operation
        if operation.state == self.v1.Operation.STATE_FAILED:
            raise OperationFailed(operation.error)
        return operation

    def request(self):
        """Asks; the refusal, or None."""
        return refusal_of(self.begin())

    def repairing(self, number):
        """Asks for the repair of a number."""
        request = self.v1.RepairPhoneNumberRequest(id=number.id, request_id=worlds.request_id())
        return "numbers", "RepairPhoneNumber", request

    # What is there

    def providers(self):
        found = []
        for account in self.accounts:
            request = self.v1.ListProvidersRequest(account_sid=account["sid"], page_size=100)
            found += self.world.providers.ListProviders(request, timeout=worlds.ANSWER_MAX).providers
        return found

    def numbers(self, providers):
        found = []
        for provider in providers:
            request = self.v1.ListPhoneNumbersRequest(provider_id=provider.id, page_size=100)
            listed = self.world.numbers.ListPhoneNumbers(request, timeout=worlds.ANSWER_MAX)
            found += listed.phone_numbers
        self.seen |= {number.id for number in found}
        return found

    def ids(self):
        """Of all that is there."""
        providers = self.providers()
        return {resource.id for resource in (*providers, *self.numbers(providers))}

    def settle(self):
        """Returns when nothing of it goes on."""
        state = self.v1.PhoneNumber
        under_way = (state.STATE_PROVISIONING, state.STATE_DELETING)
        providers = self.providers()
        wait_until(
            lambda: not any(
                n.state in under_way or self.is_worked_on(n) for n in self.numbers(providers)),
            f"{[state.State.Name(n.state) for n in self.numbers(providers)]} comes to rest", SETTLE_MAX)

    def is_worked_on(self, number):
        request = self.v1.ListOperationsRequest(
            phone_number_id=number.id, state=self.v1.Operation.STATE_RUNNING)
        return self.world.operations.ListOperations(request, timeout=worlds.ANSWER_MAX).operations

    def credentials(self, provider):
        """The name of the key that the server shows for a provider; MIXED for none that there is."""
        request = self.v1.ListProviderNumbersRequest(provider_id=provider.id, page_size=1)
        self.world.providers.ListProviderNumbers(request, timeout=worlds.ANSWER_MAX)
        return self.pairs.get(self.subject.log[-1].credentials, "MIXED")

    def inventory(self):
        """What the carrier has of this play's accounts, and LiveKit of its numbers."""
        control = self.world.sim.control
        found = [control("GET", f"/inventory?account_sid={a['sid']}") for a in self.accounts]
        e164s = [number["phone_number"] for part in found for number in part["numbers"]]
        livekit = found[0]["livekit"]
        for part in found:
            del part["livekit"]
            for number in part["numbers"]:
                # Not set, and set to us1, are the same; once set, it can't be unset.
                number["voice_region"] = number["voice_region"] or "us1"
        marks = [*e164s, *self.seen]
        ours = {
            kind: [entry for entry in entries if any(mark in json.dumps(entry) for mark in marks)]
            for kind, entries in livekit.items()
        }  # fmt: skip
        return {"accounts": found, "livekit": ours}

    def view(self):
        """Registry and carrier, with names in place of all that differs from one play to the next."""
        providers = self.providers()
        numbers = self.numbers(providers)
        seen = {
            "carrier": self.inventory(),
            "credentials": [self.credentials(provider) for provider in providers],
            "numbers": [_plain(number) for number in numbers],
            "providers": [_plain(provider) for provider in providers],
        }
        text = json.dumps(seen, sort_keys=True, indent=1)
        for known, name in self.names.items():
            text = text.replace(known, name)
        text = text.replace(self.fleet.webhook_url, "WEBHOOKS")
        text = re.sub(r"/[0-9a-f]{32}\b", "/TOKEN", text)
        # Of each there is one; what is left of them has the same name whatever is gone.
        text = re.sub(r"\b(TK|OU|CL|CR|Tk0|ST_|SDR_|tl-|trunkline-)[0-9A-Za-z]{12,}\b", r"\1", text)
        ids = {}
        text = re.sub(
            r"\b(?:prv|pn)_[0-9a-z]+|\bPN[0-9a-f]{32}\b",
            lambda m: ids.setdefault(m[0], f"{m[0][:2]}{len(ids)}"), text)
        return json.loads(text)


def _plain(message):
    """A resource without what each write changes."""
    fields = json_format.MessageToDict(message, preserving_proto_field_name=True)
    for name in ("etag", "create_time", "update_time"):
        fields.pop(name, None)
    fields.get("twilio", {}).pop("api_key_sid", None)
    if "former" in fields:
        # Not set and us1 are the same, as in the inventory.
        fields["former"].setdefault("voice_region", "REGION_US1")
    for condition in fields.get("conditions", []):
        condition.pop("observed_time", None)
    return fields


class OperationFailed(Exception):
    """Work that was begun, and not done."""

    def __init__(self, status):
        super().__init__(status.message)
        self.status = status


class FailedWork:
    """Why work was not done, as a refusal says it."""

    def __init__(self, status):
        self.code = next(code for code in grpc.StatusCode if code.value[0] == status.code)
        self.message = status.message
        info = error_details_pb2.ErrorInfo()
        status.details[0].Unpack(info)
        self.reason = info.reason

    def __str__(self):
        return f"{self.code} {self.reason}: {self.message}"


def refusal_of(future):
    """What a request was refused with, or None."""
    try:
        future.result()
    except grpc.RpcError as error:
        return Refusal(error)
    except OperationFailed as error:
        return FailedWork(error.status)
    return None


def same(seen, *expected):
    """Which of the expected views this is; fails with what differs."""
    for number, view in enumerate(expected):
        if seen == view:
            return number
    texts = [json.dumps(view, sort_keys=True, indent=1).splitlines() for view in (seen, *expected)]
    differences = [
        "\n".join(difflib.unified_diff(text, texts[0], "expected", "is", n=1, lineterm=""))
        for text in texts[1:]
    ]  # fmt: skip
    raise AssertionError("It is neither as before nor as it should be:\n" + "\nor\n".join(differences))


def record(fleet, scenario):
    """Plays a scenario with nothing in its way, and once more with its obstacle if it has one."""
    play = Play(fleet, scenario)
    start = play.view()
    refused, steps = _recorded(play)
    assert refused is None, f"{scenario.name}: {refused}"
    end = play.view()
    assert start != end
    scenario.check_end(end)
    if scenario.obstacle is None:
        return Recording(steps, 0, start, end)
    play = Play(fleet, scenario)
    refused, steps = _recorded(play, *scenario.obstacles())
    assert refused is not None, f"{scenario.name} has overcome its obstacle"
    same(play.view(), start)
    shape, number = scenario.obstacle
    passed = [n for n, step in enumerate(steps, 1) if step == shape][number - 1]
    return Recording(steps, passed, start, end)


def _recorded(play, *obstacles):
    play.subject.arm(*obstacles)
    refused = play.request()
    play.settle()
    steps = tuple(exchange.shape for exchange in play.subject.log)
    play.subject.disarm()
    return refused, steps
