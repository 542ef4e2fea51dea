# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: 2026 the zcmalloc authors
"""compare_servers.py - servers under load for bench/compare --programs: redis, memcached, nginx, PostgreSQL.

Each run starts the server, sends it a fixed number of requests and ends it by the signal that ends it cleanly.
The time is the clients'; CPU, faults and memory are the server's, all its processes together. Only the server
is preloaded, and a run counts only if the library is found in the server's map: a server that runs as
another user may be unable to read it, and the loader would only warn."""
import dataclasses
import glob
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import time

from compare_rows import Row
from compare_sampling import children_of, descendants_of, read_text

GROUP = "programs"
START_S = 20
PREPARE_S = 120  # for a command that prepares a run, or asks whether the server is there
STOP_S = 5
OUTPUT_KEPT_BYTES = 1 << 16
POLL_S = 0.02
MAPS_S = 2  # for all processes of a server to show that they have the library
IS_ROOT = os.geteuid() == 0
NGINX_PAGE_BYTES = 6000
POSTGRES_ROWS = 500000

NGINX_CONFIGURATION = """
daemon off;
worker_processes 2;
{user}
pid {folder}/nginx.pid;
error_log stderr error;
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path {folder}/nginx.body;
    proxy_temp_path {folder}/nginx.proxy;
    fastcgi_temp_path {folder}/nginx.fastcgi;
    uwsgi_temp_path {folder}/nginx.uwsgi;
    scgi_temp_path {folder}/nginx.scgi;
    default_type text/plain;
    keepalive_requests 1000000;
    gzip on;
    gzip_http_version 1.0;
    gzip_comp_level 1;
    gzip_types text/plain;
    server {{ listen 127.0.0.1:{port}; root {folder}; }}
}}
"""

POSTGRES_SCRIPT = """
\\set first random(1, 490000)
SELECT length(json_agg(t ORDER BY digest)::text) FROM
    (SELECT aid, filler, md5(aid::text) AS digest FROM pgbench_accounts
     WHERE aid BETWEEN :first AND :first + 1000) AS t;
"""


class ServerFailed(Exception):
    """Its text says why."""


@dataclasses.dataclass
class Server:
    """What is to be done around one run; folder is the scratch folder, in which the server was started."""

    is_up: object  # folder -> bool
    clients: object  # folder -> list of commands, run one after the other
    stop: int  # the signal
    prepare: object = None  # folder -> None, before the server starts


def does(command, timeout_s=PREPARE_S):
    """Its exit code is 0, and in time."""
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL, check=False, timeout=timeout_s)
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def does_listen(address):
    """A path or a port of this machine."""
    is_path = isinstance(address, str)
    with socket.socket(socket.AF_UNIX if is_path else socket.AF_INET) as probe:
        try:
            probe.connect(address if is_path else ("127.0.0.1", address))
        except OSError:
            return False
    return True


def is_preloaded(launcher_pid, path):
    """In all of the server's processes; those that are just ending have no map. True where there is no /proc."""
    if not path or not os.path.isdir("/proc/self"):
        return True
    maps = [read_text(f"/proc/{pid}/maps") for pid in descendants_of(launcher_pid)]
    maps = [text for text in maps if text]
    return bool(maps) and all(os.path.realpath(path) in text for text in maps)


def becomes_preloaded(launcher_pid, path):
    """A process that is just ending may show a part of its map only."""
    give_up = time.monotonic() + MAPS_S
    while not is_preloaded(launcher_pid, path):
        if time.monotonic() > give_up:
            return False
        time.sleep(POLL_S)
    return True


def last_line(path):
    """Of what a program printed; "" of one that printed nothing."""
    with open(path, "rb") as file:
        lines = file.read()[-OUTPUT_KEPT_BYTES:].decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else ""


def stop(server, process):
    for pid in children_of(process.pid):
        try:
            os.kill(pid, server.stop)
        except ProcessLookupError:  # it ended by itself meanwhile
            pass


def stop_and_wait(server, process):
    """For a while only."""
    stop(server, process)
    give_up = time.monotonic() + STOP_S
    while children_of(process.pid) and time.monotonic() < give_up:
        time.sleep(POLL_S)


