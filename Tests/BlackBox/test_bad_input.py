"""Bad input on every field of every method of the public contract.

Each refusal is a clear status with the standard details; its text holds no full phone number and no
secret; nothing is written here or at the carrier, and nothing is dialled. The cases are made from
the contract's descriptors (bad_input.py): a method or a field that nobody thought of fails.
"""

import re
import types

import grpc
import pytest
from google.protobuf import timestamp_pb2

import bad_input
import contract
import harness
from world import ANSWER_MAX, Refusal, World, refusal, request_id

Code = grpc.StatusCode

# A text that a log may hold: no run of digits as long as a phone number, ids and the numbers that
# the carrier and the numbering plan keep for examples apart.
IDENTIFIER = re.compile(r"[0-9a-f]{32}|\+15005550006|\+14155550100")
DIGITS = re.compile(r"\d{7,}")


@pytest.fixture(scope="module")
def deployment(stubs, tmp_path_factory):
    """One server for all cases, with something of everything in it, and what bad input aims at."""
    folder = tmp_path_factory.mktemp("bad-input")
    sim = harness.CarrierSim(folder).start()
    server = harness.Trunklined(folder / "server", sim).start()
    world = World(stubs, sim, server)
    things = types.SimpleNamespace(world=world, v1=world.v1)
    things.account = world.account()
    things.key = world.key(things.account)
    things.provider = world.provider(things.account, key=things.key)
    things.other_provider = world.provider(world.account())
    # Where a number can be moved to, once somebody asks.
    things.elsewhere = []
    things.agent = world.agent("reception")
    things.softphone = world.softphone("sph_desk")
    held = world.carrier_number(things.account)
    things.number = world.import_number(things.provider, held["phone_number"])
    things.operation = world.operation_of(things.number)
    world.assign(things.number, things.agent)
    things.has_calls = world.has_calls
    if things.has_calls:
        things.to = world.fresh_e164()
        far_end = {"to": things.to, "outcome": "answer", "answer_after_ms": 3_600_000}
        sim.control("POST", "/far-ends", far_end)
        placed = world.place(things.number, things.to)[0].call
        things.call = world.wait_for_state(placed.id, "STATE_RINGING")
    yield things
    world.close()
    server.stop()
    sim.stop()


# A good request of every method; where it is carried out at last it finds something of its own.


def create_provider(things):
    v1, account = things.v1, things.world.account()
    key = things.world.key(account)
    twilio = v1.Provider.Twilio(
        account_sid=account["sid"], api_key_sid=key["sid"], api_key_secret=key["secret"]
    )
    return v1.CreateProviderRequest(provider=v1.Provider(region="REGION_US1", twilio=twilio))


def update_provider(things):
    v1 = things.v1
    return v1.UpdateProviderRequest(
        provider=v1.Provider(id=things.provider.id, display_name="other")
    )


def validate_provider(things):
    v1 = things.v1
    return v1.ValidateProviderRequest(provider=create_provider(things).provider)


def delete_provider(things):
    fresh = things.world.provider(things.world.account())
    return things.v1.DeleteProviderRequest(id=fresh.id)


def sync_provider(things):
    fresh = things.world.provider(things.world.account())
    return things.v1.SyncProviderRequest(id=fresh.id)


def stage_credential(things):
    v1, account = things.v1, things.world.account()
    fresh, key = things.world.provider(account), things.world.key(account)
    twilio = v1.Provider.Twilio(
        api_key_sid=key["sid"], api_key_secret=key["secret"],
        auth_token=account["auth_tokens"]["us1"]["primary"],
    )
    return v1.StageCredentialRequest(id=fresh.id, twilio=twilio)


def staged(things):
    """A provider with something to promote, or to roll back."""
    request = stage_credential(things)
    return things.world.providers.StageCredential(request, timeout=ANSWER_MAX).provider


def fresh_number(things):
    held = things.world.carrier_number(things.account)
    return things.world.import_number(things.provider, held["phone_number"])


def corrupted_number(things):
    """A number whose deletion the carrier refused."""
    number = fresh_number(things)
    things.world.corrupt(number)
    return number


def move_number(things):
    if not things.elsewhere:
        things.elsewhere.append(things.world.provider(things.account, "ie1"))
    return things.v1.MovePhoneNumberRequest(
        id=fresh_number(things).id, provider_id=things.elsewhere[0].id
    )


def cancel_operation(things):
    """Of a move, which waits for ten minutes."""
    moving = things.world.numbers.MovePhoneNumber(move_number(things), timeout=ANSWER_MAX)
    return things.v1.CancelOperationRequest(id=moving.operation.id)


def import_number(things):
    held = things.world.carrier_number(things.account)
    return things.v1.ImportPhoneNumberRequest(
        provider_id=things.provider.id, e164=held["phone_number"]
    )


