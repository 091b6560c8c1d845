"""A deployment under test as its users and its carrier see it: our server, carrier-sim, clients.

Everything goes through interfaces that others have too: gRPC with grpcio's stubs, HTTP to the
simulator's control API.
"""

import contextlib
import itertools
import re
import uuid

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status

import harness
from harness import wait_until

# How long one request or one change at the other side may take. Two busy CPUs are slow.
ANSWER_MAX = 30
TERMINAL = ("STATE_COMPLETED", "STATE_BUSY", "STATE_NO_ANSWER", "STATE_FAILED", "STATE_CANCELED")


class Refusal:
    """A gRPC error with its rich details taken apart."""

    def __init__(self, error):
        status = rpc_status.from_call(error)
        details = status.details if status else ()
        self._take_apart(error.code(), error.details() or "", details)

    @classmethod
    def of_status(cls, status):
        """A google.rpc.Status in an answer, as the refusal of one destination."""
        code = next(code for code in grpc.StatusCode if code.value[0] == status.code)
        refused = cls.__new__(cls)
        refused._take_apart(code, status.message, status.details)
        return refused

    def _take_apart(self, code, message, details):
        self.code, self.message = code, message
        self.info, self.retry = error_details_pb2.ErrorInfo(), None
        self.violations, self.preconditions = [], []
        for detail in details:
            bad, unmet = error_details_pb2.BadRequest(), error_details_pb2.PreconditionFailure()
            retry = error_details_pb2.RetryInfo()
            if detail.Unpack(bad):
                self.violations = list(bad.field_violations)
            elif detail.Unpack(unmet):
                self.preconditions = list(unmet.violations)
            elif detail.Unpack(retry):
                self.retry = retry
            else:
                detail.Unpack(self.info)

    @property
    def reason(self):
        return self.info.reason

    @property
    def fields(self):
        """The paths of the bad fields, without the indexes of lists."""
        return [re.sub(r"\[[^\]]*\]", "", violation.field) for violation in self.violations]

    @property
    def texts(self):
        """What a log may come to hold: the message and each violation's description."""
        described = [violation.description for violation in self.violations]
        return [self.message, *described]

    def __str__(self):
        return f"{self.code.name} {self.reason} {self.fields}: {self.message}"


def refusal(call, request, timeout=ANSWER_MAX):
    """The refusal that a request gets; fails when it is accepted."""
    try:
        answer = call(request, timeout=timeout)
        if hasattr(answer, "cancel") and not hasattr(answer, "DESCRIPTOR"):
            first = next(iter(answer))
            answer.cancel()
            answer = first
    except grpc.RpcError as error:
        return Refusal(error)
    raise AssertionError(f"it was accepted: {type(answer).__name__} {{ {answer} }}")


def request_id():
    return str(uuid.uuid4())


