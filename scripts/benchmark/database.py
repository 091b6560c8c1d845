"""PostgreSQL for the benchmarks: a cluster that stays between runs."""

import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "Tests" / "BlackBox"))

import postgres  # noqa: E402: from the black-box tests

# As an operator of such a registry would set it: the numbers and their indexes fit in memory, as do
# pgbench's rows.
SETTINGS = ("shared_buffers = 4GB", "max_wal_size = 4GB", "checkpoint_timeout = 30min",
            "maintenance_work_mem = 512MB")


class Cluster(postgres.Server):
    """A server whose folder outlives it. `is_new` says whether it was made just now."""

    def __init__(self, folder):
        super().__init__(folder, SETTINGS)
        self.is_new = not self.data.exists()

    def __enter__(self):
        if self.is_new:
            return self.create()
        with (self.data / "postgresql.conf").open("a") as settings:
            settings.write(f"port = {self.port}\n")
        (self.data / "postmaster.pid").unlink(missing_ok=True)
        return self.start()

    def __exit__(self, *_):
        # What was loaded reaches the disk first: a stop is not waited for as long.
        self.sql("CHECKPOINT")
        self.stop()

    def psql(self, database):
        return [self.bin / "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-h", self.folder,
                "-p", str(self.port), "-U", "postgres", "-d", database]

    def copy_in(self, command, lines, database):
        """Sends lines to COPY … FROM STDIN."""
        process = subprocess.Popen([*self.psql(database), "-c", command], stdin=subprocess.PIPE)
        for line in lines:
            process.stdin.write(line.encode())
        process.stdin.close()
        if process.wait() != 0:
            sys.exit(f"bench: {command} failed")

    def pgbench(self, *arguments):
        """What pgbench prints, on a database of its own with a million rows."""
        if self.sql("SELECT count(*) FROM pg_database WHERE datname = 'pgbench'") == "0":
            self.make_database("pgbench")
            self._pgbench("-i", "-q", "-s", "10")
        return self._pgbench(*arguments)

    def _pgbench(self, *arguments):
        clean = {k: v for k, v in os.environ.items() if not k.startswith("PG")}
        result = subprocess.run(
            [self.bin / "pgbench", "-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres",
             *arguments, "pgbench"], capture_output=True, text=True, env=clean)
        if result.returncode != 0:
            sys.exit(f"bench: pgbench: {result.stderr}")
        return result.stdout