def batch_import(things):
    request = things.v1.BatchImportPhoneNumbersRequest(
        provider_id=things.provider.id, request_id=request_id())
    request.numbers.add(e164=things.world.carrier_number(things.account)["phone_number"])
    return request


def provision_number(things):
    e164 = things.world.for_sale()
    return things.v1.ProvisionPhoneNumberRequest(
        provider_id=things.provider.id, e164=e164, confirm_purchase=True, request_id=request_id()
    )


def release_number(things):
    number = things.world.bought(things.provider)
    return things.v1.ReleasePhoneNumberRequest(id=number.id, confirm_release=True)


def update_number(things):
    v1 = things.v1
    return v1.UpdatePhoneNumberRequest(
        phone_number=v1.PhoneNumber(id=things.number.id, label="other")
    )


def create_agent(things):
    v1 = things.v1
    stream = v1.AgentConnection.MediaStream(url="wss://agent.example/x")
    agent = v1.Agent(connections=[v1.AgentConnection(media_stream=stream)])
    return v1.CreateAgentRequest(agent=agent)


def update_agent(things):
    v1 = things.v1
    return v1.UpdateAgentRequest(agent=v1.Agent(id=things.agent.id, display_name="other"))


def create_softphone(things):
    v1 = things.v1
    softphone = v1.Softphone(sip=v1.Softphone.Sip(uri="sip:ada@pbx.example"))
    return v1.CreateSoftphoneRequest(softphone=softphone)


def update_softphone(things):
    v1 = things.v1
    softphone = v1.Softphone(id=things.softphone.id, display_name="other")
    return v1.UpdateSoftphoneRequest(softphone=softphone)


def place_calls(things):
    v1 = things.v1
    outbound = [v1.OutboundCall(to_number=things.world.fresh_e164())]
    return v1.PlaceCallsRequest(from_number_id=things.number.id, outbound_calls=outbound)


def create_token(things):
    expire_time = timestamp_pb2.Timestamp(seconds=4_102_444_800)
    return things.v1.CreateTokenRequest(
        display_name="x", scopes=["calls:read"], expire_time=expire_time
    )


def revoke_token(things):
    fresh = things.world.tokens.CreateToken(create_token(things), timeout=ANSWER_MAX)
    harness.secrets.add(fresh.token_text)
    return things.v1.RevokeTokenRequest(id=fresh.token.id)


