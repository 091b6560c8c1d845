"""carrier-sim's LiveKit, judged by LiveKit's own Python client, unchanged but for the address."""

import asyncio
import importlib
import pathlib

import aiohttp
import jwt
import pytest
import requests
from livekit import api
from livekit.protocol import sip as proto

import carrier
import harness
from carrier import NUMBER, TO


class LiveKit:
    """A key at the simulator, and calls with it. Each call has a connection of its own."""

    def __init__(self, sim):
        self.sim = sim
        self.url = sim.url("livekit")
        made = sim.control("POST", "/livekit/keys", {})
        self.key, self.secret = made["key"], made["secret"]

    def call(self, action, key=None, secret=None, timeout=30):
        """What `action(client)` answers."""

        async def run():
            client = api.LiveKitAPI(
                self.url, key or self.key, secret or self.secret, failover=False
            )
            async with client:
                return await asyncio.wait_for(action(client), timeout)

        return asyncio.run(run())

    def error(self, action, **options):
        """The Twirp error that `action` ends with, as (status, code)."""
        with pytest.raises(api.TwirpError) as caught:
            self.call(action, **options)
        return caught.value.status, caught.value.code

    def token(self, **claims):
        return jwt.encode({"iss": self.key, **claims}, self.secret, algorithm="HS256")

    def post(self, method, body, token):
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        url = f"{self.url}/twirp/livekit.{method}"
        return requests.post(url, json=body, headers=headers, timeout=10)

    def inbound(self, **fields):
        trunk = proto.SIPInboundTrunkInfo(**fields)
        request = proto.CreateSIPInboundTrunkRequest(trunk=trunk)
        return lambda client: client.sip.create_inbound_trunk(request)

    def outbound(self, **fields):
        trunk = proto.SIPOutboundTrunkInfo(**fields)
        request = proto.CreateSIPOutboundTrunkRequest(trunk=trunk)
        return lambda client: client.sip.create_outbound_trunk(request)

    def rule(self, **fields):
        info = proto.SIPDispatchRuleInfo(**fields)
        request = proto.CreateSIPDispatchRuleRequest(dispatch_rule=info)
        return lambda client: client.sip.create_dispatch_rule(request)


@pytest.fixture
def livekit(sim):
    return LiveKit(sim)


def direct(room, pin=""):
    return proto.SIPDispatchRule(
        dispatch_rule_direct=proto.SIPDispatchRuleDirect(room_name=room, pin=pin)
    )


# The contract


def test_our_messages_are_livekits(tmp_path):
    """Every field of Protos/livekit has the number, the type and the label of LiveKit's own."""
    from google.protobuf import descriptor_pb2
    from grpc_tools import protoc

    protos = harness.ROOT / "Protos"
    files = sorted(str(path.relative_to(protos)) for path in protos.glob("livekit/*.proto"))
    target = tmp_path / "ours.binpb"
    include = pathlib.Path(protoc.__file__).parent / "_proto"
    arguments = ["protoc", f"-I{protos}", f"-I{include}", *files]
    assert protoc.main([*arguments, f"--descriptor_set_out={target}"]) == 0
    ours = descriptor_pb2.FileDescriptorSet.FromString(target.read_bytes())
    theirs = {}
    for name in ("sip", "agent_dispatch", "room", "models"):
        module = importlib.import_module(f"livekit.protocol.{name}")
        file = descriptor_pb2.FileDescriptorProto()
        module.DESCRIPTOR.CopyToProto(file)
        theirs.update({message.name: message for message in file.message_type})
        theirs.update({enum.name: enum for enum in file.enum_type})

    def check_enum(mine, other):
        values = {value.name: value.number for value in other.value}
        assert {value.name: value.number for value in mine.value}.items() <= values.items()
        return len(mine.value)

    def check(mine, other, path):
        checked = 0
        fields = {field.name: field for field in other.field}
        for field in mine.field:
            known = fields[field.name]
            parts = ["number", "type", "label", "type_name"]
            # A message is always absent or present: the word says nothing new.
            if field.type != field.TYPE_MESSAGE:
                parts.append("proto3_optional")
            for part in parts:
                assert getattr(field, part) == getattr(known, part), f"{path}.{field.name}"
            checked += 1
        for enum in mine.enum_type:
            checked += check_enum(enum, {e.name: e for e in other.enum_type}[enum.name])
        for nested in mine.nested_type:
            inner = {n.name: n for n in other.nested_type}[nested.name]
            checked += check(nested, inner, f"{path}.{nested.name}")
        return checked

    checked = 0
    for file in ours.file:
        for message in file.message_type:
            checked += check(message, theirs[message.name], message.name)
        for enum in file.enum_type:
            checked += check_enum(enum, theirs[enum.name])
    assert checked > 300, checked


