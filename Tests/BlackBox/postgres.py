"""PostgreSQL for the black-box tests: clusters with a standby, a network that is cut, a disk that fills up.

    with postgres.Server(tmp_path / "primary") as primary:
        standby = primary.make_standby(tmp_path / "standby")   # synchronous from here on
        with postgres.Proxy(primary.port) as network:
            ... primary.url("registry", port=network.port) ...
            primary.kill(); standby.promote()

A server is ready when pg_isready says so, and gone when its processes are. It runs as `nobody` when the tests
are root, which initdb refuses, and dies with the tests however they end.
"""

import contextlib
import os
import pathlib
import selectors
import shutil
import signal
import socket
import struct
import subprocess
import threading
import urllib.parse

import harness

# The user of the servers when the tests are root.
NOBODY = 65534
# How much of a server's log a failed start shows, in bytes.
LOG_SHOWN_MAX = 4000


def programs():
    """The folder of the newest PostgreSQL's programs."""
    folders = [pathlib.Path(path).parent for path in os.environ.get("PATH", "").split(":")]
    found = sorted(
        pathlib.Path("/usr/lib/postgresql").glob("*/bin/initdb"),
        key=lambda path: int(path.parts[-3]), reverse=True)
    found += [folder / "initdb" for folder in folders if (folder / "initdb").exists()]
    if not found:
        raise FileNotFoundError("there is no PostgreSQL server here; run: scripts/deps.sh test")
    return found[0].parent