GOOD = {
    "AuditService.ListAuditEvents": lambda t: t.v1.ListAuditEventsRequest(),
    "TokenService.CreateToken": create_token,
    "TokenService.ListTokens": lambda t: t.v1.ListTokensRequest(),
    "TokenService.RevokeToken": revoke_token,
    "OperationService.GetOperation": lambda t: t.v1.GetOperationRequest(id=t.operation.id),
    "OperationService.ListOperations": lambda t: t.v1.ListOperationsRequest(),
    "OperationService.WaitOperation": lambda t: t.v1.WaitOperationRequest(id=t.operation.id),
    "OperationService.CancelOperation": cancel_operation,
    "AgentService.CreateAgent": create_agent,
    "AgentService.GetAgent": lambda t: t.v1.GetAgentRequest(id=t.agent.id),
    "AgentService.ListAgents": lambda t: t.v1.ListAgentsRequest(),
    "AgentService.UpdateAgent": update_agent,
    "AgentService.DeleteAgent": lambda t: t.v1.DeleteAgentRequest(id=t.world.agent().id),
    "SoftphoneService.CreateSoftphone": create_softphone,
    "SoftphoneService.GetSoftphone": lambda t: t.v1.GetSoftphoneRequest(id=t.softphone.id),
    "SoftphoneService.ListSoftphones": lambda t: t.v1.ListSoftphonesRequest(),
    "SoftphoneService.UpdateSoftphone": update_softphone,
    "SoftphoneService.DeleteSoftphone": lambda t: t.v1.DeleteSoftphoneRequest(
        id=t.world.softphone().id
    ),
    "CallDispatchService.PlaceCalls": place_calls,
    "CallDispatchService.GetCall": lambda t: t.v1.GetCallRequest(id=t.call.id),
    "CallDispatchService.ListCalls": lambda t: t.v1.ListCallsRequest(),
    "CallDispatchService.WatchCalls": lambda t: t.v1.WatchCallsRequest(),
    "CallDispatchService.HangUpCall": lambda t: t.v1.HangUpCallRequest(id=t.call.id),
    "PhoneNumberService.ImportPhoneNumber": import_number,
    "PhoneNumberService.BatchImportPhoneNumbers": batch_import,
    "PhoneNumberService.SearchAvailablePhoneNumbers": (
        lambda t: t.v1.SearchAvailablePhoneNumbersRequest(provider_id=t.provider.id, country="US")
    ),
    "PhoneNumberService.ProvisionPhoneNumber": provision_number,
    "PhoneNumberService.ReleasePhoneNumber": release_number,
    "PhoneNumberService.GetPhoneNumber": lambda t: t.v1.GetPhoneNumberRequest(id=t.number.id),
    "PhoneNumberService.ListPhoneNumbers": lambda t: t.v1.ListPhoneNumbersRequest(),
    "PhoneNumberService.UpdatePhoneNumber": update_number,
    "PhoneNumberService.AssignPhoneNumber": lambda t: t.v1.AssignPhoneNumberRequest(
        id=t.number.id, agent_id=t.agent.id
    ),
    "PhoneNumberService.UnassignPhoneNumber": lambda t: t.v1.UnassignPhoneNumberRequest(
        id=fresh_number(t).id
    ),
    "PhoneNumberService.GetPhoneNumberUsage": lambda t: t.v1.GetPhoneNumberUsageRequest(
        id=t.number.id
    ),
    "PhoneNumberService.DeletePhoneNumber": lambda t: t.v1.DeletePhoneNumberRequest(
        id=fresh_number(t).id
    ),
    "PhoneNumberService.ForceDeletePhoneNumber": lambda t: t.v1.ForceDeletePhoneNumberRequest(
        id=corrupted_number(t).id
    ),
    "PhoneNumberService.RepairPhoneNumber": lambda t: t.v1.RepairPhoneNumberRequest(
        id=t.number.id
    ),
    "PhoneNumberService.MovePhoneNumber": move_number,
    "PhoneNumberService.GetQuota": lambda t: t.v1.GetQuotaRequest(),
    "PhoneNumberService.WatchPhoneNumbers": lambda t: t.v1.WatchPhoneNumbersRequest(),
    "ProviderService.CreateProvider": create_provider,
    "ProviderService.GetProvider": lambda t: t.v1.GetProviderRequest(id=t.provider.id),
    "ProviderService.ListProviders": lambda t: t.v1.ListProvidersRequest(),
    "ProviderService.UpdateProvider": update_provider,
    "ProviderService.DeleteProvider": delete_provider,
    "ProviderService.ValidateProvider": validate_provider,
    "ProviderService.SyncProvider": sync_provider,
    "ProviderService.DiagnoseProvider": lambda t: t.v1.DiagnoseProviderRequest(
        provider_id=t.provider.id, countries=["US"]
    ),
    "ProviderService.StageCredential": stage_credential,
    "ProviderService.PromoteCredential": lambda t: t.v1.PromoteCredentialRequest(id=staged(t).id),
    "ProviderService.RollbackCredential": lambda t: t.v1.RollbackCredentialRequest(
        id=staged(t).id
    ),
    "ProviderService.ListProviderNumbers": lambda t: t.v1.ListProviderNumbersRequest(
        provider_id=t.provider.id
    ),
}


def test_every_method_is_tried():
    assert set(GOOD) == set(contract.methods())


def test_every_field_has_bad_values(stubs):
    """Every field that a request's sender may set: but for flags, which have no bad value."""
    for full_name in contract.methods():
        method = full_name.split(".")[1]
        request = getattr(stubs.v1, f"{method}Request").DESCRIPTOR
        tried = {bad.field for bad in bad_input.bad_values(method, request)}
        for path, field, _ in bad_input.walk(method, request):
            is_plain = not field.message_type or field.message_type.GetOptions().map_entry
            if is_plain and field.type != field.TYPE_BOOL:
                assert path in tried, f"{method}: {path}"


# Running and judging


