"""Who may call what, over every method of the contract: the cases come from its descriptors.

Each refusal is asked for with a body that can't be decoded, so that it is seen to come before the
body is looked at; the same body with a good token shows that it would have been.
"""

import base64
import os
import struct
import zlib

import grpc
import pytest
from google.protobuf.descriptor import FieldDescriptor

import contract
import harness
from world import Refusal, deployment, refusal, request_id

# Not decodable as any message: a length that never comes.
INVALID_BODY = b"\x0a\xff"
METHODS = sorted(contract.methods())
SCOPES = (
    "providers:read providers:write numbers:read numbers:write agents:read agents:write "
    "calls:read calls:place calls:control admin"
).split()


def bearer(token):
    return (("authorization", f"Bearer {token}"),)


def forged(id=None, secret=None):
    """A token of the right form, with an id and a secret that the server never gave."""
    id, secret = id or os.urandom(16).hex(), secret or os.urandom(32)
    text = f"trk_{id}_{base64.urlsafe_b64encode(secret).decode().rstrip('=')}"
    check = base64.urlsafe_b64encode(struct.pack(">I", zlib.crc32(text.encode())))
    return text + check.decode().rstrip("=")


class Tenants:
    """A deployment with two tenants, `mine` and `others`, that have one of everything each."""

    def __init__(self, world):
        self.world = world
        self.v1 = world.v1
        self.channel = world.server.bare_channel()
        self.tokens = self.v1.TokenServiceStub(world.server.channel())
        self.others = self.resources(world)
        mine = self.create_token(["admin"], tenant_id="new")
        self.mine_token = mine.token_text
        self.my_tenant = mine.token.tenant_id
        self.mine = self.resources(_as(world, self.mine_token))
        self.without = {
            scope: self.create_token([other for other in SCOPES if other not in (scope, "admin")])
            for scope in SCOPES
        }

    def create_token(self, scopes, **members):
        request = self.v1.CreateTokenRequest(scopes=scopes, **members)
        answer = self.tokens.CreateToken(request, timeout=30)
        harness.secrets.add(answer.token_text)
        return answer

    def resources(self, world):
        """One of everything, by the kind that fields name."""
        account = world.account()
        agent = world.agent(id=f"desk-{os.urandom(4).hex()}")
        number = world.number_of(account=account, assigned=False)
        call = world.place(number, world.fresh_far_end(), agent_id=agent.id)[0].call
        token = world.tokens.CreateToken(self.v1.CreateTokenRequest(scopes=["calls:read"]), timeout=30)
        harness.secrets.add(token.token_text)
        return {
            "provider": number.provider_id,
            "phone_number": number.id,
            "agent": agent.id,
            "softphone": world.softphone(f"sph_{os.urandom(4).hex()}").id,
            "call": call.id,
            "token": token.token.id,
            "tenant": token.token.tenant_id,
            "operation": world.operation_of(number).id,
        }

    def raw(self, name, token=None, metadata=()):
        """The refusal that an undecodable body gets."""
        method = contract.methods()[name]
        shown = (*metadata, *(bearer(token) if token else ()))
        path = f"/trunkline.v1.{name.replace('.', '/')}"
        if method.server_streaming:
            call = self.channel.unary_stream(path)
            with pytest.raises(grpc.RpcError) as caught:
                next(call(INVALID_BODY, timeout=30, metadata=shown))
        else:
            call = self.channel.unary_unary(path)
            with pytest.raises(grpc.RpcError) as caught:
                call(INVALID_BODY, timeout=30, metadata=shown)
        return Refusal(caught.value)

    def stub(self, service, token):
        channel = grpc.intercept_channel(self.channel, harness._Bearer(lambda: token))
        return getattr(self.v1, f"{service}Stub")(channel)


def _as(world, token):
    """The same deployment for another caller."""
    other = type(world).__new__(type(world))
    other.__dict__.update(world.__dict__)
    channel = grpc.intercept_channel(world.server.bare_channel(), harness._Bearer(lambda: token))
    other.providers = world.v1.ProviderServiceStub(channel)
    other.numbers = world.v1.PhoneNumberServiceStub(channel)
    other.agents = world.v1.AgentServiceStub(channel)
    other.softphones = world.v1.SoftphoneServiceStub(channel)
    other.calls = world.v1.CallDispatchServiceStub(channel)
    other.tokens = world.v1.TokenServiceStub(channel)
    other.operations = world.v1.OperationServiceStub(channel)
    return other


