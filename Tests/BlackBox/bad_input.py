"""Bad values for every field of every request, made from the contract's own descriptors.

Nothing here is listed by hand but what a field means: a new field without an entry fails the test.
"""

import dataclasses
from typing import Any, Callable

from google.protobuf import descriptor as pd
from google.protobuf import field_mask_pb2

NUL = "a\x00b"
LONG = "x" * 5000
FULL_WIDTH = "+１４１５５５５０１００"


@dataclasses.dataclass(frozen=True)
class Bad:
    """One bad value of one field: `what` for the test's name, `put` writes it into a request."""

    method: str
    field: str
    what: str
    put: Callable[[Any], None]


ID_FIELDS = {
    "id", "provider_id", "gateway_provider_id", "phone_number_id", "from_number_id", "tenant_id",
}

# What the fields named `id` of these messages name is an agent, whose id may be the client's choice.
AGENT_MESSAGES = {
    "trunkline.v1.Agent", "trunkline.v1.GetAgentRequest", "trunkline.v1.DeleteAgentRequest",
}
# The same of a softphone, whose id begins with `sph_`.
SOFTPHONE_MESSAGES = {name.replace("Agent", "Softphone") for name in AGENT_MESSAGES}

# Fields that only answers fill: the server ignores what a request says there (AIP-203).
OUTPUT_ONLY = {
    "trunkline.v1.Provider": {
        "state", "conditions", "create_time", "update_time", "staged_credential",
        "previous_credential", "platform",
    },
    "trunkline.v1.Provider.Twilio": {"has_api_key_secret", "has_auth_token"},
    "trunkline.v1.Provider.SipTrunk.Outbound": {"has_password"},
    "trunkline.v1.Provider.SipTrunk.Inbound": {"has_password"},
    "trunkline.v1.Provider.LiveKit": {"has_api_secret"},
    "trunkline.v1.PhoneNumber": {
        "e164", "provider_id", "pending_provider_id", "region", "carrier_sid", "agent_id", "softphone_id",
        "ingress", "gateway_provider_id", "resources", "state", "conditions", "leftovers", "former",
        "provisioned", "create_time", "update_time",
    },
    "trunkline.v1.Agent": {
        "phone_number_ids", "phone_number_count", "create_time", "update_time",
    },
    "trunkline.v1.AgentConnection.Sip": {"has_password"},
    "trunkline.v1.Softphone": {
        "phone_number_ids", "phone_number_count", "create_time", "update_time",
    },
    "trunkline.v1.Softphone.Sip": {"has_password"},
}

# Of a resource only an update reads these; a creation may name an agent's id.
READ_BY_UPDATES = {
    "trunkline.v1.Provider": {"id", "etag"},
    "trunkline.v1.PhoneNumber": {"id", "etag"},
    "trunkline.v1.Agent": {"etag"},
    "trunkline.v1.Softphone": {"etag"},
}


def is_output_only(method: str, message: pd.Descriptor, name: str) -> bool:
    """Whether a method's request ignores the field of a resource in it."""
    if name in OUTPUT_ONLY.get(message.full_name, set()):
        return True
    is_update = method.startswith("Update")
    return not is_update and name in READ_BY_UPDATES.get(message.full_name, set())