class Aim:
    """A method of the server with a good request, and a look at everything before and after."""

    def __init__(self, things, full_name):
        service, self.method = full_name.split(".")
        if service == "CallDispatchService" and not things.has_calls:
            pytest.skip("this server has no CallDispatchService yet")
        self.things = things
        self.world = things.world
        stub = {
            "AgentService": self.world.agents,
            "SoftphoneService": self.world.softphones,
            "AuditService": self.world.audit_log,
            "OperationService": self.world.operations,
            "TokenService": self.world.tokens,
            "CallDispatchService": self.world.calls,
            "PhoneNumberService": self.world.numbers,
            "ProviderService": self.world.providers,
        }[service]
        self.call = getattr(stub, self.method)
        self.path = f"/trunkline.v1.{service}/{self.method}"
        self.is_stream = contract.methods()[full_name].server_streaming
        self.good = GOOD[full_name](things)
        self.problems = []
        harness.wait_until(self.is_settled, "works of earlier cases", ANSWER_MAX)
        self.before = self.snapshot()

    def copy(self):
        copy = type(self.good)()
        copy.CopyFrom(self.good)
        return copy

    def is_settled(self):
        """Nothing is being written that no case asks for: what goes on sleeps."""
        v1 = self.things.v1
        running = v1.ListOperationsRequest(state=v1.Operation.STATE_RUNNING, page_size=200)
        found = self.world.operations.ListOperations(running, timeout=ANSWER_MAX).operations
        step = v1.Operation.Step
        return all(
            not operation.cancel_requested and any(
                s.type == step.TYPE_PROPAGATION and s.state == step.STATE_RUNNING
                for s in operation.steps)
            for operation in found)

    def snapshot(self):
        """Everything that is stored, and everything that the carrier was told."""
        world = self.world
        stored = [world.all_providers(), world.all_numbers(), world.all_agents()]
        stored.append(world.all_softphones())
        stored.append([(token.id, token.revoke_time) for token in world.all_tokens()])
        if self.things.has_calls:
            # The one live call may go on; what there is of calls may not.
            stored.append([(call.id, call.to, call.metadata) for call in world.all_calls()])
        return str(stored), world.audit()

    def expect(self, what, request, codes, fields=(), call=None):
        """Sends a request that must be refused with one of `codes`, naming one of `fields`."""
        try:
            refused = self.refused(call or self.call, request)
            complaint = judge(refused, codes, fields) or self.leak(refused)
        except AssertionError as accepted:
            complaint = str(accepted)[:300]
        after = self.snapshot()
        if after != self.before:
            complaint = (complaint or "") + " SOMETHING WAS WRITTEN"
            self.before = after
        if complaint:
            self.problems.append(f"{what}: {complaint}")

    def refused(self, call, request):
        if self.method != "PlaceCalls" or isinstance(request, bytes):
            return refusal(call, request)
        # One bad destination is refused alone, in its result.
        try:
            answer = call(request, timeout=ANSWER_MAX)
        except grpc.RpcError as error:
            return Refusal(error)
        accepted = [result for result in answer.results if not result.HasField("error")]
        assert not accepted, f"it was accepted: {answer}"
        return Refusal.of_status(answer.results[0].error)

    def leak(self, refused):
        secret = self.things.key["secret"]
        for text in refused.texts:
            bare = IDENTIFIER.sub("", text)
            if DIGITS.search(bare) or secret in text or "xxxxxxxx" in text:
                return f"the text holds a number, a secret or the bad value: {text}"
        return None

    def finish(self, accept=True):
        """The good request is accepted: what was refused was refused for the bad field."""
        if accept:
            answer = self.call(self.good, timeout=ANSWER_MAX)
            if self.is_stream:
                next(iter(answer))
                answer.cancel()
            if self.method in ("ProvisionPhoneNumber", "ReleasePhoneNumber"):
                # What goes on would be taken for the next test's.
                self.world.end_of(answer.operation)
        assert not self.problems, f"{len(self.problems)}:\n" + "\n".join(self.problems)


def judge(refused, codes, fields):
    """What is unclear about a refusal, or None."""
    if refused.code not in codes:
        return f"not {[code.name for code in codes]}: {refused}"
    if refused.info.domain != "trunkline.dev":
        return f"no ErrorInfo of trunkline.dev: {refused}"
    if not re.fullmatch(r"[A-Z][A-Z0-9_]{2,62}", refused.reason):
        return f"no reason for programs: {refused}"
    if len(refused.message) < 20 or " " not in refused.message:
        return f"no sentence for people: {refused}"
    if refused.code == Code.INVALID_ARGUMENT:
        named = {
            re.sub(r"\[\d+\]", "", field).removesuffix(".paths") for field in refused.fields}
        if not set(fields) & named:
            return f"does not name {list(fields)}: {refused}"
        if not any(field.rsplit(".", 1)[-1] in refused.message for field in named):
            return f"the text names no field: {refused}"
        if any(len(violation.description) < 15 for violation in refused.violations):
            return f"no description: {refused}"
    return None


def expected(bad):
    """The statuses that fit a bad value."""
    if bad.field.endswith("etag"):
        return (Code.ABORTED,) if bad.what == "stale" else (Code.ABORTED, Code.INVALID_ARGUMENT)
    if bad.field == "outbound_calls.to_number" and bad.what == "emergency":
        return (Code.PERMISSION_DENIED, Code.INVALID_ARGUMENT)
    return (Code.INVALID_ARGUMENT,)


# The provider that is updated is Twilio's: that it is none of these is told before what is in them.
OTHER_TYPES = ("provider.sip_trunk.", "provider.livekit.")