class World:
    """`trunklined` at `server`, with `sim` as its carrier.

    With a dispatch of its own, `dispatch` is that process; else `server` has both roles.
    """

    _serial = itertools.count(1)

    def __init__(self, stubs, sim, server, dispatch=None):
        self.v1 = stubs.v1
        self.sim = sim
        self.server = server
        self.dispatch = dispatch or server
        self._channels = []
        self.connect()

    def connect(self):
        """Opens channels anew, as after a restart of a server."""
        self.close()
        registry = self._channel(self.server)
        self.providers = self.v1.ProviderServiceStub(registry)
        self.numbers = self.v1.PhoneNumberServiceStub(registry)
        self.agents = self.v1.AgentServiceStub(registry)
        self.softphones = self.v1.SoftphoneServiceStub(registry)
        self.tokens = self.v1.TokenServiceStub(registry)
        self.audit_log = self.v1.AuditServiceStub(registry)
        self.operations = self.v1.OperationServiceStub(registry)
        calls = registry if self.dispatch is self.server else self._channel(self.dispatch)
        self.calls = self.v1.CallDispatchServiceStub(calls)

    def _channel(self, process):
        # A server that was killed is found again at once.
        channel = process.channel(
            **{"grpc.initial_reconnect_backoff_ms": 50, "grpc.max_reconnect_backoff_ms": 200}
        )
        self._channels.append(channel)
        return channel

    def close(self):
        for channel in self._channels:
            channel.close()
        self._channels = []

    # The carrier's side

    def account(self, **members):
        """An account at the carrier: its JSON, with the tokens of every region."""
        account = self.sim.control("POST", "/accounts", members)
        for tokens in account["auth_tokens"].values():
            harness.secrets.update(token for token in tokens.values() if token)
        return account

    def key(self, account, region="us1", **members):
        """An API key at the carrier, with its secret."""
        body = {"account_sid": account["sid"], "region": region, "kind": "main", **members}
        key = self.sim.control("POST", "/keys", body)
        harness.secrets.add(key["secret"])
        return key

    def fresh_e164(self):
        """A number that nobody had before."""
        return f"+1415{2000000 + next(self._serial):07d}"

    def carrier_number(self, account, e164=None, **members):
        """A number in the account at the carrier."""
        body = {
            "account_sid": account["sid"],
            "phone_number": e164 or self.fresh_e164(),
            **members,
        }
        return self.sim.control("POST", "/numbers", body)

    def audit(self):
        """What the carrier holds of ours: everything that names one of our webhook addresses."""
        audit = self.sim.control("GET", f"/audit?prefix=http://{self.dispatch.webhook_address}")
        for entry in audit["configurations"]:
            harness.secrets.add(entry["value"].split("/")[-2])
        return audit

    def carrier_calls(self, **query):
        """Calls at the carrier, newest first."""
        text = "&".join(f"{name}={value}".replace("+", "%2B") for name, value in query.items())
        answer = self.sim.control("GET", "/calls" + (f"?{text}" if text else ""))
        return answer["calls"] if isinstance(answer, dict) else answer

    def posts_received(self, to):
        """How often POST Calls came for a destination."""
        return self.audit()["posts_received"].get(to, 0)

    def call_in(self, e164, caller="+14155550199", **members):
        """Somebody calls a number: the call as the carrier sees it when it has come to rest."""
        body = {"from": caller, "to": e164, **members}
        return self.sim.control("POST", "/inbound-calls", body, timeout=60)

    def fault(self, kind, to, **members):
        """Lets the carrier's next POST Calls for a destination go wrong."""
        body = {"kind": kind, "method": "POST", "path": "*/Calls.json", "to": to, **members}
        return self.sim.control("POST", "/faults", body)

    def far_end(self, to, **members):
        """What somebody does who is called at `to`: by default answers and hangs up soon."""
        quick = {"ring_after_ms": 10, "answer_after_ms": 10, "hang_up_after_ms": 50}
        self.sim.control("POST", "/far-ends", {"to": to, "outcome": "answer", **quick, **members})

    def fresh_far_end(self, **members):
        to = self.fresh_e164()
        self.far_end(to, **members)
        return to

    def at_carrier(self, sid):
        """A number as the carrier has it: its settings in each region, and its route."""
        found = self.sim.control("GET", "/state")["numbers"]
        return next(number for number in found if number["sid"] == sid)

    # Our side

    def number_of(self, region="us1", account=None, assigned=True, **members):
        """A number of a new provider, imported and, unless told otherwise, given to an agent."""
        account = account or self.account()
        held = self.carrier_number(account, **members)
        number = self.import_number(self.provider(account, region), held["phone_number"])
        if assigned:
            return self.assign(number, self.agent())
        # An import answers before its end when the carrier is slow.
        active = self.v1.PhoneNumber.STATE_ACTIVE
        return harness.wait_until(
            lambda: (found := self.number(number.id)).state == active and found, "an active number")

    def provider(self, account, region="us1", key=None, token=None, **members):
        """Links an account in a region with a main key, or with the token alone."""
        v1 = self.v1
        twilio = v1.Provider.Twilio(account_sid=account["sid"])
        if token is None or key is not None:
            key = key or self.key(account, region)
            twilio.api_key_sid, twilio.api_key_secret = key["sid"], key["secret"]
        if token is not None:
            twilio.auth_token = token
        provider = v1.Provider(
            region=v1.Region.Value(f"REGION_{region.upper()}"), twilio=twilio, **members
        )
        request = v1.CreateProviderRequest(provider=provider, request_id=request_id())
        return self.providers.CreateProvider(request, timeout=ANSWER_MAX).provider

    def gateway(self, region="us1", url=None, know=None):
        """Links the simulator's LiveKit server, with a key of its own."""
        key = self.sim.control("POST", "/livekit/keys", {})
        harness.secrets.add(key["secret"])
        if know is not None:
            know("livekit key", key["key"])
        provider = self.v1.Provider(
            region=self.v1.Region.Value(f"REGION_{region.upper()}"),
            livekit=self.v1.Provider.LiveKit(
                url=url or self.sim.url("livekit"), api_key=key["key"], api_secret=key["secret"]))
        request = self.v1.CreateProviderRequest(provider=provider, request_id=request_id())
        return self.providers.CreateProvider(request, timeout=ANSWER_MAX).provider

    def import_by_trunk(self, provider, gateway, e164, **members):
        """Imports a number by trunk; what its trunks authenticate with is in no log."""
        number = self.import_number(
            provider, e164, ingress=self.v1.PhoneNumber.INGRESS_TRUNK,
            gateway_provider_id=gateway.id, **members)
        for trunk in self.sim.control("GET", "/inventory")["livekit"]["outbound_trunks"]:
            harness.secrets.add(trunk.get("authPassword") or trunk["auth_password"])
        return number

    def operation_of(self, number):
        """The newest operation on a number."""
        request = self.v1.ListOperationsRequest(phone_number_id=number.id, page_size=1)
        return self.operations.ListOperations(request, timeout=10).operations[0]

    def import_number(self, provider, e164, **members):
        request = self.v1.ImportPhoneNumberRequest(
            provider_id=provider.id, e164=e164, request_id=request_id(), **members
        )
        return self.numbers.ImportPhoneNumber(request, timeout=ANSWER_MAX).phone_number

    def for_sale(self, **members):
        """A number that the carrier sells."""
        e164 = self.fresh_e164()
        self.sim.control("POST", "/stock", {"phone_number": e164, "country": "US", **members})
        return e164

    def provision(self, provider, e164, **members):
        """Begins to buy a number, and gives the answer."""
        request = self.v1.ProvisionPhoneNumberRequest(
            provider_id=provider.id, e164=e164,
            **{"request_id": request_id(), "confirm_purchase": True, **members})
        return self.numbers.ProvisionPhoneNumber(request, timeout=ANSWER_MAX)

    def bought(self, provider, **members):
        """A number that was bought, active."""
        begun = self.provision(provider, self.for_sale(), **members)
        assert self.end_of(begun.operation).state == self.v1.Operation.STATE_SUCCEEDED
        return self.number(begun.phone_number.id)

    def end_of(self, operation, seconds=ANSWER_MAX):
        """An operation that is over."""
        request = self.v1.WaitOperationRequest(id=operation.id)
        return self.operations.WaitOperation(request, timeout=seconds).operation

    def agent(self, id="", url="wss://agent.example/stream", **members):
        """An agent that is reached by a media stream."""
        connection = self.v1.AgentConnection(
            media_stream=self.v1.AgentConnection.MediaStream(url=url)
        )
        return self.agent_with([connection], id=id, **members)

    def agent_with(self, connections, **members):
        agent = self.v1.Agent(connections=connections, **members)
        request = self.v1.CreateAgentRequest(agent=agent, request_id=request_id())
        return self.agents.CreateAgent(request, timeout=ANSWER_MAX).agent

    def softphone(self, id="", uri="sip:ada@pbx.example", username="", password=None, **members):
        """A telephone that is reached by SIP."""
        sip = self.v1.Softphone.Sip(uri=uri, username=username, password=password)
        softphone = self.v1.Softphone(id=id, sip=sip, **members)
        request = self.v1.CreateSoftphoneRequest(softphone=softphone, request_id=request_id())
        return self.softphones.CreateSoftphone(request, timeout=ANSWER_MAX).softphone

    def assign(self, number, assignee):
        """Gives a number to an agent or a softphone."""
        request = self.v1.AssignPhoneNumberRequest(id=number.id)
        if isinstance(assignee, self.v1.Softphone):
            request.softphone_id = assignee.id
        else:
            request.agent_id = assignee.id
        return self.numbers.AssignPhoneNumber(request, timeout=ANSWER_MAX).phone_number

    def unassign(self, number):
        request = self.v1.UnassignPhoneNumberRequest(id=number.id)
        return self.numbers.UnassignPhoneNumber(request, timeout=ANSWER_MAX).phone_number

    def number(self, id):
        request = self.v1.GetPhoneNumberRequest(id=id)
        return self.numbers.GetPhoneNumber(request, timeout=ANSWER_MAX).phone_number

    def corrupt(self, number):
        """Deletes a number whose settings the carrier refuses to put back."""
        self.sim.control("POST", "/faults", {
            "kind": "status", "method": "POST", "status": 403, "code": 20006, "count": 0,
            "path": f"*/IncomingPhoneNumbers/{number.carrier_sid}.json"})
        left = self.delete_number(number)
        self.sim.control("DELETE", "/faults")
        assert left.state == self.v1.PhoneNumber.STATE_CORRUPTED and left.leftovers
        return left

    def delete_number(self, number):
        request = self.v1.DeletePhoneNumberRequest(id=number.id)
        return self.numbers.DeletePhoneNumber(request, timeout=ANSWER_MAX).phone_number

    def place(self, number, *destinations, timeout=ANSWER_MAX, **members):
        """Places calls, and gives the results."""
        request = self.v1.PlaceCallsRequest(
            from_number_id=number.id,
            outbound_calls=[self.v1.OutboundCall(to_number=to) for to in destinations],
            **{"request_id": request_id(), **members},
        )
        return self.calls.PlaceCalls(request, timeout=timeout).results

    def call(self, id):
        return self.calls.GetCall(self.v1.GetCallRequest(id=id), timeout=ANSWER_MAX).call

    def state_of(self, call):
        """The name of a call's state."""
        return self.v1.Call.State.Name(call.state)

    def wait_for_state(self, id, *names, seconds=ANSWER_MAX):
        """The call once it is in one of the states."""

        def ready():
            call = self.call(id)
            return call if self.state_of(call) in names else None

        return wait_until(ready, f"call {id} in {names}", seconds)

    def wait_for_end(self, id, seconds=ANSWER_MAX):
        return self.wait_for_state(id, *TERMINAL, seconds=seconds)

    def inbound_call(self, carrier_call, seconds=ANSWER_MAX):
        """Our record of a call that the carrier announced."""
        sid = carrier_call["sid"]
        return wait_until(
            lambda: next((c for c in self.all_calls() if c.carrier_call_id == sid), None),
            f"the record of {sid}",
            seconds,
        )

    # Everything that is stored

    def all_providers(self):
        return self._all(self.providers.ListProviders, self.v1.ListProvidersRequest, "providers")

    def all_numbers(self):
        listed = self.numbers.ListPhoneNumbers
        return self._all(listed, self.v1.ListPhoneNumbersRequest, "phone_numbers")

    def all_agents(self):
        return self._all(self.agents.ListAgents, self.v1.ListAgentsRequest, "agents")

    def all_softphones(self):
        listed = self.softphones.ListSoftphones
        return self._all(listed, self.v1.ListSoftphonesRequest, "softphones")

    def all_tokens(self):
        return self._all(self.tokens.ListTokens, self.v1.ListTokensRequest, "tokens")

    def all_calls(self):
        return self._all(self.calls.ListCalls, self.v1.ListCallsRequest, "calls")

    @staticmethod
    def _all(method, request_type, field):
        found, token = [], ""
        while True:
            request = request_type(page_size=200, page_token=token)
            answer = method(request, timeout=ANSWER_MAX)
            found += getattr(answer, field)
            token = answer.next_page_token
            if not token:
                return found

    @property
    def has_calls(self):
        """Whether the server serves CallDispatchService."""
        try:
            self.calls.ListCalls(self.v1.ListCallsRequest(page_size=1), timeout=ANSWER_MAX)
        except grpc.RpcError as error:
            if error.code() == grpc.StatusCode.UNIMPLEMENTED:
                return False
            raise
        return True


@contextlib.contextmanager
def deployment(stubs, folder, **options):
    """A carrier-sim, a trunklined with both roles and an empty data folder, and their World."""
    sim = harness.CarrierSim(folder).start()
    server = harness.Trunklined(folder / "server", sim, **options)
    try:
        world = World(stubs, sim, server.start())
        yield world
        world.close()
    finally:
        server.stop()
        sim.stop()
