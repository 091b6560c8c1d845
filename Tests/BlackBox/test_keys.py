"""The keyring: where it comes from, that it fits the database, that it changes while a server serves, and rotation."""

import base64
import contextlib
import json
import os
import pathlib
import random
import resource
import shutil
import signal
import sqlite3
import subprocess
import threading

import pytest

import harness
import postgres
import world as worlds


def fresh_key():
    key = base64.b64encode(os.urandom(32)).decode()
    harness.secrets.add(key)
    return key


def keyring(*seals):
    """A keyring's text with these keys that seal: (name, key)."""
    lines = [f"seal {name} {key}" for name, key in seals]
    return "\n".join([*lines, f"fingerprint f {FINGERPRINT}", f"webhook w {WEBHOOK}"]) + "\n"


FINGERPRINT, WEBHOOK = fresh_key(), fresh_key()


def run(*arguments, **environment):
    """Runs trunklined to its end: exit code and what it said."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("TRUNKLINE_")}
    done = subprocess.run(
        [harness.program("trunklined"), *map(str, arguments)], stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120, env=clean | environment)
    return done.returncode, done.stdout.decode()


def table(text):
    """Of `keys ls`: state and rows of each key."""
    lines = [line.split() for line in text.splitlines()]
    assert lines[0] == ["NAME", "PURPOSE", "STATE", "ROWS"]
    return {line[0]: (" ".join(line[2:-1]), line[-1]) for line in lines[1:] if line[1] == "seal"}


def keys_of(server):
    code, said = run("keys", "ls", *place_of(server))
    assert code == 0, said
    return table(said)


def place_of(server):
    """Where a server keeps its data, for the other commands."""
    wanted = ("--data-dir=", "--database=", "--keyring=")
    return [argument for argument in server.arguments if argument.startswith(wanted)]


def stands(provider, world):
    """Whether the carrier takes what is stored for a provider."""
    request = world.v1.ValidateProviderRequest(id=provider.id)
    answer = world.providers.ValidateProvider(request, timeout=worlds.ANSWER_MAX)
    return answer.provider.state == world.v1.Provider.STATE_ACTIVE


@contextlib.contextmanager
def connected(stubs, sim, server):
    world = worlds.World(stubs, sim, server)
    try:
        yield world
    finally:
        world.close()


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    with postgres.Server(tmp_path_factory.mktemp("pg") / "server", ["fsync = off"]) as server:
        names = iter(f"keys{number}" for number in range(100))
        yield lambda: server.url(server.make_database(next(names)))


@pytest.fixture(params=["sqlite", "postgresql"])
def stored(request):
    """The further arguments of a server on each engine."""
    if request.param == "sqlite":
        return []
    return [f"--database={request.getfixturevalue('database')()}"]


# Where it comes from


def test_a_keyring_in_the_environment_is_shown_to_nobody(start_server, stubs, sim, tmp_path):
    key = fresh_key()
    server = harness.Trunklined(tmp_path / "env", sim)
    server.environment["TRUNKLINE_KEYRING_KEYS"] = keyring(("one", key))
    try:
        server.start()
        with connected(stubs, sim, server) as world:
            assert stands(world.provider(world.account()), world)
        assert not (server.data_dir / "keyring").exists()
        for task in pathlib.Path("/proc", str(server.popen.pid)).glob("environ"):
            shown = task.read_bytes()
            assert b"PATH=" in shown
            assert key.encode() not in shown and b"seal one" not in shown
    finally:
        server.stop()
    text = keyring(("one", key))
    code, said = run("keys", "ls", f"--data-dir={server.data_dir}", TRUNKLINE_KEYRING_KEYS=text)
    assert code == 0 and table(said) == {"one": ("current", "1")}
    code, said = run("keys", "ls", "--keyring=x", TRUNKLINE_KEYRING_KEYS=text)
    assert code == 64 and "--keyring and TRUNKLINE_KEYRING_KEYS exclude each other" in said
    code, said = run("keys", "add", TRUNKLINE_KEYRING_KEYS=text)
    assert code == 70 and "not in a file: change it there" in said
    code, said = run("serve", f"--data-dir={tmp_path / 'other'}", TRUNKLINE_KEYRING_KEYS="seal one short")
    assert code == 70 and "TRUNKLINE_KEYRING_KEYS can't be used: line 1 is not" in said
    assert "short" not in said


@pytest.mark.parametrize("change", ["another", "without"])
def test_a_keyring_that_does_not_fit_the_database_is_refused(start_server, stubs, sim, tmp_path, stored, change):
    own, others = tmp_path / "own", tmp_path / "others"
    own.write_text(keyring(("seal-1", fresh_key())))
    others.write_text(keyring(("seal-1" if change == "another" else "seal-9", fresh_key())))
    for path in (own, others):
        path.chmod(0o600)
    server = start_server("fits", keyring=own, arguments=stored)
    with connected(stubs, sim, server) as world:
        world.provider(world.account())
        world.agent_with([sip(world, "agent-password")], id="sip")
    assert keys_of(server) == {"seal-1": ("current", "2")}
    server.stop()

    server.arguments = [a.replace(f"--keyring={own}", f"--keyring={others}") for a in server.arguments]
    server.start(wait=False)
    assert server.popen.wait(harness.START_MAX) == 70
    said = server.output().splitlines()[-1]
    assert f"The keyring {others} does not fit the database" in said
    if change == "another":
        assert "2 providers and agents are sealed under a key 'seal-1' that is another" in said
    else:
        assert "2 providers and agents are sealed under the key 'seal-9'" not in said
        assert "2 providers and agents are sealed under the key 'seal-1', which is not in it" in said
        assert keys_of(server) == {"seal-9": ("current", "0"), "seal-1": ("missing", "2")}
    assert "Start with the keyring that they were sealed with" in said
    server.stop()
    # Nothing was changed: with its own keyring it serves.
    server.arguments = [a.replace(f"--keyring={others}", f"--keyring={own}") for a in server.arguments]
    server.start()
    server.stop()


def sip(world, password):
    """A connection with a password."""
    harness.secrets.add(password)
    return world.v1.AgentConnection(
        sip=world.v1.AgentConnection.Sip(uri="sip:agent@sip.example", username="trunk", password=password))


class Mount:
    """A folder as kubelet mounts a Secret into it: `keyring` → `..data/keyring`, `..data` → a folder of this version."""

    def __init__(self, folder, text):
        self.folder = folder
        self.version = 0
        folder.mkdir()
        (folder / "keyring").symlink_to("..data/keyring")
        self.swap(text)

    def swap(self, text):
        self.version += 1
        old = self.folder / f"..v{self.version - 1}"
        new = self.folder / f"..v{self.version}"
        new.mkdir(mode=0o755)
        (new / "keyring").write_text(text)
        (new / "keyring").chmod(0o440)
        link = self.folder / "..data_tmp"
        link.symlink_to(new.name)
        link.rename(self.folder / "..data")
        shutil.rmtree(old, ignore_errors=True)


def test_a_mounted_keyring_changes_while_the_server_serves(start_server, stubs, sim, tmp_path, stored):
    one, two = ("one", fresh_key()), ("two", fresh_key())
    mount = Mount(tmp_path / "mount", keyring(one))
    server = start_server("mounted", keyring=mount.folder, arguments=stored)

    def said(text, count=1):
        harness.wait_until(
            lambda: server.check_running() and server.output().count(text) >= count, text)

    with connected(stubs, sim, server) as world:
        first = world.provider(world.account())
        mount.swap(keyring(one, two))
        said("the keyring was reloaded")
        mount.swap(keyring(two, one))
        said("the keyring was reloaded", 2)
        second = world.provider(world.account())
        assert keys_of(server) == {"two": ("current", "1"), "one": ("in use", "1")}
        assert stands(first, world) and stands(second, world)

        # A broken one, one that lacks a key that is needed, one whose keys are others: the one before stays.
        broken = "the keyring changed and can't be used; the one before stays"
        mount.swap("seal broken\n")
        said(broken)
        mount.swap(keyring(two))
        said(broken, 2)
        assert "1 provider or agent are sealed under the key 'one'" in server.output()
        mount.swap(keyring(("two", fresh_key()), one))
        said(broken, 3)
        assert stands(first, world) and stands(second, world)

        mount.swap(keyring(two, one))
        said("the keyring was reloaded", 3)
        code, told = run("keys", "rotate", *place_of(server))
        assert code == 0 and "1 rows were sealed anew under two" in told
        assert keys_of(server) == {"two": ("current", "2"), "one": ("may be removed", "0")}
        mount.swap(keyring(two))
        said("the keyring was reloaded", 4)
        assert stands(first, world) and stands(second, world)
    server.stop()
    server.start()
    with connected(stubs, sim, server) as world:
        assert stands(first, world) and stands(second, world)


# Rotation


def password_of(world, number):
    """What an agent's SIP server is shown when the number is called; None while the number is not routed."""
    for verb in world.call_in(number.e164)["twiml"]:
        for target in verb.get("children", ()):
            return target["attributes"].get("password")
    return None