# Tokens


def test_tokens_and_grants(livekit):
    listing = proto.ListSIPInboundTrunkRequest()
    assert livekit.call(lambda client: client.sip.list_inbound_trunk(listing)).items == []

    def list_trunks(client):
        return client.sip.list_inbound_trunk(listing)

    assert livekit.error(list_trunks, secret="x" * 32) == (401, "unauthenticated")
    assert livekit.error(list_trunks, key="nobody") == (401, "unauthenticated")
    now = 1_700_000_000
    for claims, status, code in [
        ({"exp": now, "nbf": now - 60, "sip": {"admin": True}}, 401, "unauthenticated"),
        ({"exp": now * 2, "nbf": now * 2 - 60, "sip": {"admin": True}}, 401, "unauthenticated"),
        ({"sip": {"admin": True}}, 401, "unauthenticated"),
        ({"exp": now * 2, "sip": {"call": True}}, 403, "permission_denied"),
        ({"exp": now * 2, "video": {"roomAdmin": True}}, 403, "permission_denied"),
        ({"exp": now * 2, "sip": {"admin": True}}, 200, None),
    ]:
        answer = livekit.post("SIP/ListSIPInboundTrunk", {}, livekit.token(**claims))
        assert (answer.status_code, answer.json().get("code")) == (status, code), claims
    assert livekit.post("SIP/ListSIPInboundTrunk", {}, None).status_code == 401


def test_json_and_protobuf_are_one(livekit):
    made = livekit.call(livekit.inbound(name="in", numbers=[NUMBER]))
    token = livekit.token(exp=4_000_000_000, sip={"admin": True})
    answer = livekit.post("SIP/GetSIPInboundTrunk", {"sipTrunkId": made.sip_trunk_id}, token)
    trunk = answer.json()["trunk"]
    assert (trunk["sip_trunk_id"], trunk["numbers"]) == (made.sip_trunk_id, [NUMBER])
    broken = requests.post(
        f"{livekit.url}/twirp/livekit.SIP/GetSIPInboundTrunk",
        b"\xff\xff",
        headers={"Authorization": f"Bearer {token}", "Content-Type": "application/protobuf"},
        timeout=10,
    )
    assert (broken.status_code, broken.json()["code"]) == (400, "malformed")
    assert livekit.post("SIP/Nothing", {}, token).json()["code"] == "bad_route"


# Trunks and rules


def test_inbound_trunks(livekit):
    made = livekit.call(
        livekit.inbound(
            name="in", numbers=[NUMBER], auth_username="user", auth_password="secret",
            media=proto.SIPMediaConfig(encryption=proto.SIP_MEDIA_ENCRYPT_REQUIRE),
        )
    )
    assert made.sip_trunk_id.startswith("ST_") and made.created_at.seconds > 0
    assert livekit.error(livekit.inbound(name="open")) == (400, "invalid_argument")
    assert livekit.error(livekit.inbound(numbers=[NUMBER])) == (400, "invalid_argument")
    listing = proto.ListSIPInboundTrunkRequest(numbers=[NUMBER])
    found = livekit.call(lambda client: client.sip.list_inbound_trunk(listing)).items
    assert [trunk.auth_password for trunk in found] == ["secret"]
    updated = livekit.call(
        lambda client: client.sip.update_inbound_trunk_fields(
            made.sip_trunk_id, name="renamed", numbers=[TO]
        )
    )
    assert (updated.name, list(updated.numbers)) == ("renamed", [TO])
    assert updated.auth_username == "user"
    replaced = livekit.call(
        lambda client: client.sip.update_inbound_trunk(
            made.sip_trunk_id, proto.SIPInboundTrunkInfo(numbers=[NUMBER])
        )
    )
    assert (replaced.name, replaced.auth_username) == ("", "")
    delete = proto.DeleteSIPTrunkRequest(sip_trunk_id=made.sip_trunk_id)
    gone = livekit.call(lambda client: client.sip.delete_trunk(delete))
    assert gone.kind == proto.SIPTrunkInfo.TRUNK_INBOUND
    error = livekit.error(lambda client: client.sip.delete_trunk(delete))
    assert error == (404, "not_found")