def _as_user(command):
    """`command` as the servers' user, ended when this process ends."""
    command = [str(part) for part in command]
    prefix = ["setpriv", "--pdeathsig=QUIT"]
    if os.geteuid() == 0:
        prefix += [f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--no-new-privs"]
    return [*prefix, "--", *command]


def _children(pid):
    try:
        return [int(child) for child in
                pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []


def _kill(pid):
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


class Server:
    """One server with its data folder. TCP on 127.0.0.1, and a unix socket in its folder."""

    def __init__(self, folder, settings=(), disk_megabytes=None, tls=None, wal_has_room=False):
        """`settings` are lines of postgresql.conf. `tls` is a folder with tls.crt and tls.key. With
        `disk_megabytes` the data lies on a disk of that size (see `can_make_disks`); the log of
        transactions too, unless `wal_has_room`. PostgreSQL goes on when its tables have no room,
        and ends itself when that log has none."""
        self.folder = pathlib.Path(folder)
        self.settings = list(settings)
        self.disk_megabytes = disk_megabytes
        self.tls = pathlib.Path(tls) if tls else None
        self.wal_has_room = wal_has_room
        self.port = harness.free_port()
        self.bin = programs()
        self.name = self.folder.name
        self.arguments = []
        self.process = None
        self._is_mounted = False

    # The folder

    @property
    def data(self):
        return self.folder / "disk" / "data"

    @property
    def log(self):
        return self.folder / "log"

    def output(self):
        """What it has written so far; shown when a test fails."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def _make_folder(self):
        disk = self.folder / "disk"
        disk.mkdir(parents=True)
        self._let_through()
        if self.disk_megabytes:
            subprocess.run(
                ["mount", "-t", "tmpfs", "-o", f"size={self.disk_megabytes}m", "tmpfs", disk], check=True)
            self._is_mounted = True
        if os.geteuid() == 0:
            for path in (self.folder, disk):
                os.chown(path, NOBODY, NOBODY)

    def _let_through(self):
        """pytest's folders are for their user alone, and a second pytest makes them so again; the
        servers' user has to get through."""
        parent = self.folder
        while os.geteuid() == 0 and parent != parent.parent:
            if parent.stat().st_uid == 0:
                parent.chmod(parent.stat().st_mode | 0o011)
            parent = parent.parent

    def _run(self, *command, **options):
        self._let_through()
        result = subprocess.run(
            _as_user(command), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, cwd=self.folder, **options)
        if result.returncode != 0:
            raise RuntimeError(f"{command}: {result.stdout.decode(errors='replace')}")

    def _write(self, path, text):
        path.write_text(text)
        if os.geteuid() == 0:
            os.chown(path, NOBODY, NOBODY)

    def _configure(self):
        lines = [
            "listen_addresses = '127.0.0.1'", f"unix_socket_directories = '{self.folder}'",
            "shared_buffers = 16MB", "jit = off", f"port = {self.port}", *self.settings]
        if self.tls:
            for name in ("tls.crt", "tls.key"):
                self._write(self.folder / name, (self.tls / name).read_text())
                (self.folder / name).chmod(0o600)
            lines += ["ssl = on", f"ssl_cert_file = '{self.folder}/tls.crt'",
                      f"ssl_key_file = '{self.folder}/tls.key'"]
        with (self.data / "postgresql.conf").open("a") as conf:
            conf.write("\n".join(lines) + "\n")

    # Its life

    def __enter__(self):
        return self.create()

    def __exit__(self, *_):
        self.remove()

    def create(self):
        """Makes the cluster, durable as PostgreSQL is, and starts it."""
        self._make_folder()
        # One-megabyte WAL segments, so that small disks hold some.
        elsewhere = [f"--waldir={self.folder / 'wal'}"] if self.wal_has_room else []
        self._run(
            self.bin / "initdb", f"--pgdata={self.data}", "--username=postgres", "--auth=trust",
            "--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions", "--wal-segsize=1",
            *elsewhere)
        self._configure()
        return self.start()

    def make_standby(self, folder, name="standby", synchronous=True, port=None):
        """A second server that follows this one; with `synchronous` a COMMIT here waits for it.
        `port` is where it finds this one: a proxy's, so that the two can be cut apart."""
        other = Server(folder, self.settings, tls=self.tls)
        other._make_folder()
        source = f"host=127.0.0.1 port={port or self.port} user=postgres application_name={name}"
        self._run(
            self.bin / "pg_basebackup", f"--pgdata={other.data}", f"--dbname={source}",
            "--checkpoint=fast", "--wal-method=stream", "--write-recovery-conf", "--no-sync")
        other._configure()
        other.start()
        if synchronous:
            self.sql(f"ALTER SYSTEM SET synchronous_standby_names = 'FIRST 1 ({name})'")
            self.sql("SELECT pg_reload_conf()")
            harness.wait_until(
                lambda: self.sql("SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'") == "1",
                "the standby is synchronous")
        return other

    def start(self):
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                _as_user([self.bin / "postgres", "-D", self.data]), stdin=subprocess.DEVNULL,
                stdout=output, stderr=subprocess.STDOUT, start_new_session=True)
        harness.running.append(self)
        try:
            harness.wait_until(self._is_ready, f"PostgreSQL at {self.folder}")
        except (TimeoutError, RuntimeError):
            self.kill()
            raise
        return self

    def _is_ready(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"PostgreSQL ended:\n{self.output()[-LOG_SHOWN_MAX:]}")
        return subprocess.run(
            [self.bin / "pg_isready", "-q", "-h", self.folder, "-p", str(self.port)]).returncode == 0

    @property
    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def stop(self, mode="fast"):
        """Ends it: "fast" ends connections and writes what it has, "immediate" writes nothing."""
        if self.process is None:
            return
        self.process.send_signal({"fast": signal.SIGINT, "immediate": signal.SIGQUIT}[mode])
        self.process.wait(harness.STOP_MAX)
        self._forget()

    def kill(self):
        """kill -9 of the server and its children, as a power cut would, less what the kernel holds."""
        if self.process is None:
            return
        children = _children(self.process.pid)
        for pid in (self.process.pid, *children):
            _kill(pid)
        self.process.wait()
        harness.wait_until(
            lambda: not any(pathlib.Path(f"/proc/{child}").exists() for child in children),
            "the server's children are gone")
        self._forget()

    def _forget(self):
        self.process = None
        with contextlib.suppress(ValueError):
            harness.running.remove(self)

    def promote(self):
        """Makes a standby the primary; it no longer waits for anybody."""
        self._run(self.bin / "pg_ctl", "promote", "-D", self.data, "-s")
        harness.wait_until(
            lambda: self.sql("SELECT pg_is_in_recovery()") == "f", "the standby is promoted")

    def remove(self):
        """Kills it and removes its folder."""
        self.kill()
        if self._is_mounted:
            subprocess.run(["umount", "-l", self.folder / "disk"], check=True)
            self._is_mounted = False
        shutil.rmtree(self.folder, ignore_errors=True)

    # Its use

    def url(self, database="postgres", port=None, user="postgres", **parameters):
        """The URL of a database by TCP; `port` may be a proxy's."""
        parameters.setdefault("sslmode", "verify-full" if self.tls else "disable")
        host = "localhost" if self.tls else "127.0.0.1"
        query = urllib.parse.urlencode(parameters)
        return f"postgres://{user}@{host}:{port or self.port}/{database}?{query}"

    def sql(self, text, database="postgres"):
        """Runs SQL with psql by the unix socket, each statement by itself; a line for each row."""
        result = subprocess.run(
            [self.bin / "psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", self.folder,
             "-p", str(self.port), "-U", "postgres", "-d", database, "-f", "-"],
            input=text.encode(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        output = result.stdout.decode(errors="replace").strip()
        if result.returncode != 0:
            raise RuntimeError(f"psql: {output}")
        return output

    def session(self, database="postgres"):
        """psql by the unix socket, which takes SQL on its input until that is closed."""
        self._let_through()
        return subprocess.Popen(
            [self.bin / "psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", self.folder,
             "-p", str(self.port), "-U", "postgres", "-d", database],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def make_database(self, name="registry"):
        self.sql(f"CREATE DATABASE {name}")
        return name

    # Its disk

    def fill_disk(self):
        """Leaves no byte free on its disk."""
        with (self.folder / "disk" / "ballast").open("ab", buffering=0) as ballast:
            for size in (1 << 20, 1 << 12, 1):
                with contextlib.suppress(OSError):
                    while True:
                        ballast.write(b"\0" * size)

    def free_disk(self):
        (self.folder / "disk" / "ballast").unlink()


def several_hosts(*servers, database="registry", **parameters):
    """One URL for several servers, for the one that takes writes."""
    parameters.setdefault("sslmode", "disable")
    parameters.setdefault("target_session_attrs", "read-write")
    hosts = ",".join(f"127.0.0.1:{server.port}" for server in servers)
    return f"postgres://postgres@{hosts}/{database}?{urllib.parse.urlencode(parameters)}"


def can_make_disks(folder):
    """Whether this machine lets the tests mount a small disk; it takes root, outside of most containers."""
    place = pathlib.Path(folder) / "try"
    place.mkdir()
    try:
        if os.geteuid() != 0:
            return False
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", place], stderr=subprocess.DEVNULL)
        if mounted.returncode == 0:
            subprocess.run(["umount", place], check=True)
        return mounted.returncode == 0
    finally:
        place.rmdir()


class Proxy:
    """A TCP hop to a port of 127.0.0.1 that can be cut: then nothing comes through and nobody is told.
    It can refuse as well: then everybody is told at once."""

    # Bytes of one read.
    CHUNK = 64 << 10

    def __init__(self, target_port):
        self.target_port = target_port
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.connection_count = 0
        self._selector = selectors.DefaultSelector()
        self._wake_out, self._wake_in = socket.socketpair()
        self._requests = []
        self._lock = threading.Lock()
        self._peers = {}
        self._pending = {}
        self._is_cut = False
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._selector.register(self.listener, selectors.EVENT_READ)
        self._selector.register(self._wake_out, selectors.EVENT_READ)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._ask("end")
        self._thread.join()

    def cut(self):
        """Holds every byte, both ways, and leaves new connections without an answer."""
        self._ask("cut")

    def refuse(self):
        """Resets every connection, and refuses new ones."""
        self._ask("refuse")

    def heal(self):
        """Lets everything through again, also what was held."""
        self._ask("heal")

    def drop(self):
        """Resets every connection; new ones are welcome."""
        self._ask("drop")

    def _ask(self, what):
        done = threading.Event()
        with self._lock:
            self._requests.append((what, done))
        self._wake_in.send(b"x")
        done.wait()

    # The thread

    def _run(self):
        ended = None
        while ended is None:
            for key, events in self._selector.select():
                if key.fileobj is self._wake_out:
                    ended = self._take_requests() or ended
                elif key.fileobj is self.listener:
                    self._accept()
                else:
                    self._move(key.fileobj, events)
        self._drop_all()
        self.listener.close()
        self._selector.close()
        ended.set()

    def _take_requests(self):
        self._wake_out.recv(1024)
        with self._lock:
            requests, self._requests = self._requests, []
        for what, done in requests:
            if what == "end":
                return done
            if what in ("drop", "refuse"):
                self._drop_all()
            if what == "refuse" and self.listener.fileno() >= 0:
                self._selector.unregister(self.listener)
                self.listener.close()
            if what == "heal" and self.listener.fileno() < 0:
                # Registered by _watch_all below.
                self.listener = socket.create_server(("127.0.0.1", self.port))
            if what in ("cut", "heal"):
                self._is_cut = what == "cut"
                self._watch_all()
            done.set()
        return None

    def _watch_all(self):
        for place in [self.listener, *self._peers]:
            with contextlib.suppress(KeyError, ValueError):
                self._selector.unregister(place)
        if self._is_cut:
            return
        self._selector.register(self.listener, selectors.EVENT_READ)
        for place in list(self._peers):
            self._watch(place)

    def _watch(self, place):
        """Reads from a place while its peer takes it; writes while there is something for it."""
        events = 0 if self._pending[self._peers[place]] else selectors.EVENT_READ
        if self._pending[place]:
            events |= selectors.EVENT_WRITE
        with contextlib.suppress(KeyError):
            self._selector.unregister(place)
        if events:
            self._selector.register(place, events)

    def _accept(self):
        client, _ = self.listener.accept()
        self.connection_count += 1
        try:
            server = socket.create_connection(("127.0.0.1", self.target_port), timeout=5)
        except OSError:
            self._reset(client)
            return
        for place in (client, server):
            place.setblocking(False)
            place.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._pending[place] = b""
        self._peers[client], self._peers[server] = server, client
        self._watch(client)
        self._watch(server)

    def _move(self, place, events):
        if place not in self._peers:
            return
        peer = self._peers[place]
        try:
            if events & selectors.EVENT_READ:
                data = place.recv(self.CHUNK)
                if not data:
                    self._drop(place)
                    return
                self._pending[peer] += data
            for end in (peer, place):
                if self._pending[end]:
                    self._pending[end] = self._pending[end][end.send(self._pending[end]):]
        except BlockingIOError:
            pass
        except OSError:
            self._drop(place)
            return
        self._watch(place)
        self._watch(peer)

    def _drop(self, place):
        for end in (place, self._peers[place]):
            with contextlib.suppress(KeyError):
                self._selector.unregister(end)
            self._peers.pop(end)
            self._pending.pop(end)
            self._reset(end)

    def _drop_all(self):
        while self._peers:
            self._drop(next(iter(self._peers)))

    @staticmethod
    def _reset(place):
        place.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        place.close()
