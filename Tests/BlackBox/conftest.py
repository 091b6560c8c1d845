"""Fixtures of the black-box tests: our programs running, and clients that others wrote."""

import importlib
import pathlib
import signal
import sys
import types

import grpc
import pytest
from grpc_tools import protoc

import harness


def pytest_configure(config):
    """A shell that runs this in the background has SIGINT ignored, and every program would inherit
    that; the tests interrupt some."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failed test shows the end of what each program wrote."""
    outcome = yield
    report = outcome.get_result()
    if report.failed:
        for process in harness.running:
            text = process.output()[-harness.LOG_SHOWN_MAX :]
            report.sections.append((f"output of {process.name} {process.arguments}", text))


@pytest.fixture(scope="session", autouse=True)
def stop_everything():
    """Nothing that a test started outlives the tests, and no log holds what it must not."""
    yield
    for process in list(harness.running):
        process.kill()
    leaks = harness.leaks()
    assert not leaks, "\n".join(leaks[:50])


def _import_tree(folder):
    """Every generated module below `folder`, by its last two names: v1.agent_pb2 as agent_pb2."""
    modules = {}
    for path in sorted(folder.rglob("*_pb2*.py")):
        name = ".".join(path.relative_to(folder).with_suffix("").parts)
        modules[name] = importlib.import_module(name)
    return modules


@pytest.fixture(scope="session")
def stubs(tmp_path_factory):
    """grpcio's code for our contract, made from Protos/ by grpcio-tools.

    `stubs.v1`, `stubs.internal` and `stubs.testing` hold every message and stub of their package.
    google.rpc comes from googleapis-common-protos.
    """
    folder = tmp_path_factory.mktemp("stubs")
    protos = harness.ROOT / "Protos"
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
    yield packages
    sys.path.remove(str(folder))


@pytest.fixture
def sim(tmp_path):
    """A carrier-sim of its own, with nothing in it."""
    process = harness.CarrierSim(tmp_path).start()
    yield process
    process.stop()


@pytest.fixture
def server(tmp_path, sim):
    """A trunklined with both roles and an empty data folder, whose carrier is `sim`."""
    process = harness.Trunklined(tmp_path / "server", sim).start()
    yield process
    process.stop()


@pytest.fixture
def start_server(tmp_path, sim):
    """Starts further servers: start_server("name", roles="dispatch", registry=...)."""
    started = []

    def start(name, wait=True, **options):
        process = harness.Trunklined(tmp_path / name, sim, **options)
        started.append(process)
        return process.start(wait=wait)

    yield start
    for process in reversed(started):
        process.stop()


@pytest.fixture
def channel(server):
    """A grpcio channel to `server`."""
    with server.channel() as opened:
        grpc.channel_ready_future(opened).result(timeout=harness.START_MAX)
        yield opened