def test_outbound_trunks(livekit):
    for fields in [
        {"numbers": [NUMBER]},
        {"address": "front.pstn.twilio.com"},
        {"numbers": [NUMBER], "address": "sip:front.pstn.twilio.com"},
    ]:
        assert livekit.error(livekit.outbound(**fields)) == (400, "invalid_argument")
    made = livekit.call(
        livekit.outbound(
            name="out", numbers=[NUMBER], address="front.pstn.twilio.com",
            transport=proto.SIP_TRANSPORT_TLS, headers={"X-One": "1"},
        )
    )
    updated = livekit.call(
        lambda client: client.sip.update_outbound_trunk_fields(
            made.sip_trunk_id, auth_username="user", auth_password="secret"
        )
    )
    assert (updated.auth_password, dict(updated.headers)) == ("secret", {"X-One": "1"})
    listing = proto.ListSIPOutboundTrunkRequest(trunk_ids=["ST_none", made.sip_trunk_id])
    found = livekit.call(lambda client: client.sip.list_outbound_trunk(listing)).items
    assert [trunk.sip_trunk_id for trunk in found] == ["", made.sip_trunk_id]


def test_dispatch_rules(livekit):
    made = livekit.call(
        livekit.rule(
            name="rule", rule=direct("one"), trunk_ids=["ST_1"],
            room_config=api.RoomConfiguration(
                agents=[api.RoomAgentDispatch(agent_name="desk", metadata="m")]
            ),
        )
    )
    assert made.sip_dispatch_rule_id.startswith("SDR_")
    assert made.room_config.agents[0].agent_name == "desk"
    again = livekit.rule(rule=direct("two"), trunk_ids=["ST_1"])
    assert livekit.error(again) == (400, "invalid_argument")
    livekit.call(livekit.rule(rule=direct("two", "99"), trunk_ids=["ST_1"]))
    updated = livekit.call(
        lambda client: client.sip.update_dispatch_rule_fields(
            made.sip_dispatch_rule_id, trunk_ids=["ST_2"], metadata="changed"
        )
    )
    assert (list(updated.trunk_ids), updated.metadata) == (["ST_2"], "changed")
    listing = proto.ListSIPDispatchRuleRequest(trunk_ids=["ST_2"])
    found = livekit.call(lambda client: client.sip.list_dispatch_rule(listing)).items
    assert [rule.sip_dispatch_rule_id for rule in found] == [made.sip_dispatch_rule_id]
    delete = proto.DeleteSIPDispatchRuleRequest(sip_dispatch_rule_id=made.sip_dispatch_rule_id)
    livekit.call(lambda client: client.sip.delete_dispatch_rule(delete))
    error = livekit.error(lambda client: client.sip.delete_dispatch_rule(delete))
    assert error == (404, "not_found")


def test_lists_are_paged(livekit):
    made = {
        livekit.call(livekit.inbound(numbers=[f"+1500555{index}"])).sip_trunk_id
        for index in range(1000, 1005)
    }
    seen = []
    while True:
        page = api.Pagination(after_id=seen[-1] if seen else "", limit=2)
        listing = proto.ListSIPInboundTrunkRequest(page=page)
        items = livekit.call(lambda client: client.sip.list_inbound_trunk(listing)).items
        if not items:
            break
        assert len(items) <= 2
        seen += [trunk.sip_trunk_id for trunk in items]
    assert seen == sorted(made)


# Calls, rooms and agents


def dial(livekit, trunk, wait=False):
    request = proto.CreateSIPParticipantRequest(
        sip_trunk_id=trunk, sip_call_to=TO, room_name="one", participant_identity="callee",
        wait_until_answered=wait,
    )
    return lambda client: client.sip.create_sip_participant(request)


