"""`make run` itself, in a copy of the checkout, so that the data of the real one is not touched."""

import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests

from ops.engines import MailCatcher
from ops.engines.ports import answers, free_port
from ops.engines.process_table import descendants, is_alive, wait_until_gone
from ops.logs import Filter, wanted
from ops.runner.instances import SERVICES, port_variable

ROOT = Path(__file__).resolve().parents[3]
HOST = "127.0.0.1"


class Checkout:
    """A copy of the code with data of its own, on free ports."""

    def __init__(self, root):
        self.root = root
        for part in ("common", "gateway", "ops", "services"):
            shutil.copytree(ROOT / part, root / part, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "config.yml", root)
        (root / ".local").mkdir()
        if (ROOT / ".local" / "bin").exists():
            (root / ".local" / "bin").symlink_to(ROOT / ".local" / "bin")
        self.ports = {port_variable(service): free_port() for service in SERVICES}
        self.servers = {
            name: free_port() for name in ("rabbitmq", "DB_PORT", "mongodb", "MAILCATCHER_SMTP_PORT")
        }
        self.mail_page = free_port()
        self.process = None

    @property
    def environment(self):
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("SMTP_", "EMAIL_"))}
        return kept | {name: str(port) for name, port in self.ports.items()} | {
            "RABBITMQ_URL": f"amqp://guest:guest@{HOST}:{self.servers['rabbitmq']}/",
            "DB_HOST": HOST,
            "DB_PORT": str(self.servers["DB_PORT"]),
            "MONGODB_URI": f"mongodb://{HOST}:{self.servers['mongodb']}/?directConnection=true",
            "MAILCATCHER_SMTP_PORT": str(self.servers["MAILCATCHER_SMTP_PORT"]),
            "MAILCATCHER_HTTP_PORT": str(self.mail_page),
            "PYTHONWARNINGS": "default",
        }  # fmt: skip

    @property
    def url(self):
        return f"http://{HOST}:{self.ports['PORT']}"

    @property
    def output(self):
        return (self.root / "output").read_text()

    def start(self, **environment):
        command = [sys.executable, "-m", "ops.run"]
        with (self.root / "output").open("wb") as output:
            self.process = subprocess.Popen(
                command, cwd=self.root, env=self.environment | environment, stdout=output, stderr=output
            )

    def wait_for(self, text, timeout=90):
        deadline = time.monotonic() + timeout
        while text not in self.output:
            assert self.process.poll() is None, self.output
            assert time.monotonic() < deadline, self.output
            time.sleep(0.1)

    def refusal(self, **environment):
        """The one line with which a run ends that can't be."""
        self.start(**environment)
        assert self.process.wait(60) == 1
        lines = [line for line in self.output.splitlines() if line.startswith("error: ")]
        assert len(lines) == 1, self.output
        return lines[0]

    def send(self, service, signum):
        """To all processes of the service."""
        for pid in descendants(self.process.pid):
            if Path(f"/proc/{pid}/cmdline").read_text().endswith(f"\0ops.serve\0{service}\0"):
                os.kill(pid, signum)

    def stop_with_a_request_in_flight(self, path, body):
        """It has come to a gateway that takes it up after the stop has begun; the status of its answer."""
        client = http.client.HTTPConnection(HOST, self.ports["PORT"], timeout=20)
        client.request("GET", "/health/live")
        client.getresponse().read()
        self.send("gateway", signal.SIGSTOP)
        client.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
        self.process.send_signal(signal.SIGINT)
        self.wait_for("Stopping the services")
        self.send("gateway", signal.SIGCONT)
        return client.getresponse().status

    def stop(self, signum=signal.SIGINT):
        family = descendants(self.process.pid)
        self.process.send_signal(signum)
        code = self.process.wait(60)
        return code, [pid for pid in family if is_alive(pid)]

    def command(self, module, *arguments):
        """Another of the checkout's commands: exit code and output."""
        done = subprocess.run(
            [sys.executable, "-m", module, *arguments], cwd=self.root, env=self.environment,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            check=False,
        )  # fmt: skip
        return done.returncode, done.stdout

    def wait_for_health(self, seconds=30):
        """Until the whole suite can work."""
        end = time.monotonic() + seconds
        while requests.get(f"{self.url}/health", timeout=5).status_code != 200:
            assert time.monotonic() < end, self.output[-3000:]
            time.sleep(0.2)

    def wait_for_instances(self, admin, **counts):
        end = time.monotonic() + 15
        login = requests.post(f"{self.url}/api/auth/login", json=admin, timeout=20).json()
        headers = {"Authorization": f"Bearer {login['access_token']}"}
        while True:
            found = requests.get(f"{self.url}/api/services", headers=headers, timeout=20).json()
            there = {name: sum(one["service"] == name for one in found) for name in counts}
            # One that has just started is not well until it knows which sessions have ended.
            if there == counts and {one["status"] for one in found} <= {"pass", "warn"}:
                return
            assert time.monotonic() < end, found
            time.sleep(0.2)

    @property
    def runs(self):
        return self.process is not None and self.process.poll() is None

    def clean_up(self):
        if self.runs:
            family = descendants(self.process.pid)
            self.process.kill()
            self.process.wait()
            wait_until_gone(family, 30)


