"""A small model hub on a loopback socket: what huggingface_hub asks when it uploads, and what the hub answers.

    with FakeHub() as hub:
        hub.fail_once("/commit/", 500)  # the next request with that in its path
        ...  # talk to hub.url with hub.token; hub.repos is what has arrived

It speaks the plain LFS protocol, not xet, and keeps everything in memory.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import socket
import struct
import sys
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import yaml

if TYPE_CHECKING:
    from typing import Self

POLL = 0.01  # seconds between two checks whether to stop; tests stop many servers
DROP = 0  # in place of a status: the connection ends without an answer
LARGE = (".safetensors", ".png", ".bin")


@dataclass
class Repo:
    private: bool
    files: dict[str, bytes] = field(default_factory=dict)
    commits: list[str] = field(default_factory=list)  # their messages


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    headers: dict[str, str]  # names in lower case
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Problem(Exception):
    def __init__(self, status: int, message: str, code: str = "", **fields: str) -> None:
        super().__init__(message)
        self.status, self.message, self.code, self.fields = status, message, code, fields


class FakeHub(ThreadingHTTPServer):
    daemon_threads = False  # server_close() waits for every request, so no socket outlives a test
    allow_reuse_address = True
    token = "hf_of_the_tests"  # may write to its own name only
    reader = "hf_that_only_reads"
    user = "someone"

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.repos: dict[str, Repo] = {}
        self.large: dict[str, bytes] = {}  # sha256 -> content, committed or not
        self.requests: list[Request] = []
        self.broken: list[BaseException] = []  # errors of the fake itself; a test must find none
        self._faults: list[tuple[str, int]] = []
        self._thread = threading.Thread(target=self.serve_forever, args=(POLL,), name="fake-hub")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def fail_once(self, part: str, status: int) -> None:
        """The next request with `part` in its path gets this status, or no answer if it is DROP."""
        self._faults.append((part, status))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        error = sys.exception()
        if not isinstance(error, ConnectionError | None):  # a client that hung up is not our error
            self.broken.append(error)

    def answer(self, request: Request) -> tuple[int, Any, dict[str, str]]:
        self.requests.append(request)
        for fault in self._faults:
            if fault[0] in request.path:
                self._faults.remove(fault)
                return fault[1], {"error": "set by the test"}, {}
        try:
            return 200, self._route(request), {}
        except Problem as problem:
            headers = {"X-Error-Message": problem.message} | ({"X-Error-Code": problem.code} if problem.code else {})
            return problem.status, {"error": problem.message, **problem.fields}, headers

    def _route(self, request: Request) -> Any:
        for method, pattern, handle in (
            ("GET", "/api/whoami-v2", self._whoami),
            ("POST", "/api/repos/create", self._create),
            ("POST", "/api/validate-yaml", self._validate),
            ("GET", r"/api/models/([^/]+/[^/]+)(?:/revision/main)?", self._info),
            ("POST", r"/api/models/([^/]+/[^/]+)/preupload/main", self._preupload),
            ("POST", r"/([^/]+/[^/]+)\.git/info/lfs/objects/batch", self._batch),
            ("PUT", r"/lfs/([0-9a-f]{64})", self._put),
            ("POST", r"/api/models/([^/]+/[^/]+)/commit/main", self._commit),
        ):
            match = re.fullmatch(pattern, request.path)
            if match and method == request.method:
                return handle(request, *match.groups())
        raise Problem(404, "Not Found")

    def _role(self, request: Request) -> str:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        try:
            return {self.token: "write", self.reader: "read"}[token]
        except KeyError:
            raise Problem(401, "Invalid credentials in Authorization header") from None

    def _writable(self, request: Request, name: str) -> Repo:
        role = self._role(request)
        if name not in self.repos:
            raise Problem(404, "Repository not found", "RepoNotFound")
        if role != "write" or not name.startswith(f"{self.user}/"):
            raise Problem(403, "Forbidden: you must use a write token to upload to a repository.")
        return self.repos[name]

    def _whoami(self, request: Request) -> Any:
        return {"type": "user", "name": self.user, "auth": {"accessToken": {"role": self._role(request)}}}

    def _create(self, request: Request) -> Any:
        body = request.json
        name = f"{body['organization'] or self.user}/{body['name']}"
        if self._role(request) != "write" or not name.startswith(f"{self.user}/"):
            raise Problem(403, "You don't have the rights to create a model under this namespace")
        if name in self.repos:
            raise Problem(409, "You already created this model repo", url=f"{self.url}/{name}")
        private = body["visibility"] == "private" if "visibility" in body else bool(body.get("private"))
        self.repos[name] = Repo(private)
        return {"url": f"{self.url}/{name}", "name": name}

    def _validate(self, request: Request) -> Any:
        """Whether the front matter is a mapping."""
        match = re.match(r"---\n(.*?)\n---\n", request.json["content"], re.DOTALL)
        try:
            front = yaml.safe_load(match[1]) if match else None
        except yaml.YAMLError as error:
            raise Problem(400, str(error)) from error
        return {"errors": [], "warnings": [] if isinstance(front, dict) else [{"message": "empty or missing metadata"}]}

    def _info(self, request: Request, name: str) -> Any:
        self._role(request)
        if name not in self.repos:
            raise Problem(404, "Repository not found", "RepoNotFound")
        repo = self.repos[name]
        sha = hashlib.sha1(repr(repo.commits).encode()).hexdigest()
        siblings = [{"rfilename": file} for file in sorted(repo.files)]
        return {"_id": name, "id": name, "private": repo.private, "sha": sha, "tags": [], "siblings": siblings}

    def _preupload(self, request: Request, name: str) -> Any:
        stored = self._writable(request, name).files
        files = []
        for file in request.json["files"]:
            path = file["path"]
            mode = "lfs" if path.endswith(LARGE) else "regular"
            oid = _oid(stored[path], mode) if path in stored else None
            files.append({"path": path, "uploadMode": mode, "shouldIgnore": False, "oid": oid})
        return {"files": files}

    def _batch(self, request: Request, name: str) -> Any:
        self._writable(request, name)
        objects = []
        for entry in request.json["objects"]:
            upload = {"href": f"{self.url}/lfs/{entry['oid']}?signature=secret"}
            missing = {} if entry["oid"] in self.large else {"actions": {"upload": upload}}
            objects.append({"oid": entry["oid"], "size": entry["size"], **missing})
        return {"transfer": "basic", "objects": objects}

    def _put(self, request: Request, oid: str) -> Any:
        if hashlib.sha256(request.body).hexdigest() != oid:
            raise Problem(422, "The content does not match its SHA-256")
        self.large[oid] = request.body
        return {}

    def _commit(self, request: Request, name: str) -> Any:
        repo = self._writable(request, name)
        header, *operations = [json.loads(line) for line in request.body.splitlines()]
        files = {}
        for operation in operations:
            value = operation["value"]
            if operation["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif value["oid"] in self.large:
                files[value["path"]] = self.large[value["oid"]]
            else:
                raise Problem(400, f"{value['path']} was not uploaded")
        repo.files.update(files)
        repo.commits.append(header["value"]["summary"])
        sha = hashlib.sha1(repr(repo.commits).encode()).hexdigest()
        return {"commitUrl": f"{self.url}/{name}/commit/{sha}", "commitOid": sha, "pullRequestUrl": None}


def _oid(content: bytes, mode: str) -> str:
    """The names of a blob in git and of a large file in LFS."""
    if mode == "lfs":
        return hashlib.sha256(content).hexdigest()
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: FakeHub

    def do_GET(self) -> None:
        self._handle()

    def do_POST(self) -> None:
        self._handle()

    def do_PUT(self) -> None:
        self._handle()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the name is http.server's
        """Prints nothing."""

    def _handle(self) -> None:
        self.close_connection = True
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(int(headers.get("content-length", "0")))
        status, payload, extra = self.server.answer(Request(self.command, urlsplit(self.path).path, headers, body))
        if status == DROP:
            # Closing with a linger of 0 seconds sends RST instead of FIN.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
            return
        content = json.dumps(payload).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(content)), **extra}.items():
            self.send_header(name, value)
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(content)