@pytest.mark.parametrize("full_name", GOOD)
def test_bad_values(deployment, full_name):
    """A bad value in each field, the rest of the request being good."""
    aim = Aim(deployment, full_name)
    for bad in bad_input.bad_values(aim.method, aim.good.DESCRIPTOR):
        request = aim.copy()
        bad.put(request)
        fields = [bad.field]
        if aim.method == "UpdateProvider" and bad.field.startswith(OTHER_TYPES):
            fields.append("provider.config")
        aim.expect(f"{bad.field}, {bad.what}", request, expected(bad), fields)
    aim.finish()


@pytest.mark.parametrize("full_name", GOOD)
def test_not_utf8(deployment, full_name):
    """Each text in turn is no UTF-8. Decoding does not say which: the violation names no field."""
    aim = Aim(deployment, full_name)
    for bad in bad_input.undecodable(aim.method, aim.good.DESCRIPTOR):
        request = aim.copy()
        bad.put(request)
        raw = bad_input.not_utf8(request)
        assert raw != request.SerializeToString()
        what = f"{bad.field}, {bad.what}"
        aim.expect(what, raw, (Code.INVALID_ARGUMENT,), [""], raw_call(aim))
    aim.finish(accept=False)


def raw_call(aim):
    """The method, taking bytes."""
    channel = aim.world._channels[0 if aim.world.calls is not aim.call else -1]
    make = channel.unary_stream if aim.is_stream else channel.unary_unary
    return make(aim.path, request_serializer=bytes, response_deserializer=bytes)


# Bytes that are no request of any method: what, and the bytes.
GARBAGE = {
    "a length beyond the end": b"\x0a\x7f",
    "a tag cut off": b"\xff",
    "field number zero": b"\x02\x00",
    "a wire type that does not exist": b"\x0f",
    "a number where a text belongs": b"\x08\x96\x01\x12\x02ab",
    "an endless number": b"\x08" + b"\xff" * 11,
}


@pytest.mark.parametrize("full_name", GOOD)
def test_garbage(deployment, full_name):
    """Bytes that are no protobuf at all, or another message's."""
    aim = Aim(deployment, full_name)
    call = raw_call(aim)
    for what, raw in GARBAGE.items():
        try:
            refused = refusal(call, raw)
        except AssertionError as accepted:
            # An unknown field is skipped, as a newer client's would be.
            if "belongs" not in what:
                aim.problems.append(f"{what}: {accepted}")
            continue
        if refused.code != Code.INVALID_ARGUMENT or refused.info.domain != "trunkline.dev":
            aim.problems.append(f"{what}: {refused}")
    if aim.snapshot() != aim.before:
        aim.problems.append("something was written")
    aim.finish(accept=False)


@pytest.mark.parametrize("full_name", GOOD)
def test_required_fields(deployment, full_name):
    """Without each field that the contract calls required, and with an empty request."""
    aim = Aim(deployment, full_name)
    missing = list(required_paths(aim.method, aim.good.DESCRIPTOR))
    for path, parents, name in missing:
        request = aim.copy()
        holder = bad_input.holder_of(request, parents)
        oneof = holder.DESCRIPTOR.oneofs_by_name.get(name)
        members = [field.name for field in oneof.fields] if oneof else [name]
        for member in members:
            holder.ClearField(member)
        before = path.rpartition(".")[0]
        fields = [path] + [f"{before}.{member}".strip(".") for member in members]
        aim.expect(f"without {path}", request, (Code.INVALID_ARGUMENT,), fields)
    if missing:
        roots = {path.split(".")[0] for path, _, _ in missing} - {"assignee"}
        aim.expect("empty", type(aim.good)(), (Code.INVALID_ARGUMENT,), roots)
    aim.finish(accept=False)


def required_paths(method, message, path="", parents=()):
    """(path, parents, name) of what a request must have, as the contract's comments say."""
    if method.startswith("Update") and not parents:
        # Of a resource an update needs no more than its name.
        resource = next(field for field in message.fields if field.name != "update_mask")
        yield resource.name, (), resource.name
        yield f"{resource.name}.id", (resource,), "id"
        return
    if method == "CreateToken":
        yield "scopes", (), "scopes"
    elif method.startswith("Create") and not parents:
        yield message.fields[0].name, (), message.fields[0].name
    if message.full_name == "trunkline.v1.Agent":
        yield f"{path}connections", parents, "connections"
    if message.full_name == "trunkline.v1.PlaceCallsRequest":
        yield "outbound_calls", (), "outbound_calls"
    names = [field.name for field in message.fields] + list(message.oneofs_by_name)
    for name in names:
        if method == "StageCredential" and f"{path}{name}" == "twilio.account_sid":
            # It can be no other than the provider's.
            continue
        if (message.full_name, name) in contract.required():
            yield f"{path}{name}", parents, name
    for field in message.fields:
        inner = field.message_type
        if inner and inner.full_name.startswith("trunkline.") and not is_chosen_later(field):
            yield from required_paths(
                method, inner, f"{path}{field.name}.", parents + (field,)
            )