@pytest.fixture
def checkout(tmp_path):
    made = Checkout(tmp_path)
    yield made
    made.clean_up()


@pytest.fixture(scope="module")
def kept_checkout(tmp_path_factory):
    made = Checkout(tmp_path_factory.mktemp("checkout"))
    yield made
    made.clean_up()


@pytest.fixture
def running_checkout(kept_checkout):
    """Its suite runs, as the test before has left it: a start is fifteen seconds of processor time."""
    if not kept_checkout.runs:
        kept_checkout.start()
        kept_checkout.wait_for("Ctrl-C stops everything")
    return kept_checkout


def test_the_whole_suite_starts_serves_is_backed_up_stops_and_is_restored(kept_checkout):
    checkout = kept_checkout
    admin = {"email": "admin@example.com", "password": "the administrator's password"}
    checkout.start(SCALE="gateway=2 todos=2", ADMIN_EMAIL=admin["email"], ADMIN_PASSWORD=admin["password"])
    checkout.wait_for("Ctrl-C stops everything")
    assert " todos.2" in checkout.output
    checkout.wait_for_instances(admin, gateway=2, todos=2, users=1)
    assert f"http://localhost:{checkout.ports['PORT']}/health" in checkout.output
    account = {"email": "anna@example.com", "password": "correct horse battery staple", "name": "Anna"}
    assert requests.post(f"{checkout.url}/api/auth/register", json=account, timeout=20).status_code == 201
    catcher = MailCatcher(
        checkout.root / "unused", checkout.servers["MAILCATCHER_SMTP_PORT"], checkout.mail_page
    )
    catcher.wait_for_mail("anna@example.com", timeout=20)
    code, output = checkout.command("ops.backup", "--settle", "0.5", "--keep", "1")
    assert code == 0, output
    [archive] = (checkout.root / ".local" / "backups").glob("suite-*.tar.gz")
    assert archive.stat().st_mode & 0o777 == 0o600
    code, output = checkout.command("ops.restore", "--from", str(archive), "--force", "yes")
    assert (code, output) == (1, "error: 'make run' is running here: stop it first.\n")

    login = {"email": account["email"], "password": account["password"]}
    family = descendants(checkout.process.pid)
    assert checkout.stop_with_a_request_in_flight("/api/auth/login", login) == 200
    assert checkout.process.wait(60) == 0
    assert [pid for pid in family if is_alive(pid)] == []
    stopped = re.findall(r"(\w+)[.\d]* +\| .*service_stopped", checkout.output)
    assert stopped[:2] == ["gateway", "gateway"], stopped
    assert len(stopped) == len(SERVICES) + 2
    assert not any(answers(HOST, port) for port in (*checkout.ports.values(), *checkout.servers.values()))
    assert "Traceback" not in checkout.output
    kept = list(wanted(checkout.root / ".local" / "log", Filter(service="todos")))
    assert {line.split(" ")[0] for line in kept if "service_started" in line} == {"todos", "todos.2"}

    code, output = checkout.command("ops.restore", "--from", str(archive), "--force", "yes")
    assert code == 0, output
    assert re.search(
        "Dropping PostgreSQL's users_db has 1[0-9] tables; MongoDB has [0-9] collections", output
    )
    assert not any(answers(HOST, port) for port in checkout.servers.values())

    began = time.monotonic()
    checkout.start()
    checkout.wait_for("Ctrl-C stops everything")
    assert time.monotonic() - began < 30
    assert requests.post(f"{checkout.url}/api/auth/login", json=login, timeout=20).status_code == 200
    assert catcher.mails(to="anna@example.com")

    os.kill(int((checkout.root / ".local/mongodb/mongodb.pid").read_text()), signal.SIGKILL)
    checkout.wait_for("mongodb has ended; it is started again")
    checkout.wait_for_health()


