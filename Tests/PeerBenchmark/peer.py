"""The straightforward upload service: FastAPI, Pillow, ONNX Runtime, one directory and one SQLite file.

Every 201 means: the body streamed to disk and hashed, scored (if an image and the gate is on), fsynced, renamed
into place, its directory fsynced, and one SQLite transaction (WAL, synchronous=FULL) with verdict and charge.

Environment: DATA_DIR, API_KEY, GATE=0|1, MODEL (the ONNX file).
"""
import asyncio
import functools
import hashlib
import hmac
import os
import pathlib
import sqlite3
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse
from python_multipart.multipart import MultipartParser, parse_options_header

import peer_gate

DATA = pathlib.Path(os.environ["DATA_DIR"])
KEY = os.environ["API_KEY"]
GATE = os.environ.get("GATE", "1") == "1"
THRESHOLD, FLUSH, MAX_SIZE = 0.8, 1 << 20, 1 << 30
MAGIC = ((b"\xff\xd8\xff", "image/jpeg"), (b"\x89PNG\r\n\x1a\n", "image/png"))
SCHEMA = """
CREATE TABLE IF NOT EXISTS keys(key TEXT PRIMARY KEY, credits INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS uploads(id TEXT PRIMARY KEY, key TEXT NOT NULL, sha256 TEXT NOT NULL, size INTEGER NOT NULL,
  type TEXT NOT NULL, filename TEXT NOT NULL, score REAL, decision TEXT NOT NULL, credits INTEGER NOT NULL, created REAL NOT NULL) WITHOUT ROWID;
"""

model = peer_gate.OpenNsfw() if GATE else None
infer_pool = ThreadPoolExecutor(os.cpu_count())
io_pool = ThreadPoolExecutor(16)
local = threading.local()
app = FastAPI(openapi_url=None)


def db():
    if not hasattr(local, "db"):
        local.db = sqlite3.connect(DATA / "db.sqlite", timeout=30, isolation_level=None)
        local.db.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;")
    return local.db


def prepare():
    (DATA / "tmp").mkdir(parents=True, exist_ok=True)
    for i in range(256):
        (DATA / "files" / f"{i:02x}").mkdir(parents=True, exist_ok=True)
    db().executescript("BEGIN IMMEDIATE;" + SCHEMA + "COMMIT;")
    db().execute("INSERT OR IGNORE INTO keys VALUES(?, 1000000000)", (KEY,))


prepare()


def fsync_dir(path):
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


class Spool:
    """One upload on its way to disk. Chunks gather in memory and are written and hashed in a thread."""

    def __init__(self):
        self.id = uuid.uuid4().hex
        self.path = DATA / "tmp" / self.id
        self.file, self.hash, self.size = None, hashlib.sha256(), 0
        self.chunks, self.pending, self.head = [], 0, b""

    def add(self, chunk):
        self.chunks.append(chunk)
        self.pending += len(chunk)
        self.size += len(chunk)
        if self.size > MAX_SIZE:
            raise HTTPException(413, "too large")

    def flush(self):
        if self.file is None:
            self.file = open(self.path, "wb", buffering=0)
            self.head = b"".join(self.chunks)[:16]
        data = b"".join(self.chunks)
        self.chunks, self.pending = [], 0
        self.hash.update(data)
        view = memoryview(data)
        while view:
            view = view[self.file.write(view):]

    def keep(self):
        final = DATA / "files" / self.id[:2] / self.id
        os.fsync(self.file.fileno())
        os.rename(self.path, final)
        fsync_dir(final.parent)

    def close(self):
        if self.file:
            self.file.close()
        self.path.unlink(missing_ok=True)


class FormFile:
    """Push parser callbacks: only the part named "file" reaches the spool."""

    def __init__(self, boundary, spool):
        self.spool, self.filename, self.type, self.found = spool, "", "", False
        self.field = self.value = b""
        self.active = False
        self.headers = {}
        names = ("part_begin", "header_field", "header_value", "header_end", "headers_finished", "part_data")
        self.parser = MultipartParser(boundary, {f"on_{n}": getattr(self, n) for n in names})

    def part_begin(self):
        self.headers, self.field, self.value = {}, b"", b""

    def header_field(self, data, start, end):
        self.field += data[start:end]

    def header_value(self, data, start, end):
        self.value += data[start:end]

    def header_end(self):
        self.headers[self.field.lower()] = self.value
        self.field = self.value = b""

    def headers_finished(self):
        _, options = parse_options_header(self.headers.get(b"content-disposition", b""))
        self.active = options.get(b"name") == b"file" and not self.found
        if self.active:
            self.found = True
            self.filename = options.get(b"filename", b"").decode("utf-8", "replace")
            self.type = self.headers.get(b"content-type", b"application/octet-stream").decode("latin-1")

    def part_data(self, data, start, end):
        if self.active:
            self.spool.add(data[start:end])


async def receive(request, spool):
    """Streams the body into the spool; returns (filename, declared type)."""
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    form = FormFile(options.get(b"boundary", b""), spool) if kind == b"multipart/form-data" else None
    run = asyncio.get_running_loop().run_in_executor
    async for chunk in request.stream():
        form.parser.write(chunk) if form else chunk and spool.add(chunk)
        if spool.pending >= FLUSH:
            await run(io_pool, spool.flush)
    await run(io_pool, spool.flush)
    if form and not form.found:
        raise HTTPException(400, "no file field")
    return (form.filename, form.type) if form else (request.query_params.get("filename", ""), kind.decode())


def store(spool, row, charge):
    if row["decision"] == "accepted":
        spool.keep()
    d = db()
    d.execute("BEGIN IMMEDIATE")
    try:
        if not d.execute("UPDATE keys SET credits=credits-? WHERE key=? AND credits>=?", (charge, KEY, charge)).rowcount:
            raise HTTPException(402, "out of credits")
        d.execute("INSERT INTO uploads VALUES(:id,:key,:sha256,:size,:type,:filename,:score,:decision,:credits,:created)", {**row, "key": KEY})
        d.execute("COMMIT")
    except BaseException:
        d.execute("ROLLBACK")
        raise


@app.get("/healthz")
async def healthz():
    return JSONResponse({"ok": True})


@app.post("/v1/uploads")
async def upload(request: Request):
    if not hmac.compare_digest(request.headers.get("authorization", "").encode(), f"Bearer {KEY}".encode()):
        raise HTTPException(401, "bad key")
    run = asyncio.get_running_loop().run_in_executor
    spool = Spool()
    try:
        filename, declared = await receive(request, spool)
        sha = spool.hash.hexdigest()
        image = next((t for magic, t in MAGIC if spool.head.startswith(magic)), None)
        score = None
        if GATE and image:
            try:
                score = await run(infer_pool, functools.partial(model.score, str(spool.path)))
            except (OSError, SyntaxError, ValueError):
                raise HTTPException(415, "unreadable image")
        row = {"id": spool.id, "sha256": sha, "size": spool.size, "type": image or declared, "filename": filename, "score": score,
               "decision": "rejected" if score is not None and score > THRESHOLD else "accepted", "credits": 1 + (score is not None), "created": time.time()}
        await run(io_pool, store, spool, row, row["credits"])
        return JSONResponse(row, 201 if row["decision"] == "accepted" else 422)
    finally:
        spool.close()
