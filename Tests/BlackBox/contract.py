"""The public contract as its descriptors tell it: services, methods, and what comments promise."""

import functools
import pathlib
import re
import tempfile

from google.protobuf import descriptor_pb2
from grpc_tools import protoc

from harness import ROOT


def _compile(folder):
    protos = ROOT / "Protos"
    files = sorted(str(path.relative_to(protos)) for path in protos.glob("trunkline/v1/*.proto"))
    include = pathlib.Path(protoc.__file__).parent / "_proto"
    out = pathlib.Path(folder) / "contract.binpb"
    arguments = ["protoc", f"-I{protos}", f"-I{include}", "--include_source_info", f"-o{out}"]
    assert protoc.main([*arguments, *files]) == 0
    return descriptor_pb2.FileDescriptorSet.FromString(out.read_bytes())


@functools.cache
def files():
    """The .proto files of trunkline.v1 with their comments."""
    with tempfile.TemporaryDirectory() as folder:
        return list(_compile(folder).file)


@functools.cache
def methods():
    """Every method of the public contract: "Service.Method" -> its descriptor."""
    return {
        f"{service.name}.{method.name}": method
        for file in files()
        for service in file.service
        for method in service.method
    }


@functools.cache
def required():
    """The fields and oneofs whose comment says that they are required: (message, name)."""
    found = set()
    for file in files():
        comments = {
            tuple(at.path): at.leading_comments for at in file.source_code_info.location
        }
        for index, message in enumerate(file.message_type):
            _required_in(message, f"{file.package}.{message.name}", (4, index), comments, found)
    return frozenset(found)


def _required_in(message, name, path, comments, found):
    for index, field in enumerate(message.field):
        if re.search(r"\bRequired\b", comments.get((*path, 2, index), "")):
            found.add((name, field.name))
    for index, oneof in enumerate(message.oneof_decl):
        if re.search(r"\bRequired\b", comments.get((*path, 8, index), "")):
            found.add((name, oneof.name))
    for index, nested in enumerate(message.nested_type):
        _required_in(nested, f"{name}.{nested.name}", (*path, 3, index), comments, found)
