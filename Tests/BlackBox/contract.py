"""The public contract as its descriptors tell it: services, methods, and what comments promise."""

import atexit
import functools
import importlib
import pathlib
import re
import shutil
import sys
import tempfile
import types

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


def _import_tree(folder):
    """Every generated module below `folder`, by its last two names: v1.agent_pb2 as agent_pb2."""
    modules = {}
    for path in sorted(folder.rglob("*_pb2*.py")):
        name = ".".join(path.relative_to(folder).with_suffix("").parts)
        modules[name] = importlib.import_module(name)
    return modules


@functools.cache
def stubs():
    """grpcio's code for our contract, made from Protos/ by grpcio-tools.

    `stubs().v1`, `.internal` and `.testing` hold every message and stub of their package.
    google.rpc comes from googleapis-common-protos.
    """
    folder = pathlib.Path(tempfile.mkdtemp(prefix="trunkline-stubs-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    protos = ROOT / "Protos"
    files = sorted(str(path.relative_to(protos)) for path in protos.glob("trunkline/**/*.proto"))
    include = pathlib.Path(protoc.__file__).parent / "_proto"
    arguments = ["protoc", f"-I{protos}", f"-I{include}"]
    arguments += [f"--python_out={folder}", f"--grpc_python_out={folder}", *files]
    assert protoc.main(arguments) == 0
    sys.path.insert(0, str(folder))
    packages = types.SimpleNamespace()
    for name, module in _import_tree(folder).items():
        attribute = "v1" if name.startswith("trunkline.v1.") else name.split(".")[1]
        package = getattr(packages, attribute, None) or types.SimpleNamespace()
        setattr(packages, attribute, package)
        for key, value in vars(module).items():
            if not key.startswith("_") and key != "DESCRIPTOR":
                setattr(package, key, value)
    return packages