def strings_for(field: pd.FieldDescriptor) -> list[tuple[str, str]]:
    """Bad texts for a string field, by what its name says it means."""
    name = field.name
    common = [("NUL", NUL), ("too long", LONG)]
    if name == "agent_id" or field.containing_type.full_name in AGENT_MESSAGES and name == "id":
        return common + [
            ("not an id", "!!"), ("capitals", "Agent"), ("64 characters", "a" * 64),
            ("a space at the end", "agent "), ("a softphone's id", "sph_0"),
        ]
    if name == "softphone_id" or field.containing_type.full_name in SOFTPHONE_MESSAGES and name == "id":
        return common + [
            ("not an id", "!!"), ("an agent's id", "agent"), ("the beginning alone", "sph_"),
            ("capitals", "sph_A"), ("64 characters", "sph_" + "a" * 60),
        ]
    if name in ("link_phone_number_ids", "unlink_phone_number_ids"):
        return common + [("another type of id", "agt_" + "0" * 32), ("not an id", "!!"), ("empty", "")]
    if name in ID_FIELDS:
        return common + [
            ("another type of id", "aud_" + "0" * 32), ("not an id", "!!"),
            ("a digit too few", "pn_" + "0" * 31), ("capitals", "PRV_" + "0" * 32),
        ]
    if name in ("to_number", "e164"):
        return common + [
            ("no plus", "14155550100"), ("empty digits", "+"), ("too many digits", "+1" * 9),
            ("leading zero", "+0155550100"), ("letters", "+1415555CALL"),
            ("other digits", FULL_WIDTH), ("spaces", "+1 415 555 0100"),
            ("too short for its country", "+1415555"), ("emergency", "+911"),
        ]
    if name == "account_sid":
        return common + [("wrong prefix", "SK" + "0" * 32), ("short", "AC123")]
    if name == "api_key_sid":
        return common + [("wrong prefix", "AC" + "0" * 32), ("short", "SK1")]
    if name in ("page_token", "resume_token"):
        return common + [("not a token of ours", "bm90IGEgdG9rZW4"), ("not base64", "%%%")]
    if name in ("scopes", "resource_type", "principal", "action"):
        return common + [("not a word of ours", "everything"), ("capitals", "Admin")]
    if name == "country":
        return common + [("three letters", "USA"), ("small letters", "us")]
    if name == "area_code":
        return common + [("two digits", "41"), ("letters", "abc")]
    if name == "contains":
        return common + [("one digit", "4"), ("letters", "CALL"), ("17 digits", "1" * 17)]
    if name in ("address_sid", "bundle_sid"):
        return common + [("wrong prefix", "SK" + "0" * 32), ("short", "AD1")]
    if name == "countries":
        return common + [("three letters", "USA"), ("small letters", "us"), ("empty", "")]
    if name == "etag":
        return common + [("stale", "abc-1")]
    if name == "url":
        return common + [
            ("not a URL", "nowhere"), ("not wss", "http://agent.example/x"),
            ("with a query", "wss://agent.example/x?y=1"),
        ]
    if name == "address":
        return common + [("a URI", "sip:carrier.example"), ("a path", "carrier.example/x")]
    if name == "sip_host":
        return common + [("a URI", "sip:livekit.example"), ("a parameter", "livekit.example;x=1")]
    if name == "allowed_addresses":
        return common + [("a name", "carrier.example"), ("a prefix too long", "192.0.2.0/33")]
    if name == "allowed_numbers":
        return common + [("a pattern", "+1500*"), ("no plus", "14155550100")]
    if name == "uri":
        return common + [("not SIP", "http://agent.example"), ("empty host", "sip:")]
    return common


def walk(method: str, message: pd.Descriptor):
    """Yields (path, field, parents) for each field that a request's sender may set."""
    yield from _walk(method, message, "", ())


def _walk(method: str, message: pd.Descriptor, path: str, parents: tuple):
    for field in message.fields:
        if is_output_only(method, message, field.name):
            continue
        here = f"{path}{field.name}"
        yield here, field, parents
        is_map = field.message_type and field.message_type.GetOptions().map_entry
        if field.message_type and not is_map:
            if not field.message_type.full_name.startswith("google."):
                yield from _walk(method, field.message_type, here + ".", parents + (field,))


def holder_of(request: Any, parents: tuple) -> Any:
    """The message inside `request` that the parents lead to; the first of a list."""
    message = request
    for parent in parents:
        value = getattr(message, parent.name)
        if parent.is_repeated:
            message = value[0] if len(value) else value.add()
        else:
            value.SetInParent()
            message = value
    return message


def setter(parents: tuple, field: pd.FieldDescriptor, value: Any) -> Callable[[Any], None]:
    def put(request: Any) -> None:
        message = holder_of(request, parents)
        if field.is_repeated:
            del getattr(message, field.name)[:]
            getattr(message, field.name).append(value)
        else:
            setattr(message, field.name, value)

    return put


def map_setter(parents: tuple, field: pd.FieldDescriptor, entries: dict) -> Callable[[Any], None]:
    def put(request: Any) -> None:
        getattr(holder_of(request, parents), field.name).update(entries)

    return put


def mask_setter(parents: tuple, field: pd.FieldDescriptor, paths: list) -> Callable[[Any], None]:
    def put(request: Any) -> None:
        mask = field_mask_pb2.FieldMask(paths=paths)
        getattr(holder_of(request, parents), field.name).CopyFrom(mask)

    return put


