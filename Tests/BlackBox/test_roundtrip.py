"""Messages made at random go to our implementation and come back as Python's protobuf understands
them, on the wire and in JSON, in both directions; hostile bytes are refused or read alike.

TRUNKLINE_ROUNDTRIPS says how many messages of each type (default 150); TRUNKLINE_SEED repeats a run.
"""

import math
import os
import pathlib
import random
import struct
import subprocess

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory
from google.protobuf import unknown_fields
from google.protobuf.descriptor import FieldDescriptor as Field
from google.protobuf.message import DecodeError

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN_DIR = pathlib.Path(os.environ.get("TRUNKLINE_BIN_DIR", ROOT / ".build" / "debug"))
PROGRAM = BIN_DIR / "protobuf-roundtrip"
COUNT = int(os.environ.get("TRUNKLINE_ROUNDTRIPS", "150"))
SEED = int(os.environ.get("TRUNKLINE_SEED", "20240229"))


class Peer:
    """The driver of our implementation."""

    def __init__(self):
        self.process = subprocess.Popen([PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, form, name, body):
        """The message on the wire and in JSON, or None and the error."""
        out = form + _framed(name.encode()) + _framed(body)
        self.process.stdin.write(out)
        self.process.stdin.flush()
        failed = self._read(1) == b"\x01"
        first, second = self._part(), self._part()
        return (None, first.decode()) if failed else (first, second.decode())

    def _part(self):
        return self._read(int.from_bytes(self._read(4), "big"))

    def _read(self, count):
        data = self.process.stdout.read(count)
        assert len(data) == count, f"the driver ended: {self.process.poll()}"
        return data

    def close(self):
        self.process.stdin.close()
        assert self.process.wait(timeout=10) == 0


def _framed(data):
    return len(data).to_bytes(4, "big") + data


def _image():
    files = sorted(str(p.relative_to(ROOT / "Protos")) for p in (ROOT / "Protos").rglob("*.proto"))
    known = ["any", "duration", "empty", "field_mask", "struct", "timestamp", "wrappers"]
    files += [f"google/protobuf/{name}.proto" for name in known]
    include = os.environ.get("PROTOBUF_INCLUDE", "/usr/include")
    result = subprocess.run(
        ["protoc", "-I", "Protos", "-I", include, "--include_imports", "-o", "/dev/stdout", *files],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    return descriptor_pb2.FileDescriptorSet.FromString(result.stdout)


IMAGE = _image()
POOL = descriptor_pool.DescriptorPool()
for _file in IMAGE.file:
    POOL.Add(_file)


def _types():
    def walk(prefix, messages):
        for message in messages:
            if message.options.map_entry:
                continue
            name = f"{prefix}.{message.name}"
            yield name
            yield from walk(name, message.nested_type)

    for file in IMAGE.file:
        # Imported for the option that names a method's scope; no type of ours is made of it.
        if file.name != "google/protobuf/descriptor.proto":
            yield from walk(file.package, file.message_type)


TYPES = sorted(_types())


def make(name):
    return message_factory.GetMessageClass(POOL.FindMessageTypeByName(name))()


class Maker:
    """Makes messages at random, with a liking for edges."""

    TEXTS = ["", "a", "\0", "a\0b", "é", "日本", "😀", '"\\/\b\f\n\r\t\x1f\x7f', "x" * 300, "</s>\u2028"]
    INTS = [0, 1, -1, 127, 128, 300, 2**31 - 1, -(2**31), 2**32 - 1, 2**53 + 1, 2**63 - 1, -(2**63)]
    FLOATS = [0.0, -0.0, 1.0, -1.5, 1e-45, 3.4028234663852886e38, 1e20, 0.1, 1 / 3]
    DOUBLES = FLOATS + [5e-324, 1.7976931348623157e308, 1e21, 123456789.123456789]

    def __init__(self, seed, odd_floats=True):
        self.random = random.Random(seed)
        self.odd = [math.inf, -math.inf, math.nan] if odd_floats else []

    def message(self, name, depth=0):
        message = make(name)
        special = getattr(self, "_" + name.rsplit(".", 1)[1], None)
        if name.startswith("google.protobuf.") and special:
            special(message, depth)
        else:
            density = self.random.choice([0.1, 0.5, 0.9])
            for field in message.DESCRIPTOR.fields:
                if self.random.random() < density:
                    self.set(message, field, depth)
        return message

    def set(self, message, field, depth):
        nests = field.type == Field.TYPE_MESSAGE
        if nests and depth > 4:
            return
        if field.type == Field.TYPE_MESSAGE and field.message_type.GetOptions().map_entry:
            key, value = (field.message_type.fields_by_name[n] for n in ("key", "value"))
            entries = getattr(message, field.name)
            for _ in range(self.random.randrange(4)):
                if value.type == Field.TYPE_MESSAGE:
                    entries[self.scalar(key)].CopyFrom(
                        self.message(value.message_type.full_name, depth + 1)
                    )
                else:
                    entries[self.scalar(key)] = self.scalar(value)
        elif field.is_repeated:
            for _ in range(self.random.randrange(4)):
                if nests:
                    getattr(message, field.name).add().CopyFrom(
                        self.message(field.message_type.full_name, depth + 1)
                    )
                else:
                    getattr(message, field.name).append(self.scalar(field))
        elif nests:
            value = self.message(field.message_type.full_name, depth + 1)
            target = getattr(message, field.name)
            target.SetInParent()
            target.CopyFrom(value)
        else:
            setattr(message, field.name, self.scalar(field))

    def scalar(self, field):
        kind, pick = field.type, self.random.choice
        if kind == Field.TYPE_STRING:
            return pick(self.TEXTS)
        if kind == Field.TYPE_BYTES:
            return self.random.randbytes(pick([0, 1, 2, 3, 4, 40]))
        if kind == Field.TYPE_BOOL:
            return pick([True, False])
        if kind == Field.TYPE_DOUBLE:
            return pick(self.DOUBLES + self.odd)
        if kind == Field.TYPE_FLOAT:
            return pick(self.FLOATS + self.odd)
        if kind == Field.TYPE_ENUM:
            known = [value.number for value in field.enum_type.values]
            if field.enum_type.full_name == "google.protobuf.NullValue":
                return 0
            return pick(known + [12345, -12345])
        bits = 32 if "32" in _KINDS[kind] else 64
        signed = not _KINDS[kind].startswith(("u", "fixed"))
        low = -(2 ** (bits - 1)) if signed else 0
        high = 2 ** (bits - 1) - 1 if signed else 2**bits - 1
        return pick([n for n in self.INTS + [self.random.randint(low, high)] if low <= n <= high])

    # The types whose JSON form holds only some of their values.

    def _Timestamp(self, message, _):
        message.seconds = self.random.choice(
            [0, 1, -1, -62135596800, 253402300799, 951782400, self.random.randrange(2**33)]
        )
        message.nanos = self.random.choice([0, 1, 999999999, 500000000, 1000, 123456000])

    def _Duration(self, message, _):
        sign = self.random.choice([1, -1])
        message.seconds = sign * self.random.choice([0, 1, 315576000000, 3600])
        message.nanos = sign * self.random.choice([0, 1, 999999999, 500000000, 1000])
        if abs(message.seconds) == 315576000000:
            message.nanos = 0

    def _FieldMask(self, message, _):
        paths = ["a", "display_name", "config.twilio.account_sid", "x1", "foo_bar_baz"]
        message.paths.extend(self.random.sample(paths, self.random.randrange(4)))

    def _Struct(self, message, depth):
        for key in self.random.sample(self.TEXTS, self.random.randrange(3)):
            self._Value(message.fields[key], depth + 1)

    def _ListValue(self, message, depth):
        for _ in range(self.random.randrange(3)):
            self._Value(message.values.add(), depth + 1)

    def _Value(self, message, depth):
        kind = self.random.randrange(4 if depth > 4 else 6)
        if kind == 0:
            message.null_value = 0
        elif kind == 1:
            message.number_value = self.random.choice([0.0, 1.0, -2.5, 1e300])
        elif kind == 2:
            message.string_value = self.random.choice(self.TEXTS)
        elif kind == 3:
            message.bool_value = self.random.choice([True, False])
        elif kind == 4:
            message.struct_value.SetInParent()
            self._Struct(message.struct_value, depth + 1)
        else:
            message.list_value.SetInParent()
            self._ListValue(message.list_value, depth + 1)

    def _Any(self, message, depth):
        names = [
            "trunkline.testing.v1.Scalars",
            "google.protobuf.Duration",
            "google.protobuf.Value",
            "google.protobuf.StringValue",
            "google.rpc.ErrorInfo",
        ]
        name = self.random.choice(names + (["google.protobuf.Any"] if depth < 3 else []))
        message.Pack(self.message(name, depth + 1))


_KINDS = {
    value: name[len("TYPE_") :].lower()
    for name, value in vars(Field).items()
    if name.startswith("TYPE_")
}


@pytest.fixture(scope="module")
def peer():
    peer = Peer()
    yield peer
    peer.close()


def same(name, wire, expected):
    """Compares by Python's canonical encoding, in which NaN is equal to itself."""
    ours = make(name)
    ours.ParseFromString(wire)
    return canonical(ours) == canonical(expected)


def canonical(message):
    """The encoding with all maps in order, those inside an Any too."""
    copy = type(message)()
    copy.CopyFrom(message)
    _order(copy)
    return copy.SerializeToString(deterministic=True)


def _order(message):
    if message.DESCRIPTOR.full_name == "google.protobuf.Any":
        if message.type_url:
            inner = make(message.type_url.rsplit("/")[-1])
            inner.ParseFromString(message.value)
            message.value = canonical(inner)
        return
    for field, value in message.ListFields():
        if field.type != Field.TYPE_MESSAGE:
            continue
        if field.message_type.GetOptions().map_entry:
            if field.message_type.fields_by_name["value"].type == Field.TYPE_MESSAGE:
                for key in value:
                    _order(value[key])
        elif field.is_repeated:
            for element in value:
                _order(element)
        else:
            _order(value)


@pytest.mark.parametrize("name", TYPES)
def test_random_messages(peer, name):
    for index in range(COUNT):
        seed = f"{SEED} {name} {index}"
        message = Maker(seed).message(name)
        body = message.SerializeToString()

        wire, text = peer.ask(b"w", name, body)
        assert wire is not None, (seed, text, message)
        assert same(name, wire, message), (seed, message)
        if "google.protobuf.Any" not in name:
            # Bytes for bytes but for the order of maps.
            assert len(wire) == len(body) or _has_maps(message.DESCRIPTOR), (seed, message)
        from_json = json_format.Parse(text, make(name), descriptor_pool=POOL)
        assert same(name, from_json.SerializeToString(), message), (seed, text)

        for names in (False, True):
            text = json_format.MessageToJson(
                message, preserving_proto_field_name=names, descriptor_pool=POOL
            )
            wire, answer = peer.ask(b"j", name, text.encode())
            assert wire is not None, (seed, answer, text)
            assert same(name, wire, message), (seed, text)


def _has_maps(descriptor, seen=()):
    return any(
        field.message_type.GetOptions().map_entry
        or (
            field.message_type.full_name not in seen
            and _has_maps(field.message_type, (*seen, field.message_type.full_name))
        )
        for field in descriptor.fields
        if field.type == Field.TYPE_MESSAGE
    )


def test_unknown_fields_are_kept(peer):
    for index in range(COUNT):
        maker = Maker(f"{SEED} unknown {index}")
        body = maker.message("trunkline.testing.v1.Repeateds").SerializeToString()
        for name in ("google.protobuf.Empty", "trunkline.testing.v1.Scalars"):
            if name.endswith("Scalars"):
                body = _renumbered(body)
            wire, text = peer.ask(b"w", name, body)
            assert wire == body, text


def _renumbered(body):
    """The same field with a number that nobody has."""
    return b"".join(_varint(5000 << 3 | 2) + _varint(len(part)) + part for part in (body, b""))


def _varint(value):
    out = b""
    while value >= 0x80:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def test_split_and_repeated_fields_merge_alike(peer):
    """A message given in pieces: the last scalar counts, messages merge, lists go on."""
    for name in ("Tree", "Choices", "Optionals", "Repeateds", "Maps", "Forms"):
        name = f"trunkline.testing.v1.{name}"
        for index in range(COUNT):
            seed = f"{SEED} merge {name} {index}"
            pieces = [Maker(f"{seed} {part}").message(name) for part in range(2)]
            body = b"".join(piece.SerializeToString() for piece in pieces)
            expected = make(name)
            expected.ParseFromString(body)
            wire, text = peer.ask(b"w", name, body)
            if wire is None and "JSON cannot hold" in text:
                continue
            assert wire is not None, (seed, text)
            assert same(name, wire, expected), seed


def test_damaged_bytes_are_refused_or_read_alike(peer):
    """What both accept means the same to both; what we accept can be read again; nothing ends the
    driver.

    What is unknown may be written otherwise, where its tag had more bytes than it needs. We refuse
    more: a field of another wire type, which Python keeps as unknown. We accept more: text
    that is not UTF-8 in a field that a later one replaces. And Python keeps a map's entry that has
    an unknown field as a whole among the unknown ones, where we take what we know of it.
    """
    accepted = refused = 0
    for name in ("Tree", "Choices", "Optionals", "Repeateds", "Maps", "Scalars"):
        name = f"trunkline.testing.v1.{name}"
        for index in range(COUNT * 5):
            chance = random.Random(f"{SEED} damage {name} {index}")
            body = bytearray(Maker(f"{SEED} {index}").message(name).SerializeToString())
            for _ in range(chance.randrange(1, 4)):
                if not body:
                    break
                at = chance.randrange(len(body))
                match chance.randrange(4):
                    case 0:
                        body[at] = chance.randrange(256)
                    case 1:
                        del body[at:]
                    case 2:
                        body[at:at] = chance.randbytes(chance.randrange(1, 4))
                    case 3:
                        del body[at]
            wire, _ = peer.ask(b"w", name, bytes(body))
            expected = make(name)
            try:
                expected.ParseFromString(bytes(body))
            except DecodeError:
                if wire is not None:
                    expected.ParseFromString(wire)
                refused += 1
                continue
            if wire is None:
                refused += 1
            else:
                accepted += 1
                assert (
                    same(name, wire, expected)
                    or _has_odd_entries(expected)
                    or same(name, _known(name, wire), _without_unknown(expected))
                ), (name, bytes(body).hex())
    assert accepted > 0 and refused > 0


def _without_unknown(message):
    """The message without its unknown fields, at any depth."""
    copy = type(message)()
    copy.CopyFrom(message)
    copy.DiscardUnknownFields()
    return copy


def _known(name, wire):
    message = make(name)
    message.ParseFromString(wire)
    return _without_unknown(message).SerializeToString()


def _has_odd_entries(message):
    """Whether unknown fields, at any depth, have the number of a map."""
    numbers = {
        field.number
        for field in message.DESCRIPTOR.fields
        if field.type == Field.TYPE_MESSAGE and field.message_type.GetOptions().map_entry
    }
    if any(field.field_number in numbers for field in unknown_fields.UnknownFieldSet(message)):
        return True
    for field, value in message.ListFields():
        if field.type != Field.TYPE_MESSAGE:
            continue
        if field.message_type.GetOptions().map_entry:
            if field.message_type.fields_by_name["value"].type != Field.TYPE_MESSAGE:
                continue
            values = value.values()
        else:
            values = value if field.is_repeated else [value]
        if any(_has_odd_entries(element) for element in values):
            return True
    return False


def test_random_bytes_do_not_end_the_driver(peer):
    chance = random.Random(SEED)
    for index in range(COUNT * 10):
        name = TYPES[index % len(TYPES)]
        peer.ask(b"w", name, chance.randbytes(chance.randrange(64)))
        text = "".join(chance.choice('{}[]":,\\u019-+.eEnulltrfasd \n') for _ in range(40))
        peer.ask(b"j", name, text.encode())


SCALARS = "trunkline.testing.v1.Scalars"
FORMS = "trunkline.testing.v1.Forms"
CHOICES = "trunkline.testing.v1.Choices"
ACCEPTED = [
    (SCALARS, '{"i64": 5, "u64": "18446744073709551615", "i32": "7", "u32": 1e3, "s32": -2.0}'),
    (SCALARS, '{"i32": 100000e-5, "i64": "900000e-5"}'),
    (SCALARS, '{"raw": "-_8=", "text": "\\ud83d\\ude00"}'),
    (SCALARS, '{"raw": "-_8"}'),
    (SCALARS, '{"hue": 1, "d": "1.5", "f": "-Infinity"}'),
    (SCALARS, '{"hue": "HUE_CRIMSON", "farAway": 1}'),
    (SCALARS, '{"hue": 77, "far_away": 2, "text": null}'),
    (CHOICES, '{"null": null, "other": 3}'),
    (CHOICES, '{"enum": null, "bool": false}'),
    (CHOICES, '{"renamed_field": 4, "nothing": {}}'),
    (FORMS, '{"value": null, "values": [null, 1, [], {}], "null": null}'),
    (FORMS, '{"time": "2024-02-29T23:59:59.5+01:30", "duration": "-0.000000001s"}'),
    (FORMS, '{"mask": "", "boolValue": false, "int64Value": "5", "bytesValue": ""}'),
    (FORMS, '{"any": {"value": "1s", "@type": "type.googleapis.com/google.protobuf.Duration"}}'),
    (FORMS, '{"any": {"reason": "R", "@type": "type.googleapis.com/google.rpc.ErrorInfo"}}'),
]


@pytest.mark.parametrize("name, text", ACCEPTED)
def test_json_that_is_accepted(peer, name, text):
    wire, answer = peer.ask(b"j", name, text.encode())
    assert wire is not None, answer
    assert same(name, wire, json_format.Parse(text, make(name), descriptor_pool=POOL))


REFUSED = [
    (SCALARS, "", "syntax"),
    (SCALARS, "null", "value"),
    (SCALARS, "[]", "value"),
    (SCALARS, "{} {}", "syntax"),
    (SCALARS, '{"i32": 1,}', "syntax"),
    (SCALARS, '{"i32": 01}', "syntax"),
    (SCALARS, '{"i32": +1}', "value"),
    (SCALARS, "{'i32': 1}", "syntax"),
    (SCALARS, '{"nope": 1}', "unknownField"),
    (SCALARS, '{"i32": 1, "i32": 2}', "duplicate"),
    (SCALARS, '{"farAway": 1, "far_away": 2}', "duplicate"),
    (SCALARS, '{"i32": 2147483648}', "value"),
    (SCALARS, '{"i32": 1.5}', "value"),
    (SCALARS, '{"i32": "1 "}', "value"),
    (SCALARS, '{"u32": -1}', "value"),
    (SCALARS, '{"i64": "9223372036854775808"}', "value"),
    (SCALARS, '{"u64": 1e400}', "value"),
    (SCALARS, '{"f": 1e39}', "value"),
    (SCALARS, '{"d": 1e999}', "value"),
    (SCALARS, '{"d": "inf"}', "value"),
    (SCALARS, '{"d": NaN}', "value"),
    (SCALARS, '{"flag": "true"}', "value"),
    (SCALARS, '{"flag": 1}', "value"),
    (SCALARS, '{"text": 1}', "value"),
    (SCALARS, '{"text": "\\ud83d"}', "syntax"),
    (SCALARS, '{"text": "\\udc00"}', "syntax"),
    (SCALARS, '{"text": "a\nb"}', "syntax"),
    (SCALARS, '{"text": "\\x"}', "syntax"),
    (SCALARS, '{"raw": "a"}', "value"),
    (SCALARS, '{"raw": "*"}', "value"),
    (SCALARS, '{"hue": "HUE_NONE"}', "value"),
    (SCALARS, '{"hue": 1.5}', "value"),
    (CHOICES, '{"bool": true, "self": "x"}', "duplicate"),
    (FORMS, '{"values": null, "anys": [null]}', "value"),
    (FORMS, '{"time": "2023-02-29T00:00:00Z"}', "value"),
    (FORMS, '{"time": "10000-01-01T00:00:00Z"}', "value"),
    (FORMS, '{"time": "2024-01-01T24:00:00Z"}', "value"),
    (FORMS, '{"time": "2024-01-01 00:00:00Z"}', "value"),
    (FORMS, '{"time": "2024-01-01T00:00:00"}', "value"),
    (FORMS, '{"duration": "1"}', "value"),
    (FORMS, '{"duration": "315576000001s"}', "value"),
    (FORMS, '{"mask": "a_b"}', "value"),
    (FORMS, '{"any": {"@type": "type.googleapis.com/no.Such"}}', "unknownType"),
    (FORMS, '{"any": {"value": 1}}', "value"),
    (FORMS, '{"any": {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "x": 1}}', "unknownField"),
    (FORMS, '{"list": ' + "[" * 101 + "]" * 101 + "}", "nestedTooDeep"),
    (FORMS, '{"list": ' + "[" * 100000, "nestedTooDeep"),
    ("trunkline.testing.v1.Maps", '{"text": {"a": "1", "a": "2"}}', "duplicate"),
    ("trunkline.testing.v1.Maps", '{"text": {"a": null}}', "value"),
    ("trunkline.testing.v1.Maps", '{"raw": {"x": ""}}', "value"),
    ("trunkline.testing.v1.Maps", '{"side": {"1": ""}}', "value"),
    ("trunkline.testing.v1.Repeateds", '{"i32": [null]}', "value"),
    ("trunkline.testing.v1.Repeateds", '{"i32": 1}', "value"),
]


@pytest.mark.parametrize("name, text, error", REFUSED)
def test_json_that_is_refused(peer, name, text, error):
    wire, answer = peer.ask(b"j", name, text.encode())
    assert wire is None
    expected = {
        "syntax": "not valid JSON",
        "value": "must be",
        "unknownField": "is not a field",
        "duplicate": "given twice",
        "unknownType": "is not known",
        "nestedTooDeep": "nest deeper",
    }
    assert expected[error] in answer, answer


def test_json_must_be_utf8(peer):
    assert peer.ask(b"j", SCALARS, b'{"text": "\xff"}')[0] is None


def test_floats_are_written_so_that_they_come_back(peer):
    chance = random.Random(SEED)
    for _ in range(COUNT * 5):
        message = make(SCALARS)
        message.d = struct.unpack("<d", chance.randbytes(8))[0]
        message.f = struct.unpack("<f", chance.randbytes(4))[0]
        if math.isnan(message.d) or math.isnan(message.f):
            continue
        _, text = peer.ask(b"w", SCALARS, message.SerializeToString())
        assert json_format.Parse(text, make(SCALARS)) == message, text