def is_chosen_later(field):
    """SIP is a choice of several; output-only messages are nobody's to send."""
    return field.name in ("sip", "conditions", "former", "leftovers")


UNKNOWN_HEX = "0199f3a07c1e7d5ab0c7d42a91e0f6b3"
UNKNOWN = {
    "provider_id": ("prv_" + UNKNOWN_HEX, "PROVIDER_NOT_FOUND"),
    "provider.id": ("prv_" + UNKNOWN_HEX, "PROVIDER_NOT_FOUND"),
    "from_number_id": ("pn_" + UNKNOWN_HEX, "PHONE_NUMBER_NOT_FOUND"),
    "phone_number.id": ("pn_" + UNKNOWN_HEX, "PHONE_NUMBER_NOT_FOUND"),
    "agent_id": ("nobody", "AGENT_NOT_FOUND"),
    "agent.id": ("nobody", "AGENT_NOT_FOUND"),
    "softphone_id": ("sph_nobody", "SOFTPHONE_NOT_FOUND"),
    "softphone.id": ("sph_nobody", "SOFTPHONE_NOT_FOUND"),
}
UNKNOWN_ID = {
    "ProviderService": ("prv_" + UNKNOWN_HEX, "PROVIDER_NOT_FOUND"),
    "PhoneNumberService": ("pn_" + UNKNOWN_HEX, "PHONE_NUMBER_NOT_FOUND"),
    "AgentService": ("nobody", "AGENT_NOT_FOUND"),
    "SoftphoneService": ("sph_nobody", "SOFTPHONE_NOT_FOUND"),
    "CallDispatchService": ("call_us1_" + UNKNOWN_HEX, "CALL_NOT_FOUND"),
    "TokenService": ("tok_" + UNKNOWN_HEX, "TOKEN_NOT_FOUND"),
    "OperationService": ("op_" + UNKNOWN_HEX, "OPERATION_NOT_FOUND"),
}


@pytest.mark.parametrize("full_name", GOOD)
def test_unknown_ids(deployment, full_name):
    """Well formed ids of things that are not there: NOT_FOUND, or an empty list."""
    service, method = full_name.split(".")
    aim = Aim(deployment, full_name)
    is_filter = method in (
        "ListPhoneNumbers", "ListCalls", "ListOperations", "WatchCalls"
    )
    for path, field, parents in bad_input.walk(method, aim.good.DESCRIPTOR):
        known = UNKNOWN_ID[service] if path == "id" else UNKNOWN.get(path)
        if known is None or is_filter or method in ("CreateAgent", "CreateSoftphone"):
            continue
        value, reason = known
        request = aim.copy()
        bad_input.setter(parents, field, value)(request)
        aim.expect(f"unknown {path}", request, (Code.NOT_FOUND,))
        refused = refusal(aim.call, request)
        if refused.reason != reason:
            aim.problems.append(f"unknown {path}: {refused}")
        if value not in refused.message:
            aim.problems.append(f"unknown {path}: the text does not say which: {refused}")
    aim.finish(accept=False)


# Single cases: what, the method, what makes the good request bad, the status, the reason, the field.


def put(path, value):
    """Sets a field by its path; an index of a list is a number."""

    def change(request, things):
        message = request
        *parents, last = path.split(".")
        for part in parents:
            message = message[int(part)] if part.isdigit() else getattr(message, part)
        given = value(things) if callable(value) else value
        if isinstance(given, (list, tuple)):
            del getattr(message, last)[:]
            getattr(message, last).extend(given)
        else:
            setattr(message, last, given)

    return change


def both(*changes):
    def change(request, things):
        for each in changes:
            each(request, things)

    return change


def page_token_of_agents(things):
    things.world.agent()
    request = things.v1.ListAgentsRequest(page_size=1)
    return things.world.agents.ListAgents(request, timeout=ANSWER_MAX).next_page_token


def page_token_of_us1(things):
    request = things.v1.ListProvidersRequest(page_size=1, region="REGION_US1")
    return things.world.providers.ListProviders(request, timeout=ANSWER_MAX).next_page_token


def twin(request, things):
    """The same account in the same region again."""
    twilio = request.provider.twilio
    twilio.account_sid = things.account["sid"]
    twilio.api_key_sid, twilio.api_key_secret = things.key["sid"], things.key["secret"]


def key_of(make):
    """Another key, as the carrier has it."""

    def change(request, things):
        key = make(things)
        twilio = request.provider.twilio
        twilio.api_key_sid, twilio.api_key_secret = key["sid"], key["secret"]

    return change