def test_a_call_is_placed_and_transferred(sim, livekit):
    trunk = livekit.call(livekit.outbound(numbers=[NUMBER], address="a.example")).sip_trunk_id
    made = livekit.call(dial(livekit, trunk, wait=True))
    assert (made.participant_identity, made.room_name) == ("callee", "one")
    identity = api.RoomParticipantIdentity(room="one", identity="callee")
    found = livekit.call(lambda client: client.room.get_participant(identity))
    assert found.kind == api.ParticipantInfo.Kind.SIP
    assert found.attributes["sip.callStatus"] == "active"
    assert found.attributes["sip.trunkPhoneNumber"] == NUMBER

    def transfer(to):
        request = proto.TransferSIPParticipantRequest(
            participant_identity="callee", room_name="one", transfer_to=to
        )
        return lambda client: client.sip.transfer_sip_participant(request)

    assert livekit.error(transfer("+15005550009")) == (400, "invalid_argument")
    sim.control("POST", "/far-ends", {"to": "+15005550009", "outcome": "busy"})
    with pytest.raises(api.TwirpError) as caught:
        livekit.call(transfer("tel:+15005550009"))
    assert caught.value.metadata["sip_status_code"] == "486"
    livekit.call(transfer("tel:+15005550008"))
    error = livekit.error(lambda client: client.room.get_participant(identity))
    assert error == (404, "not_found")


def test_a_call_that_nobody_takes(sim, livekit):
    trunk = livekit.call(livekit.outbound(numbers=[NUMBER], address="a.example")).sip_trunk_id
    sim.control("POST", "/far-ends", {"to": TO, "outcome": "busy"})
    with pytest.raises(api.TwirpError) as caught:
        livekit.call(dial(livekit, trunk, wait=True))
    assert caught.value.code == "resource_exhausted"
    assert caught.value.metadata["sip_status"] == "Busy Here"
    assert livekit.error(dial(livekit, "ST_none")) == (404, "not_found")


def test_rooms_participants_and_dispatches(sim, livekit):
    before = sim.control("GET", "/inventory")
    create = api.CreateRoomRequest(name="one", metadata="m", empty_timeout=60)
    room = livekit.call(lambda client: client.room.create_room(create))
    assert (room.metadata, room.empty_timeout) == ("m", 60)
    assert livekit.call(lambda client: client.room.create_room(create)).sid == room.sid
    sim.control("POST", "/livekit/participants", {"room": "one", "identity": "agent", "kind": "agent"})
    listing = api.ListParticipantsRequest(room="one")
    found = livekit.call(lambda client: client.room.list_participants(listing)).participants
    assert [participant.identity for participant in found] == ["agent"]
    rooms = livekit.call(lambda client: client.room.list_rooms(api.ListRoomsRequest())).rooms
    assert [(entry.name, entry.num_participants) for entry in rooms] == [("one", 1)]
    mute = api.MuteRoomTrackRequest(
        room="one", identity="agent", track_sid=found[0].tracks[0].sid, muted=True
    )
    assert livekit.call(lambda client: client.room.mute_published_track(mute)).track.muted
    update = api.UpdateParticipantRequest(room="one", identity="agent", attributes={"a": "b"})
    changed = livekit.call(lambda client: client.room.update_participant(update))
    assert dict(changed.attributes) == {"a": "b"}
    remove = api.RoomParticipantIdentity(room="one", identity="agent")
    livekit.call(lambda client: client.room.remove_participant(remove))

    request = api.CreateAgentDispatchRequest(agent_name="desk", room="one", metadata="m")
    made = livekit.call(lambda client: client.agent_dispatch.create_dispatch(request))
    listed = livekit.call(lambda client: client.agent_dispatch.list_dispatch("one"))
    assert [entry.id for entry in listed] == [made.id]
    livekit.call(lambda client: client.agent_dispatch.delete_dispatch(made.id, "one"))
    error = livekit.error(lambda client: client.agent_dispatch.delete_dispatch(made.id, "one"))
    assert error == (404, "not_found")
    livekit.call(lambda client: client.room.delete_room(api.DeleteRoomRequest(room="one")))
    assert sim.control("GET", "/inventory") == before