def test_a_second_run_in_the_same_checkout_is_refused(running_checkout):
    code, output = running_checkout.command("ops.run")
    assert code == 1
    assert "already running here" in output
    assert running_checkout.runs


def test_a_run_that_was_killed_leaves_nothing_that_disturbs_the_next_one(running_checkout):
    family = descendants(running_checkout.process.pid)
    running_checkout.process.kill()
    running_checkout.process.wait()
    running_checkout.start()
    running_checkout.wait_for("Ctrl-C stops everything")
    assert wait_until_gone(family, 1) == []
    assert running_checkout.stop(signal.SIGTERM) == (0, [])


def test_servers_that_answer_are_used_as_they_are_and_not_stopped(checkout, mongodb, rabbitmq, amqp_uri):
    checkout.start(MONGODB_URI=mongodb.uri, RABBITMQ_URL=amqp_uri)
    checkout.wait_for("Starting the services")
    assert f"MongoDB: answers at {HOST}:{mongodb.port}, used as it is" in checkout.output
    assert f"RabbitMQ: answers at {HOST}:{rabbitmq.port}, used as it is" in checkout.output
    assert checkout.stop() == (0, [])
    assert mongodb.is_ready()
    assert rabbitmq.is_ready()
    assert not (checkout.root / ".local" / "mongodb").exists()
    assert not (checkout.root / ".local" / "rabbitmq").exists()


def test_a_broker_that_refuses_the_login_ends_the_run_before_any_service_starts(checkout, rabbitmq, mongodb):
    wrong = f"amqp://guest:wrong@{HOST}:{rabbitmq.port}/"
    line = checkout.refusal(RABBITMQ_URL=wrong, MONGODB_URI=mongodb.uri)
    assert "RABBITMQ_URL" in line
    assert "Starting the services" not in checkout.output


def test_a_server_elsewhere_that_does_not_answer_ends_the_run_before_anything_starts(checkout):
    line = checkout.refusal(DB_HOST="db.invalid")
    assert "PostgreSQL does not answer at db.invalid" in line
    assert "DB_HOST and DB_PORT" in line
    assert "starting on" not in checkout.output


def test_a_port_in_use_ends_the_run_before_anything_starts(checkout, mongodb):
    line = checkout.refusal(TODOS_PORT=str(mongodb.port))
    assert f"Port {mongodb.port} for todos is in use" in line
    assert "starting on" not in checkout.output


def test_a_wrong_setting_ends_the_run_before_anything_starts(checkout):
    assert "ENV" in checkout.refusal(ENV="staging")
    assert "SCALE" in checkout.refusal(SCALE="mails=2")