def serve(row, allocator, process, runner, sampler, give_up):
    """Seconds that the clients needed; the server has been told to end. ServerFailed if it went wrong."""
    server, folder = row.server, runner.folder.name
    start_until = time.monotonic() + START_S
    while not server.is_up(folder):
        if process.poll() is not None:
            raise ServerFailed(f"the server ended at once with exit code {process.returncode} "
                               f"{last_line(runner.path('errors'))}".strip())
        if time.monotonic() > start_until:
            raise ServerFailed(f"the server did not answer within {START_S} s")
        time.sleep(POLL_S)
    if not becomes_preloaded(process.pid, allocator.path):
        raise ServerFailed(f"{allocator.path} is not in the server's memory: can its user read it?")
    begin = time.monotonic()
    for command in server.clients(folder):
        if not does(command, give_up - time.monotonic()):
            raise ServerFailed(f"{os.path.basename(command[0])} failed")
    took = time.monotonic() - begin
    sampler.sample()
    stop(server, process)
    return took


def find_program(name):
    """Servers are often outside a user's PATH; PostgreSQL's newest is in a folder of its own."""
    folders = sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda path: int(path.split("/")[4]), reverse=True)
    places = [*folders, *os.environ.get("PATH", "").split(":"), "/usr/sbin", "/usr/local/sbin"]
    return shutil.which(name, path=":".join(places))


def missing_of(*names):
    return [name for name in names if find_program(name) is None]


def libc_path():
    """To preload for the system's malloc where a program is linked with another allocator."""
    listing = subprocess.run(["ldd", "/bin/sh"], capture_output=True, text=True, check=False).stdout
    found = re.search(r"libc\.so\S* => (\S+)", listing)
    return found.group(1) if found else ""


def redis_row():
    def clients(folder):
        yield ["redis-benchmark", "-s", os.path.join(folder, "redis.socket"), "-n", "150000", "-r", "50000",
               "-P", "32", "-c", "20", "-d", "100", "-q", "-t", "set,get,lpush,lpop,hset,zadd"]

    command = ["redis-server", "--port", "0", "--unixsocket", "redis.socket", "--save", ""]
    server = Server(lambda folder: does_listen(os.path.join(folder, "redis.socket")), clients, signal.SIGTERM)
    return Row("redis", GROUP, command, system_preload=libc_path(), server=server)


def memcached_row():
    """Values of 400 bytes; the first client fills it, the second reads while the third overwrites."""
    def clients(folder):
        load = ["memcslap", "--servers=" + os.path.join(folder, "memcached.socket"), "--concurrency=8"]
        yield [*load, "--execute-number=5000", "--test=set"]
        yield [*load, "--execute-number=5000", "--test=get"]

    command = ["memcached", "-s", "memcached.socket", "-m", "512", "-t", "2", *(["-u", "root"] if IS_ROOT else [])]
    server = Server(lambda folder: does_listen(os.path.join(folder, "memcached.socket")), clients, signal.SIGINT)
    return Row("memcached", GROUP, command, server=server)


def nginx_row():
    """Two workers; plain pages on lasting connections, then compressed ones on a connection each."""
    port = [0]

    def prepare(folder):
        # A new port each time: the connections of the last run still occupy theirs.
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port[0] = probe.getsockname()[1]
        with open(os.path.join(folder, "page.txt"), "w", encoding="ascii") as page:
            lines = "".join(f"{number} {number * 7919 % 10007}\n" for number in range(NGINX_PAGE_BYTES))
            page.write(lines[:NGINX_PAGE_BYTES])
        with open(os.path.join(folder, "nginx.conf"), "w", encoding="ascii") as out:
            user = "user root;" if IS_ROOT else ""
            out.write(NGINX_CONFIGURATION.format(folder=folder, port=port[0], user=user))

    def clients(_folder):
        page = f"http://127.0.0.1:{port[0]}/page.txt"
        yield ["ab", "-q", "-k", "-n", "20000", "-c", "32", page]
        yield ["ab", "-q", "-n", "5000", "-c", "32", "-H", "Accept-Encoding: gzip", page]

    command = ["nginx", "-c", "nginx.conf", "-p", "."]
    server = Server(lambda _folder: does_listen(port[0]), clients, signal.SIGQUIT, prepare)
    return Row("nginx", GROUP, command, server=server, is_tree=True)