def own_key(**members):
    """Another key of the very account that is to be linked."""

    def change(request, things):
        account = {"sid": request.provider.twilio.account_sid}
        key_of(lambda things: things.world.key(account, **members))(request, things)

    return change


def suspended(request, things):
    account = things.world.account(status="suspended")
    request.provider.twilio.account_sid = account["sid"]
    key_of(lambda things: things.world.key(account))(request, things)


def connections(count):
    def change(request, things):
        first = request.agent.connections[0]
        for _ in range(count - 1):
            request.agent.connections.add().CopyFrom(first)

    return change


def destinations(*values):
    def change(request, things):
        del request.outbound_calls[:]
        for value in values:
            given = value(things) if callable(value) else value
            request.outbound_calls.add(to_number=given)

    return change


def a_number_elsewhere(things):
    return things.world.fresh_e164()


CREATE, UPDATE = "ProviderService.CreateProvider", "ProviderService.UpdateProvider"
IMPORT = "PhoneNumberService.ImportPhoneNumber"
PLACE = "CallDispatchService.PlaceCalls"
BAD, UNMET = Code.INVALID_ARGUMENT, Code.FAILED_PRECONDITION
CASES = [
    ("an account twice in a region", CREATE, twin, Code.ALREADY_EXISTS, "PROVIDER_EXISTS", None),
    ("a wrong secret", CREATE, put("provider.twilio.api_key_secret", "wrong"), UNMET,
     "CARRIER_REFUSED_CREDENTIALS", None),
    ("a key of another region", CREATE, put("provider.region", 2), UNMET,
     "CARRIER_CREDENTIALS_OF_OTHER_REGION", None),
    ("another account's key", CREATE, key_of(lambda t: t.world.key(t.world.account())), UNMET,
     "ACCOUNT_MISMATCH", None),
    ("a test key", CREATE, own_key(kind="test"), UNMET, "CARRIER_TEST_CREDENTIALS", None),
    ("a restricted key", CREATE, own_key(kind="restricted", permissions=[]), UNMET,
     "CARRIER_KEY_RESTRICTED", None),
    ("a suspended account", CREATE, suspended, UNMET, "CARRIER_ACCOUNT_INACTIVE", None),
    ("a key without its secret", CREATE,
     lambda request, _: request.provider.twilio.ClearField("api_key_secret"), BAD,
     "INVALID_ARGUMENT", "provider.twilio.api_key_secret"),
    ("a secret without its key", CREATE, put("provider.twilio.api_key_sid", ""), BAD,
     "INVALID_ARGUMENT", "provider.twilio.api_key_sid"),
    ("no credentials", CREATE,
     both(put("provider.twilio.api_key_sid", ""), put("provider.twilio.api_key_secret", "")),
     BAD, "INVALID_ARGUMENT", "provider.twilio"),
    ("another region", UPDATE, put("provider.region", 3), BAD, "INVALID_ARGUMENT",
     "provider.region"),
    ("another account", UPDATE, put("provider.twilio.account_sid", "AC" + "0" * 32), BAD,
     "INVALID_ARGUMENT", "provider.twilio.account_sid"),
    ("a new key without its secret", UPDATE,
     put("provider.twilio.api_key_sid", "SK" + "0" * 32), BAD, "INVALID_ARGUMENT",
     "provider.twilio.api_key_secret"),
    ("nothing to authenticate with", UPDATE, put("provider.twilio.api_key_secret", ""), BAD,
     "INVALID_ARGUMENT", "provider.twilio"),
    ("numbers left", "ProviderService.DeleteProvider", put("id", lambda t: t.provider.id), UNMET,
     "PROVIDER_IN_USE", None),
    ("a token of another list", "ProviderService.ListProviders",
     put("page_token", page_token_of_agents), BAD, "INVALID_ARGUMENT", "page_token"),
    ("a token of other filters", "ProviderService.ListProviders",
     put("page_token", page_token_of_us1), BAD, "INVALID_ARGUMENT", "page_token"),
    ("a number that the account lacks", IMPORT, put("e164", a_number_elsewhere), UNMET,
     "NUMBER_NOT_AT_CARRIER", None),
    ("another account's number", IMPORT, put("provider_id", lambda t: t.other_provider.id), UNMET,
     "NUMBER_NOT_AT_CARRIER", None),
    ("a number twice", IMPORT, put("e164", lambda t: t.number.e164), Code.ALREADY_EXISTS,
     "PHONE_NUMBER_EXISTS", None),
    ("neither direction", IMPORT,
     both(put("supports_inbound", False), put("supports_outbound", False)), BAD, "INVALID_ARGUMENT",
     "supports_inbound"),
    ("still assigned", "PhoneNumberService.DeletePhoneNumber", put("id", lambda t: t.number.id),
     UNMET, "PHONE_NUMBER_ASSIGNED", None),
    ("numbers assigned", "AgentService.DeleteAgent", put("id", lambda t: t.agent.id), UNMET,
     "AGENT_IN_USE", None),
    ("an id that is taken", "AgentService.CreateAgent", put("agent.id", lambda t: t.agent.id),
     Code.ALREADY_EXISTS, "AGENT_EXISTS", None),
    ("too many connections", "AgentService.CreateAgent", connections(50), BAD, "INVALID_ARGUMENT",
     "agent.connections"),
    ("too many destinations", PLACE, destinations(*["+14155550100"] * 101), BAD,
     "INVALID_ARGUMENT", "outbound_calls"),
    ("itself", PLACE, destinations(lambda t: t.number.e164), BAD, "INVALID_ARGUMENT",
     "outbound_calls.to_number"),
    ("a number of no possible length", PLACE, destinations("+1415"), BAD, "INVALID_ARGUMENT",
     "outbound_calls.to_number"),
    ("no number", PLACE, destinations("nobody"), BAD, "INVALID_ARGUMENT", "outbound_calls.to_number"),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[1].split('.')[1]}: {case[0]}")