def set_password(world, id, password):
    harness.secrets.add(password)
    agent = world.v1.Agent(id=id, connections=[sip(world, password)])
    request = world.v1.UpdateAgentRequest(agent=agent)
    request.update_mask.paths.append("connections")
    world.agents.UpdateAgent(request, timeout=worlds.ANSWER_MAX)


def test_rotation_while_secrets_are_written_and_it_is_killed(start_server, stubs, sim, tmp_path, stored):
    """Every password is the last that was set, whatever the rotation was doing, and none needs the old key."""
    count, writers = 60, 3
    path = tmp_path / "keys"
    server = start_server("rotated", keyring=path, arguments=stored)
    with connected(stubs, sim, server) as world:
        number = world.number_of(assigned=False)
        ids = [f"agent-{index}" for index in range(count)]
        last = {}
        for id in ids:
            last[id] = f"password of {id} at first"
            world.agent_with([sip(world, last[id])], id=id)
        code, said = run("keys", "add", f"--keyring={path}")
        assert code == 0 and "seal-2 was added" in said
        harness.wait_until(lambda: "the keyring was reloaded" in server.output(), "the reload")
        assert keys_of(server) == {
            "seal-1": ("current", str(count + 1)), "seal-2": ("may be removed", "0")}

        stop = threading.Event()
        failed = []

        def write(mine):
            try:
                for turn in range(10**6):
                    for id in mine:
                        if stop.is_set():
                            return
                        password = f"password of {id} in turn {turn}"
                        set_password(world, id, password)
                        last[id] = password
            except Exception as error:
                failed.append(error)

        threads = [
            threading.Thread(target=write, args=(ids[index : count // 2 : writers],)) for index in range(writers)]
        for thread in threads:
            thread.start()
        try:
            kills = rotate_and_kill(server, 12)
            code, said = run("keys", "rotate", *place_of(server))
            assert code == 0, said
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        assert not failed, failed
        print(f"killed {kills} times; {said.strip()}")
        code, said = run("keys", "rotate", *place_of(server))
        assert code == 0, said
        assert keys_of(server) == {"seal-2": ("current", str(count + 1)), "seal-1": ("may be removed", "0")}

        # Without the old key everything opens.
        kept = [line for line in path.read_text().splitlines() if not line.startswith("seal seal-1 ")]
        path.write_text("\n".join(kept) + "\n")
        server.stop()
        server.start()
        world.connect()
        for id in (ids[0], ids[count // 4], ids[-1]):
            world.assign(number, world.v1.Agent(id=id))
            harness.wait_until(lambda: password_of(world, number) == last[id], f"the password of {id}")
            world.unassign(number)
    server.stop()
    code, said = run("export", *[a for a in place_of(server) if "keyring" not in a], tmp_path / "all.jsonl")
    assert code == 0, said
    # Of all tables, only the audit log remembers the old key.
    named = {}
    for name, row in rows_of(tmp_path / "all.jsonl"):
        for key in (b"seal-1", b"seal-2"):
            named.setdefault(key, set()).update([name] if any(key in cell for cell in row) else [])
    assert named[b"seal-1"] == {"audit_events"}
    assert {"providers", "agents", "routes"} <= named[b"seal-2"]
    copy = sqlite3.connect(server.data_dir / "routes.db")
    rows = [bytes(row[0]) for row in copy.execute("SELECT sealed FROM route_copies")]
    copy.close()
    assert rows and all(b"seal-2/au1+ie1+us1" in row and b"seal-1" not in row for row in rows)


def rows_of(path):
    """The rows of an export: the table's name, and each cell as bytes."""
    table = None
    for line in path.read_text().splitlines():
        line = json.loads(line)
        table = line.get("table", table)
        if "row" in line:
            yield table, [
                base64.b64decode(cell["bytes"]) if isinstance(cell, dict) else str(cell).encode()
                for cell in line["row"]]


def rotate_and_kill(server, times):
    """Begins rotations and ends them with -9 at random moments; how many were under way."""
    killed = 0
    for attempt in range(times):
        # Named the first time: the file changes, and it may be killed while it waits for the servers.
        name = ["seal-2"] if attempt < 2 else []
        command = [str(harness.program("trunklined")), "keys", "rotate", *name, *place_of(server)]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        longest = 8 if name else 0.4
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(random.uniform(0, longest))
        killed += process.poll() is None
        process.kill()
        process.wait()
        code, said = run("keys", "ls", *place_of(server))
        assert code == 0, said
    return killed


def test_rotation_leaves_what_it_cannot_open_and_says_so(start_server, stubs, sim, tmp_path):
    path = tmp_path / "keys"
    first = ("first", fresh_key())
    path.write_text(keyring(first))
    path.chmod(0o600)
    server = start_server("left", keyring=path)
    with connected(stubs, sim, server) as world:
        world.provider(world.account())
        world.agent_with([sip(world, "left-password")], id="left")
    server.stop()
    code, said = run("keys", "rotate", "nowhere", *place_of(server))
    assert code == 70 and "it has no key 'nowhere' that seals" in said
    path.write_text(keyring(("second", fresh_key()), ("first", fresh_key())))
    code, said = run("keys", "rotate", *place_of(server))
    assert code == 70 and "2 rows could not be sealed anew and stay as they were" in said
    assert "provider prv_" in said and "agent left of ten_" in said
    path.write_text(keyring(("second", fresh_key())))
    code, said = run("keys", "rotate", *place_of(server))
    assert code == 70 and "the keyring has no key 'first'" in said
    path.write_text(keyring(first))
    assert keys_of(server) == {"first": ("current", "2")}


# Memory


def test_keys_are_locked_and_no_core_is_dumped(sim, tmp_path):
    """With a control that does dump: the system would write a core file here."""
    folder = tmp_path / "cores"
    folder.mkdir()

    def dumps_allowed():
        resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

    def ended(process):
        _, status = os.waitpid(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        return process.returncode, os.WCOREDUMP(status)

    control = subprocess.Popen(
        ["sleep", "1000"], cwd=folder, preexec_fn=dumps_allowed, start_new_session=True)
    control.send_signal(signal.SIGABRT)
    assert ended(control)[0] == -signal.SIGABRT
    can_dump = any(folder.iterdir())
    print(f"the control wrote a core file: {can_dump}")
    for path in folder.iterdir():
        path.unlink()

    for number in (signal.SIGABRT, signal.SIGSEGV):
        server = harness.Trunklined(tmp_path / number.name, sim)
        with server.log.open("ab") as output:
            process = subprocess.Popen(
                [str(harness.program("trunklined")), *server.arguments], cwd=folder, stdin=subprocess.DEVNULL,
                stdout=output, stderr=output, preexec_fn=dumps_allowed, start_new_session=True)
        try:
            harness.wait_until(
                lambda: process.poll() is None and harness.is_serving(server.address), "trunklined")
            proc = pathlib.Path("/proc", str(process.pid))
            [limit] = [line for line in (proc / "limits").read_text().splitlines() if "core file" in line]
            assert limit.split()[4:6] == ["0", "0"]
            status = dict(line.split(":", 1) for line in (proc / "status").read_text().splitlines())
            assert int(status["VmLck"].split()[0]) > 0
            assert "keys may be swapped out" not in server.output()
            process.send_signal(number)
            assert ended(process) == (-number, False)
            # Swift's report of a crash would show registers and the memory that they point to.
            assert "rip 0x" not in server.output() and "Backtrace" not in server.output()
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
        assert not list(folder.iterdir()), f"a core file after {number.name}; a control dumps: {can_dump}"
        assert not list(server.data_dir.glob("core*"))