def postgres_user():
    """(words that run a command as a user other than root, that user's entry or None)"""
    if not IS_ROOT:
        return [], None
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"], pwd.getpwnam("postgres")


def is_running(pid):
    """A process that has ended and that nobody waits for does not."""
    text = read_text(f"/proc/{pid}/stat")
    return text is not None and text.rpartition(")")[2].split()[0] != "Z"


def remove_stale_lock(path):
    """Of a server that was killed: postgres takes a process that ended but is still listed for one that runs."""
    text = read_text(path)
    if not text or not os.path.isdir("/proc/self"):
        return
    give_up = time.monotonic() + STOP_S
    while is_running(text.split()[0]):
        if time.monotonic() > give_up:
            return
        time.sleep(POLL_S)
    if os.path.exists(path):
        os.remove(path)


def postgres_row(inputs):
    """A cluster of its own, made once; the queries only read, so that each run finds the same."""
    as_user, user = postgres_user()
    home = os.path.join(inputs, "postgres")
    data, script = os.path.join(home, "data"), os.path.join(home, "script.sql")
    settings = [f"unix_socket_directories={home}", "listen_addresses=", "fsync=off", "autovacuum=off",
                "shared_buffers=128MB", "jit=off", "max_parallel_workers_per_gather=0"]
    server_command = [*as_user, find_program("postgres"), "-D", data]
    for setting in settings:
        server_command += ["-c", setting]
    connection = ["-h", home, "-U", "tester", "postgres"]

    def is_up(_folder):
        return does([find_program("pg_isready"), "-q", "-h", home])

    def make_cluster():
        os.chmod(inputs, 0o755)  # that user must get through
        os.makedirs(home)
        with open(script, "w", encoding="ascii") as out:
            out.write(POSTGRES_SCRIPT)
        if user is not None:
            os.chown(home, user.pw_uid, user.pw_gid)
        os.chmod(home, 0o700)
        if not does([*as_user, find_program("initdb"), "-D", data, "-U", "tester", "-A", "trust", "-N",
                     "--locale=C", "-E", "UTF8"]):
            raise ServerFailed("initdb failed")

    def fill():
        """By a server of its own, as the clusters of the runs are only read."""
        with subprocess.Popen(server_command, cwd=home, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL, start_new_session=True) as process:
            try:
                give_up = time.monotonic() + START_S
                while not is_up(None) and process.poll() is None and time.monotonic() < give_up:
                    time.sleep(POLL_S)
                scale = str(POSTGRES_ROWS // 100000)
                is_filled = does([find_program("pgbench"), "-i", "-q", "-s", scale, *connection])
            finally:
                process.send_signal(signal.SIGINT)
        if not is_filled or process.returncode != 0:
            raise ServerFailed("pgbench -i failed")

    def prepare(_folder):
        if os.path.exists(os.path.join(home, "filled")):
            remove_stale_lock(os.path.join(data, "postmaster.pid"))
            return
        shutil.rmtree(home, ignore_errors=True)
        make_cluster()
        fill()
        with open(os.path.join(home, "filled"), "w", encoding="ascii"):
            pass

    def clients(_folder):
        yield [find_program("pgbench"), "-n", "-c", "8", "-j", "2", "-t", "1500", "--random-seed=1",
               "-b", "select-only@30", "-f", f"{script}@1", *connection]

    return Row("pgbench", GROUP, server_command, server=Server(is_up, clients, signal.SIGINT, prepare),
               is_tree=True)


def server_rows(inputs):
    """Rows, and (name, why it is skipped)."""
    needed = [
        (redis_row, ["redis-server", "redis-benchmark"]),
        (memcached_row, ["memcached", "memcslap"]),
        (nginx_row, ["nginx", "ab"]),
        (lambda: postgres_row(inputs), ["postgres", "initdb", "pgbench", "pg_isready",
                                        *(["setpriv"] if IS_ROOT else [])]),
    ]
    for make, programs in needed:
        missing = missing_of(*programs)
        if missing:
            yield programs[0], f"{', '.join(missing)} not installed"
            continue
        try:
            row = make()
        except KeyError:
            yield programs[0], "no user postgres to run it as"
            continue
        row.command[0] = find_program(row.command[0])
        yield row
