"""The .proto files: those that others name are the same on the wire as theirs, ours are well formed
and break nobody.

To take a new baseline after a release:
    .venv/bin/buf build --exclude-source-info -o Protos/baseline.binpb
"""

import importlib
import pathlib
import shutil
import subprocess
import sys

import pytest
from google.protobuf import descriptor_pb2

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUF = pathlib.Path(sys.executable).with_name("buf")

# Ours, and the published module that holds the same descriptor.
PUBLISHED = {
    "google/rpc/code.proto": "google.rpc.code_pb2",
    "google/rpc/status.proto": "google.rpc.status_pb2",
    "google/rpc/error_details.proto": "google.rpc.error_details_pb2",
    "grpc/channelz/v1/channelz.proto": "grpc_channelz.v1.channelz_pb2",
    "grpc/health/v1/health.proto": "grpc_health.v1.health_pb2",
    "grpc/reflection/v1alpha/reflection.proto": "grpc_reflection.v1alpha.reflection_pb2",
}


# Ours has the messages and fields that our spans need, and nothing that the published one has not.
SUBSETS = {
    f"opentelemetry/proto/{path}.proto": f"opentelemetry.proto.{path.replace('/', '.')}_pb2"
    for path in ("common/v1/common", "resource/v1/resource", "trace/v1/trace", "collector/trace/v1/trace_service")
}


# No package on PyPI holds a descriptor of these. The interop tests judge grpc.testing and ORCA: they
# are played against gRPC's own C++ and Python.
UNPUBLISHED = {
    "grpc/reflection/v1/reflection.proto",
    "grpc/testing/empty.proto",
    "grpc/testing/messages.proto",
    "grpc/testing/test.proto",
}


def run(*arguments, cwd=ROOT):
    return subprocess.run(
        [str(part) for part in arguments], cwd=cwd, capture_output=True, text=True, timeout=120
    )


@pytest.fixture(scope="module")
def ours(tmp_path_factory):
    """Our files, compiled: by name."""
    image = tmp_path_factory.mktemp("image") / "image.binpb"
    result = run(BUF, "build", "--as-file-descriptor-set", "-o", image)
    assert result.returncode == 0, result.stderr
    files = descriptor_pb2.FileDescriptorSet.FromString(image.read_bytes())
    return {file.name: file for file in files.file}


def published(module):
    file = descriptor_pb2.FileDescriptorProto()
    importlib.import_module(module).DESCRIPTOR.CopyToProto(file)
    return file


def json_name(field):
    """The name in JSON; a descriptor may leave it out where it is the usual one."""
    head, *rest = field.name.split("_")
    return field.json_name or head + "".join(part[:1].upper() + part[1:] for part in rest)


def enum_facts(path, enum):
    yield (path, "enum")
    for value in enum.value:
        yield (path, "value", value.number, value.name)


def message_facts(path, message):
    yield (path, "message", "map entry" if message.options.map_entry else "")
    oneofs = [oneof.name for oneof in message.oneof_decl]
    for field in message.field:
        oneof = oneofs[field.oneof_index] if field.HasField("oneof_index") else ""
        yield (
            path,
            "field",
            field.number,
            field.name,
            descriptor_pb2.FieldDescriptorProto.Type.Name(field.type),
            field.type_name,
            descriptor_pb2.FieldDescriptorProto.Label.Name(field.label),
            oneof,
            field.proto3_optional,
            json_name(field),
        )
    for nested in message.nested_type:
        yield from message_facts(f"{path}.{nested.name}", nested)
    for enum in message.enum_type:
        yield from enum_facts(f"{path}.{enum.name}", enum)


def facts(file):
    """Everything that decides what travels: names, numbers, types, labels, methods, streaming."""
    root = "." + file.package
    yield ("syntax", file.syntax)
    for message in file.message_type:
        yield from message_facts(f"{root}.{message.name}", message)
    for enum in file.enum_type:
        yield from enum_facts(f"{root}.{enum.name}", enum)
    for service in file.service:
        yield (f"{root}.{service.name}", "service")
        for method in service.method:
            yield (
                f"{root}.{service.name}",
                "method",
                method.name,
                method.input_type,
                method.output_type,
                method.client_streaming,
                method.server_streaming,
            )


def assert_same(mine, theirs):
    missing, extra = theirs - mine, mine - theirs
    assert (sorted(map(str, missing)), sorted(map(str, extra))) == ([], [])


@pytest.mark.parametrize("name, module", PUBLISHED.items())
def test_published_names_and_numbers(ours, name, module):
    mine, theirs = set(facts(ours[name])), set(facts(published(module)))
    assert len(mine) > 3
    assert_same(mine, theirs)


@pytest.mark.parametrize("name, module", SUBSETS.items())
def test_subset_of_published_names_and_numbers(ours, name, module):
    mine, theirs = set(facts(ours[name])), set(facts(published(module)))
    assert len(mine) > 3
    assert_same(mine, theirs & mine)


def test_reflection_v1_is_v1alpha_by_another_name(ours):
    """PyPI has no descriptor of grpc.reflection.v1: gRPC defines it as v1alpha renamed."""

    def renamed(fact):
        return tuple(
            part.replace(".grpc.reflection.v1alpha", ".grpc.reflection.v1")
            if isinstance(part, str)
            else part
            for part in fact
        )

    theirs = published("grpc_reflection.v1alpha.reflection_pb2")
    mine = set(facts(ours["grpc/reflection/v1/reflection.proto"]))
    assert_same(mine, {renamed(fact) for fact in facts(theirs)})


def test_comparison_sees_a_changed_number(ours):
    changed = descriptor_pb2.FileDescriptorProto()
    changed.CopyFrom(ours["google/rpc/status.proto"])
    changed.message_type[0].field[0].number = 9
    assert set(facts(changed)) != set(facts(ours["google/rpc/status.proto"]))