# Calls that come in


def test_a_call_over_a_twilio_trunk_reaches_a_room(sim, livekit):
    """The trunk's origination URL leads to LiveKit, whose trunk and rule say where the call goes."""
    desk = carrier.Carrier(sim)
    client = desk.client()
    trunk = client.trunking.v1.trunks.create(domain_name="front.pstn.twilio.com")
    at = client.trunking.v1.trunks(trunk.sid)
    at.origination_urls.create(
        friendly_name="one", sip_url="sip:one.sip.livekit.cloud", weight=10, priority=10,
        enabled=True,
    )
    at.phone_numbers.create(phone_number_sid=desk.number["sid"])

    def ring():
        return sim.control("POST", "/inbound-calls", {"from": TO, "to": NUMBER})

    assert ring()["disposition"]["livekit"]["sip_status"] == 404
    inbound = livekit.call(livekit.inbound(name="in", numbers=[NUMBER])).sip_trunk_id
    individual = proto.SIPDispatchRule(
        dispatch_rule_individual=proto.SIPDispatchRuleIndividual(room_prefix="call")
    )
    everybody = livekit.call(livekit.rule(name="all", rule=direct("all")))
    assert ring()["disposition"]["livekit"]["rule_id"] == everybody.sip_dispatch_rule_id
    own = livekit.call(
        livekit.rule(name="own", rule=individual, trunk_ids=[inbound], attributes={"desk": "front"})
    )
    call = ring()
    came = call["disposition"]["livekit"]
    assert (call["status"], came["rule_id"]) == ("in-progress", own.sip_dispatch_rule_id)
    listing = api.ListParticipantsRequest(room=came["room"])
    (caller,) = livekit.call(lambda client: client.room.list_participants(listing)).participants
    assert caller.kind == api.ParticipantInfo.Kind.SIP
    assert caller.attributes["desk"] == "front"
    assert caller.attributes["sip.twilio.callSid"] == call["sid"]
    identity = api.RoomParticipantIdentity(room=came["room"], identity=caller.identity)
    livekit.call(lambda client: client.room.remove_participant(identity))
    assert client.calls(call["sid"]).fetch().status == "completed"


# Faults


@pytest.mark.parametrize(
    "status, code",
    [
        (401, "unauthenticated"), (403, "permission_denied"), (404, "not_found"),
        (409, "already_exists"), (429, "resource_exhausted"), (500, "internal"),
    ],
)
def test_statuses_in_place_of_an_answer(sim, livekit, status, code):
    before = sim.control("GET", "/inventory")
    path = "*/livekit.SIP/CreateSIPInboundTrunk"
    sim.control("POST", "/faults", {"kind": "status", "status": status, "path": path})
    assert livekit.error(livekit.inbound(numbers=[NUMBER])) == (status, code)
    assert sim.control("GET", "/inventory") == before


@pytest.mark.parametrize("kind, count", [("lost_before", 0), ("lost_after", 1)])
def test_a_lost_connection(sim, livekit, kind, count):
    sim.control("POST", "/faults", {"kind": kind, "path": "*/CreateSIPInboundTrunk", "skip": 1})
    livekit.call(livekit.inbound(numbers=[TO]))
    with pytest.raises(aiohttp.ClientError):
        livekit.call(livekit.inbound(numbers=[NUMBER], name="op_1"))
    listing = proto.ListSIPInboundTrunkRequest(numbers=[NUMBER])
    found = livekit.call(lambda client: client.sip.list_inbound_trunk(listing)).items
    assert [trunk.name for trunk in found] == ["op_1"] * count


def test_the_time_passes_before_the_answer_comes(sim, livekit):
    path = "*/CreateSIPInboundTrunk"
    sim.control("POST", "/faults", {"kind": "delay", "delay_ms": 60_000, "path": path})
    with pytest.raises(asyncio.TimeoutError):
        livekit.call(livekit.inbound(numbers=[NUMBER]), timeout=0.3)
    assert len(sim.control("GET", "/inventory")["livekit"]["inbound_trunks"]) == 1
    sim.control("POST", "/clock", {"advance_ms": 60_000})