def bad_values(method: str, request: pd.Descriptor) -> list[Bad]:
    """All bad values for the fields of a method's request."""
    found = []
    for path, field, parents in walk(method, request):
        def add(what: str, put: Callable[[Any], None]) -> None:
            found.append(Bad(method, path, what, put))

        if field.message_type and field.message_type.GetOptions().map_entry:
            add("NUL in a key", map_setter(parents, field, {NUL: "x"}))
            add("NUL in a value", map_setter(parents, field, {"k": NUL}))
            add("long key", map_setter(parents, field, {LONG: "x"}))
            add("long value", map_setter(parents, field, {"k": LONG}))
            add("too many", map_setter(parents, field, {f"k{i}": "v" for i in range(200)}))
        elif field.message_type and field.message_type.full_name == "google.protobuf.FieldMask":
            add("unknown path", mask_setter(parents, field, ["no_such_field"]))
            add("NUL in a path", mask_setter(parents, field, [NUL]))
            add("empty path", mask_setter(parents, field, [""]))
            add("read-only path", mask_setter(parents, field, ["create_time"]))
            add("too many paths", mask_setter(parents, field, ["labels"] * 500))
        elif field.message_type and field.message_type.full_name == "google.protobuf.Duration":
            def put_seconds(seconds, nanos=0, parents=parents, field=field):
                def put(request):
                    value = getattr(holder_of(request, parents), field.name)
                    value.seconds, value.nanos = seconds, nanos
                return put
            add("negative", put_seconds(-1))
            if field.name != "timeout":
                add("too short", put_seconds(1))
            add("too long", put_seconds(100_000))
            add("bad nanos", put_seconds(30, 2_000_000_000))
        elif field.message_type and field.message_type.full_name == "google.protobuf.Timestamp":
            def put_time(seconds, nanos=0, parents=parents, field=field):
                def put(request):
                    value = getattr(holder_of(request, parents), field.name)
                    value.seconds, value.nanos = seconds, nanos
                return put
            add("after the year 9999", put_time(253_402_300_800))
            add("before the year 1", put_time(-62_135_596_801))
            add("bad nanos", put_time(4_102_444_800, 2_000_000_000))
            if field.name == "expire_time":
                add("over", put_time(1_000_000_000))
        elif field.type == pd.FieldDescriptor.TYPE_STRING:
            for what, value in strings_for(field):
                add(what, setter(parents, field, value))
        elif field.type == pd.FieldDescriptor.TYPE_ENUM:
            add("unknown value", setter(parents, field, 999))
        elif field.name in ("page_size", "number_limit", "limit"):
            add("negative", setter(parents, field, -1))
        elif field.type == pd.FieldDescriptor.TYPE_BOOL:
            continue
        elif field.message_type and not field.message_type.full_name.startswith("google."):
            continue
        else:
            raise AssertionError(f"{method}: no bad value is known for {path}")
    return found


# What a bad text is put in place of; long enough to be found in a request's bytes.
PLACEHOLDER = "placeholder of a text"
NOT_UTF8 = b"\xc3\x28" + b"\xff" * (len(PLACEHOLDER) - 2)


def undecodable(method: str, request: pd.Descriptor) -> list[Bad]:
    """For every text in a method's request: one that `not_utf8` turns into no UTF-8."""
    found = []
    for path, field, parents in walk(method, request):
        if field.message_type and field.message_type.GetOptions().map_entry:
            keys = map_setter(parents, field, {PLACEHOLDER: "x"})
            values = map_setter(parents, field, {"k": PLACEHOLDER})
            found += [Bad(method, path, "key", keys), Bad(method, path, "value", values)]
        elif field.message_type and field.message_type.full_name == "google.protobuf.FieldMask":
            found.append(Bad(method, path, "path", mask_setter(parents, field, [PLACEHOLDER])))
        elif field.type == pd.FieldDescriptor.TYPE_STRING:
            found.append(Bad(method, path, "text", setter(parents, field, PLACEHOLDER)))
    return found


def not_utf8(request: Any) -> bytes:
    """The wire form of a request, its placeholder replaced by as many bytes that are no UTF-8.

    Python's protobuf refuses to make such a request itself.
    """
    return request.SerializeToString().replace(PLACEHOLDER.encode(), NOT_UTF8)
