"""The server that is attacked, and the well-behaved client beside it."""

import contextlib
import json
import os
import pathlib
import subprocess
import sys

import harness

HERE = pathlib.Path(__file__).parent


class Server(harness.Process):
    """Bench, whose memory and descriptors are known."""

    def __init__(self, log, arguments=(), limit=None):
        self.address = f"127.0.0.1:{harness.free_port()}"
        self.limit = limit
        super().__init__("Bench", ["serve", "--listen", self.address, *arguments], log)

    def start(self):
        super().start()
        if self.limit:
            subprocess.run(["prlimit", f"--pid={self.popen.pid}", f"--nofile={self.limit}"], check=True)
        harness.wait_until(lambda: self.check_running() and harness.is_serving(self.address), "Bench")
        return self

    def status(self, name):
        """A number of /proc/PID/status, in bytes when it has a unit."""
        for line in pathlib.Path(f"/proc/{self.popen.pid}/status").read_text().splitlines():
            if line.startswith(name + ":"):
                value = line.split()[1:]
                return int(value[0]) * (1024 if value[1:] == ["kB"] else 1)
        raise KeyError(name)

    @property
    def memory(self):
        return self.status("VmRSS")

    @property
    def cpu_seconds(self):
        """CPU time of the process, user and system."""
        fields = pathlib.Path(f"/proc/{self.popen.pid}/stat").read_text().rpartition(") ")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    @property
    def descriptors(self):
        """How many it has open, but for the reserve that libuv opens at a loop's first connection."""
        return sum(target != "/dev/null" for target in self._open())

    @property
    def all_descriptors(self):
        return len(self._open())

    def _open(self):
        found = []
        for entry in pathlib.Path(f"/proc/{self.popen.pid}/fd").iterdir():
            # One that is closed while this looks is gone.
            with contextlib.suppress(FileNotFoundError):
                found.append(os.readlink(entry))
        return found


class Healthy:
    """healthy.py, asked for what it has measured."""

    def __init__(self, address):
        self.popen = subprocess.Popen(
            [sys.executable, HERE / "healthy.py", address],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )

    def measured(self):
        self.popen.stdin.write("\n")
        self.popen.stdin.flush()
        return json.loads(self.popen.stdout.readline())

    def wait_for_calls(self, count):
        """Waits until it has made so many more calls."""
        seen = 0

        def enough():
            nonlocal seen
            seen += self.measured()["calls"]
            return seen >= count

        harness.wait_until(enough, "calls of the well-behaved client")

    def stop(self):
        self.popen.stdin.close()
        self.popen.kill()
        self.popen.wait()