@pytest.fixture(scope="module")
def tenants(stubs, tmp_path_factory):
    with deployment(stubs, tmp_path_factory.mktemp("access")) as world:
        world.tokens = world.v1.TokenServiceStub(world.server.channel())
        yield Tenants(world)


@pytest.fixture(scope="module")
def second(stubs, tmp_path_factory):
    """Another deployment: one takes so many bad attempts of one address and no more."""
    with deployment(stubs, tmp_path_factory.mktemp("second")) as world:
        world.tokens = world.v1.TokenServiceStub(world.server.channel())
        yield Tenants(world)


@pytest.fixture
def attacked(name, tenants, second):
    return (tenants, second)[METHODS.index(name) % 2]


def scope_of(name):
    """What the method's option says: field 50001 of its options, which this parser keeps unread."""
    wire, key = contract.methods()[name].options.SerializeToString(), bytes([0x8A, 0xB5, 0x18])
    at = wire.index(key) + len(key)
    return wire[at + 1 : at + 1 + wire[at]].decode()


# Authentication


@pytest.mark.parametrize("name", METHODS)
def test_none_or_a_bad_token_is_unauthenticated_before_the_body_is_looked_at(attacked, name):
    tenants = attacked
    good = tenants.world.server.token
    missing = tenants.raw(name)
    assert (missing.code, missing.reason) == (grpc.StatusCode.UNAUTHENTICATED, "TOKEN_MISSING")
    assert missing.info.domain == "trunkline.dev" and "tokens create" in missing.message
    known_id = good.split("_")[1]
    for bad in (
        forged(), forged(id=known_id), good[:-1], good + "A", "trk_", "x",
        good.replace("trk_", "trk-"), good.upper(),
    ):
        refused = tenants.raw(name, bad)
        assert (refused.code, refused.reason) == (
            grpc.StatusCode.UNAUTHENTICATED, "TOKEN_INVALID"), bad[:4]
        assert len(bad) < 5 or bad not in str(refused)
    for header in (f"Basic {good}", good, f"Bearer {good}, Bearer {good}", "Bearer"):
        refused = tenants.raw(name, metadata=(("authorization", header),))
        assert refused.reason == "TOKEN_INVALID"


@pytest.mark.parametrize("name", METHODS)
def test_a_token_without_the_scope_is_denied_before_the_body_is_looked_at(tenants, name):
    scope = scope_of(name)
    denied = tenants.raw(name, tenants.without[scope].token_text)
    assert (denied.code, denied.reason) == (grpc.StatusCode.PERMISSION_DENIED, "SCOPE_MISSING")
    assert denied.info.metadata["scope"] == scope and scope in denied.message
    # With it the body is looked at.
    seen = tenants.raw(name, tenants.create_token([scope]).token_text)
    assert seen.code not in (
        grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.UNAUTHENTICATED), seen


@pytest.mark.parametrize("name", METHODS)
def test_a_revoked_token_is_unauthenticated(attacked, name):
    tenants = attacked
    v1, scope = tenants.v1, scope_of(name)
    revoked = tenants.create_token([scope])
    assert tenants.raw(name, revoked.token_text).code != grpc.StatusCode.UNAUTHENTICATED
    tenants.tokens.RevokeToken(v1.RevokeTokenRequest(id=revoked.token.id), timeout=30)
    refused = tenants.raw(name, revoked.token_text)
    assert (refused.code, refused.reason) == (grpc.StatusCode.UNAUTHENTICATED, "TOKEN_INVALID")


def test_the_internal_service_is_for_dispatches(tenants):
    world = tenants.world
    for token in (world.server.token, tenants.mine_token):
        call = tenants.channel.unary_unary(
            "/trunkline.internal.v1.RouteService/LeaseCredential")
        with pytest.raises(grpc.RpcError) as caught:
            call(INVALID_BODY, timeout=30, metadata=bearer(token))
        assert Refusal(caught.value).info.metadata["scope"] == "dispatch"


# Tenancy