def test_single_cases(deployment, case):
    what, full_name, change, code, reason, field = case
    aim = Aim(deployment, full_name)
    request = aim.copy()
    change(request, deployment)
    aim.before = aim.snapshot()
    aim.expect(what, request, (code,), [field])
    if not aim.problems:
        refused = aim.refused(aim.call, request)
        assert refused.reason == reason, refused
    aim.finish(accept=False)


def test_request_id_with_another_request(deployment):
    """The same request id with another body is refused, and the first one's answer stands."""
    aim = Aim(deployment, "AgentService.CreateAgent")
    first = aim.copy()
    first.request_id = "once"
    made = aim.call(first, timeout=ANSWER_MAX)
    assert aim.call(first, timeout=ANSWER_MAX) == made
    aim.before = aim.snapshot()
    first.agent.display_name = "another"
    aim.expect("another body", first, (Code.INVALID_ARGUMENT,), ["request_id"])
    aim.finish(accept=False)


def test_repeated_destination(deployment):
    """Of a destination that is named twice only the first is dialled."""
    aim = Aim(deployment, PLACE)
    to = aim.good.outbound_calls[0].to_number
    aim.good.outbound_calls.add(to_number=to)
    results = aim.call(aim.good, timeout=ANSWER_MAX).results
    assert [result.WhichOneof("result") for result in results] == ["call", "error"]
    assert Refusal.of_status(results[1].error).reason == "INVALID_ARGUMENT"
    harness.wait_until(lambda: aim.world.posts_received(to) == 1, "the one dial")


def test_output_only_fields_are_ignored(deployment):
    """What only answers fill is never taken from a request."""
    v1, world = deployment.v1, deployment.world
    request = create_agent(deployment)
    request.agent.phone_number_ids.append(deployment.number.id)
    request.agent.phone_number_count = 7
    request.agent.etag = "mine"
    request.agent.create_time.seconds = 1
    request.agent.update_time.seconds = 1
    agent = world.agents.CreateAgent(request, timeout=ANSWER_MAX).agent
    assert list(agent.phone_number_ids) == [] and agent.phone_number_count == 0
    assert agent.etag != "mine" and agent.create_time.seconds > 1_000_000_000

    request = create_provider(deployment)
    provider = request.provider
    provider.id, provider.etag, provider.state = "prv_" + "0" * 32, "mine", 1
    provider.conditions.add(type="Mine")
    provider.create_time.seconds = 1
    provider.twilio.has_auth_token = True
    made = world.providers.CreateProvider(request, timeout=ANSWER_MAX).provider
    assert made.id != provider.id and made.etag != "mine"
    assert "Mine" not in [condition.type for condition in made.conditions]
    assert not made.twilio.has_auth_token and made.create_time.seconds > 1_000_000_000
    assert made.twilio.api_key_secret == "" and made.twilio.auth_token == ""

    number = fresh_number(deployment)
    update = v1.UpdatePhoneNumberRequest(
        phone_number=v1.PhoneNumber(
            id=number.id, e164="+14155550111", provider_id=deployment.other_provider.id,
            region="REGION_AU1", carrier_sid="PN" + "0" * 32, agent_id=deployment.agent.id,
            state="STATE_CORRUPTED", label="new",
        )
    )
    updated = world.numbers.UpdatePhoneNumber(update, timeout=ANSWER_MAX).phone_number
    assert updated.label == "new"
    for field in ("e164", "provider_id", "region", "carrier_sid", "agent_id", "state"):
        assert getattr(updated, field) == getattr(number, field), field