SCOPES = {
    *(f"{kind}:{right}" for kind in ("providers", "numbers", "agents") for right in ("read", "write")),
    *(f"calls:{right}" for right in ("read", "place", "control")),
    "admin",
    "dispatch",
}


def required_scope(method):
    """The option 50001 of access.proto, read from what a parser without it keeps as unknown."""
    wire, key = method.options.SerializeToString(), bytes([0x8A, 0xB5, 0x18])
    at = wire.find(key)
    return wire[at + 4 : at + 4 + wire[at + 3]].decode() if at >= 0 else None


def test_every_method_of_ours_has_a_scope(ours):
    scopes = {
        f"{file.package}.{service.name}/{method.name}": required_scope(method)
        for file in ours.values()
        if file.package.startswith("trunkline.") and file.package != "trunkline.testing.v1"
        for service in file.service
        for method in service.method
    }
    assert len(scopes) > 25
    assert {name: scope for name, scope in scopes.items() if scope not in SCOPES} == {}
    # Nothing that writes is done with a right to read, and the other way about.
    reads = ("Get", "List", "Watch", "Wait", "Diagnose", "Search")
    for name, scope in scopes.items():
        if scope.endswith((":read", ":write")):
            assert name.split("/")[1].startswith(reads) == scope.endswith(":read"), name


def test_all_foreign_files_are_compared(ours):
    foreign = {name for name in ours if name.startswith(("google/rpc/", "grpc/", "opentelemetry/"))}
    assert foreign == set(PUBLISHED) | set(SUBSETS) | UNPUBLISHED


def test_lint():
    result = run(BUF, "lint")
    assert result.returncode == 0, result.stdout + result.stderr


def test_distribution_protoc_compiles_everything(tmp_path):
    """`make generate` uses Debian's protoc, which is older than buf."""
    protoc = shutil.which("protoc")
    if protoc is None:
        pytest.skip("protoc is not installed")
    protos = ROOT / "Protos"
    names = sorted(str(path.relative_to(protos)) for path in protos.rglob("*.proto"))
    output = tmp_path / "set.binpb"
    result = run(protoc, f"-I{protos}", f"--descriptor_set_out={output}", *names)
    assert result.returncode == 0, result.stderr


def test_breaks_nobody():
    result = run(BUF, "breaking", "--against", "Protos/baseline.binpb")
    assert result.returncode == 0, result.stdout + result.stderr


REMOVAL = [
    # A field of the public contract, a field of the internal one, a method, an enum value.
    ("trunkline/v1/provider.proto", "  string display_name = 2;", "FIELD_NO_DELETE"),
    ("trunkline/internal/v1/route.proto", "  string carrier_sid = 5;", "FIELD_NO_DELETE"),
    (
        "trunkline/v1/agent_service.proto",
        "  rpc GetAgent(GetAgentRequest) returns (GetAgentResponse) {\n"
        '    option (required_scope) = "agents:read";\n  }',
        "RPC_NO_DELETE",
    ),
    ("trunkline/v1/region.proto", "  REGION_AU1 = 3;", "ENUM_VALUE_NO_DELETE"),
]


@pytest.mark.parametrize("name, line, complaint", REMOVAL)
def test_breaking_change_is_seen(tmp_path, name, line, complaint):
    shutil.copytree(ROOT / "Protos", tmp_path / "Protos")
    shutil.copy(ROOT / "buf.yaml", tmp_path)
    file = tmp_path / "Protos" / name
    text = file.read_text()
    assert text.count(line) == 1
    file.write_text(text.replace(line, ""))
    result = run(
        BUF, "breaking", "--against", "Protos/baseline.binpb", "--error-format", "json", cwd=tmp_path
    )
    assert result.returncode == 100, result.stderr
    assert complaint in result.stdout


def test_addition_is_allowed(tmp_path):
    shutil.copytree(ROOT / "Protos", tmp_path / "Protos")
    shutil.copy(ROOT / "buf.yaml", tmp_path)
    file = tmp_path / "Protos" / "trunkline/v1/provider.proto"
    line = "  string display_name = 2;"
    file.write_text(file.read_text().replace(line, line + "\n  string note = 99;"))
    result = run(BUF, "breaking", "--against", "Protos/baseline.binpb", cwd=tmp_path)
    assert result.returncode == 0, result.stdout + result.stderr


SECRETS = {"api_key_secret", "auth_token", "password"}


def test_every_secret_has_a_flag_beside_it(ours):
    """Secrets are write-only, so a read must say in another way whether one is set."""

    def messages(message):
        yield message
        for nested in message.nested_type:
            yield from messages(nested)

    seen = set()
    for name, file in ours.items():
        if not name.startswith("trunkline/v1/"):
            continue
        for top in file.message_type:
            for message in messages(top):
                fields = {field.name: field for field in message.field}
                for secret in SECRETS & fields.keys():
                    seen.add(secret)
                    assert fields[secret].proto3_optional, f"{message.name}.{secret}"
                    assert f"has_{secret}" in fields, f"{message.name}.{secret}"
    assert seen == SECRETS


def test_lists_have_pages(ours):
    for name, file in ours.items():
        if not name.startswith("trunkline/v1/"):
            continue
        messages = {message.name: message for message in file.message_type}
        for service in file.service:
            for method in service.method:
                if not method.name.startswith("List"):
                    continue
                request = {field.name for field in messages[method.name + "Request"].field}
                response = {field.name for field in messages[method.name + "Response"].field}
                assert {"page_size", "page_token"} <= request, method.name
                assert "next_page_token" in response, method.name