def ids_in(message, service, path=()):
    """The paths of a request's fields that name a resource, each with the resource's kind."""
    own = {
        "ProviderService": "provider", "PhoneNumberService": "phone_number",
        "AgentService": "agent", "SoftphoneService": "softphone", "CallDispatchService": "call", "TokenService": "token",
        "OperationService": "operation",
    }
    for field in message.fields:
        if field.name in ("request_id", "resource_id", "trace_id"):
            continue
        if field.type == FieldDescriptor.TYPE_MESSAGE and not path:
            if field.name in ("provider", "phone_number", "agent", "softphone"):
                yield from ids_in(field.message_type, service, (field.name,))
        elif field.type != FieldDescriptor.TYPE_STRING or _is_repeated(field):
            continue
        elif field.name == "id":
            yield (*path, "id"), own[service]
        elif field.name in ("from_number_id", "phone_number_id"):
            yield (*path, field.name), "phone_number"
        elif field.name.endswith("_id") and not path:
            yield (*path, field.name), field.name.removesuffix("_id")


def _is_repeated(field):
    return field.is_repeated


def cases():
    """Each method with each of its fields that names a resource."""
    for name in METHODS:
        service, method = name.split(".")
        if service in ("AuditService",) or method in (
            "CreateAgent", "CreateSoftphone", "CreateProvider"
        ):
            # The log's filters are texts; a new thing's id is the client's choice.
            continue
        yield name, service, method


# What a request needs beside its ids, so that the ids are what it fails by.
BESIDE = {
    "ImportPhoneNumber": {"e164": "+14155550100"},
    "SearchAvailablePhoneNumbers": {"country": "US"},
    "ProvisionPhoneNumber": {"e164": "+14155550100", "confirm_purchase": True},
    "ReleasePhoneNumber": {"confirm_release": True},
    "CreateToken": {"scopes": ["calls:read"]},
    "UpdateProvider": {"provider": {"display_name": "x"}},
    "StageCredential": {"twilio": {"auth_token": "x"}},
    "UpdatePhoneNumber": {"phone_number": {"label": "x"}},
    "UpdateAgent": {"agent": {"display_name": "x"}},
    "UpdateSoftphone": {"softphone": {"display_name": "x"}},
}


def build(tenants, service, method, fields, foreign, id):
    """A request with my own ids, but for `foreign`, which is `id`."""
    request = getattr(tenants.v1, f"{method}Request")()
    beside = BESIDE.get(method, {})
    for name, value in beside.items():
        if isinstance(value, dict):
            for inner, text in value.items():
                setattr(getattr(request, name), inner, text)
        elif isinstance(value, list):
            getattr(request, name).extend(value)
        else:
            setattr(request, name, value)
    if method == "PlaceCalls":
        request.outbound_calls.add(to_number="+14155550123")
    if method == "BatchImportPhoneNumbers":
        request.numbers.add(e164="+14155550100")
    if "request_id" in request.DESCRIPTOR.fields_by_name:
        request.request_id = request_id()
    is_filter = method.startswith(("List", "Watch")) and method != "ListProviderNumbers"
    # The foreign one last: of what excludes each other the last one counts.
    for path, kind in sorted(fields, key=lambda field: field[0] == foreign):
        if path != foreign and (is_filter or (path[-1] == "tenant_id")):
            continue
        holder = request
        for part in path[:-1]:
            holder = getattr(holder, part)
        setattr(holder, path[-1], id if path == foreign else tenants.mine[kind])
    return request


def generated():
    for name, service, method in cases():
        yield pytest.param(name, id=name)


NEVER = {
    "provider": "prv_" + "0" * 31 + "9", "phone_number": "pn_" + "0" * 31 + "9",
    "agent": "nobody-has-this", "softphone": "sph_nobody-has-this", "call": "call_us1_" + "0" * 31 + "9",
    "token": "tok_" + "0" * 31 + "9", "operation": "op_" + "0" * 31 + "9", "tenant": "ten_" + "0" * 31 + "9",
}


@pytest.mark.parametrize("name", list(generated()))
def test_another_tenants_id_is_not_found_as_one_that_never_was(tenants, name):
    service, method = name.split(".")
    stub = tenants.stub(service, tenants.mine_token)
    call = getattr(stub, method)
    request_type = getattr(tenants.v1, f"{method}Request")
    fields = list(ids_in(request_type.DESCRIPTOR, service))
    if method == "ImportPhoneNumber":
        # A provider that is to be found or made is named by its account.
        fields = [((f"{kind}_id",), kind) for kind in ("provider", "agent", "softphone")]
    if method == "ValidateProvider":
        # Either the id of a stored one, or one to try, whose id says nothing.
        fields = [(("id",), "provider")]
    for path, kind in fields:
        theirs, never = tenants.others[kind], NEVER[kind]
        if method.startswith(("List", "Watch")) and kind != "tenant" and (
            method != "ListProviderNumbers"):
            # A filter: nothing is found.
            answers = answers_of(call, build(tenants, service, method, fields, path, theirs))
            assert theirs.encode() not in answers
            assert all(id.encode() not in answers for id in tenants.others.values())
            continue
        refused = refusal(call, build(tenants, service, method, fields, path, theirs))
        unknown = refusal(call, build(tenants, service, method, fields, path, never))
        assert refused.code == grpc.StatusCode.NOT_FOUND, (path, str(refused))
        assert refused.message == unknown.message.replace(never, theirs), path
        assert refused.reason == unknown.reason
        assert dict(refused.info.metadata) == {
            key: value.replace(never, theirs) for key, value in unknown.info.metadata.items()
        }


def answers_of(call, request):
    """All that a list, or the first message of a watch, answers, as bytes."""
    answer = call(request, timeout=30)
    if hasattr(answer, "SerializeToString"):
        return answer.SerializeToString()
    first = next(iter(answer)).SerializeToString()
    answer.cancel()
    return first


@pytest.mark.parametrize("name", [name for name in METHODS if ".List" in name])
def test_lists_hold_the_own_tenants_things_only(tenants, name):
    service, method = name.split(".")
    request = getattr(tenants.v1, f"{method}Request")(page_size=200)
    if method == "ListProviderNumbers":
        request.provider_id = tenants.mine["provider"]
    call, answers = getattr(tenants.stub(service, tenants.mine_token), method), b""
    while True:
        answer = call(request, timeout=30)
        answers += answer.SerializeToString()
        if not answer.next_page_token:
            break
        request.page_token = answer.next_page_token
    kind = {
        "ListProviders": "provider", "ListPhoneNumbers": "phone_number", "ListAgents": "agent",
        "ListSoftphones": "softphone",
        "ListCalls": "call", "ListTokens": "token", "ListAuditEvents": "agent",
        "ListOperations": "operation",
        "ListProviderNumbers": "phone_number",
    }[method]
    assert tenants.mine[kind].encode() in answers
    assert all(id.encode() not in answers for id in tenants.others.values())


def test_an_agents_id_may_be_another_tenants_too(tenants):
    taken = tenants.others["agent"]
    agents = _as(tenants.world, tenants.mine_token).agents
    agent = tenants.v1.Agent(id=taken)
    agent.connections.add().media_stream.url = "wss://agent.example/mine"
    made = agents.CreateAgent(tenants.v1.CreateAgentRequest(agent=agent), timeout=30).agent
    assert made.id == taken and made.phone_number_count == 0
    agents.DeleteAgent(tenants.v1.DeleteAgentRequest(id=taken), timeout=30)
    assert tenants.world.agents.GetAgent(tenants.v1.GetAgentRequest(id=taken), timeout=30)


def test_a_tenant_cannot_name_another_one(tenants):
    v1 = tenants.v1
    tokens = tenants.stub("TokenService", tenants.mine_token)
    for tenant in (tenants.others["tenant"], NEVER["tenant"], "new"):
        refused = refusal(
            tokens.CreateToken, v1.CreateTokenRequest(scopes=["admin"], tenant_id=tenant))
        assert (refused.code, refused.reason) == (
            grpc.StatusCode.NOT_FOUND, "TENANT_NOT_FOUND")
    refused = refusal(tokens.CreateToken, v1.CreateTokenRequest(scopes=["dispatch"]))
    assert (refused.code, refused.reason) == (
        grpc.StatusCode.PERMISSION_DENIED, "SCOPE_NOT_HELD")


def test_the_operator_acts_for_other_tenants(tenants):
    v1 = tenants.v1
    made = tenants.create_token(["calls:read"], tenant_id=tenants.my_tenant)
    assert made.token.tenant_id == tenants.my_tenant
    listed = tenants.tokens.ListTokens(v1.ListTokensRequest(tenant_id=tenants.my_tenant), timeout=30)
    assert made.token.id in [token.id for token in listed.tokens]
    request = v1.RevokeTokenRequest(id=made.token.id, tenant_id=tenants.my_tenant)
    assert tenants.tokens.RevokeToken(request, timeout=30).token.HasField("revoke_time")
