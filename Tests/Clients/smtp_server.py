"""A mail server for the tests: aiosmtpd, which writes what it takes as JSON lines to a file.

smtp_server.py PORT FILE [--tls CERTIFICATE KEY] [--auth USER PASSWORD]

Recipients say how they are treated: full@… is refused for now, gone@… for good (slow-gone@… once FILE.go is there), rcpt-550-5.7.1@… and data-550-5.7.1@… with
these words after RCPT and DATA; late@… and lost@… are answered too late and not at all, late-data@… and lost-data@… after
their mail was taken. Port 0 picks a free one; "listening PORT" on standard output says which.
"""
import argparse
import asyncio
import email
import email.policy
import json
import os
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult

parser = argparse.ArgumentParser()
parser.add_argument("port", type=int)
parser.add_argument("file")
parser.add_argument("--tls", nargs=2)
parser.add_argument("--auth", nargs=2)
options = parser.parse_args()
sessions = 0


class Handler:
    async def handle_RCPT(self, server, session, envelope, address, rcpt_options):
        if address.startswith("full@"):
            return "452 4.2.2 mailbox full"
        if address.startswith("slow-gone@"):
            while not os.path.exists(options.file + ".go"):
                await asyncio.sleep(0.02)
        if address.startswith(("gone@", "slow-gone@")):
            return "550 5.1.1 no such mailbox"
        name = address.split("@")[0]
        if name.startswith("rcpt-"):
            return " ".join(name.split("-")[1:]) + " as asked for"
        if name == "late":
            await asyncio.sleep(3600)
        if name == "lost":
            server.transport.abort()
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 ok"

    async def handle_DATA(self, server, session, envelope):
        raw = envelope.original_content
        name = envelope.rcpt_tos[0].split("@")[0]
        if name.startswith("data-"):
            return " ".join(name.split("-")[1:]) + " as asked for"
        message = email.message_from_bytes(raw, policy=email.policy.default)
        parts = {
            part.get_content_type(): part.get_content().replace("\r\n", "\n")
            for part in message.walk()
            if not part.is_multipart()
        }
        record = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "headers": {name: str(value) for name, value in message.items()},
            "header_count": len(message.items()),
            "type": message.get_content_type(),
            "parts": parts,
            "defects": [str(defect) for part in message.walk() for defect in part.defects],
            "longest_line": max(len(line) for line in raw.split(b"\r\n")),
            "tls": session.ssl is not None,
            "user": session.auth_data.decode() if session.authenticated else None,
            "session": id(session),
            "client": session.host_name,
        }
        with open(options.file, "a") as file:
            file.write(json.dumps(record) + "\n")
        if name == "late-data":
            await asyncio.sleep(3600)
        if name == "lost-data":
            server.transport.abort()
        return "250 2.0.0 taken"


def authenticate(server, session, envelope, mechanism, data):
    user, password = options.auth
    if data.login == user.encode() and data.password == password.encode():
        return AuthResult(success=True, auth_data=data.login)
    return AuthResult(success=False, handled=False)


async def main():
    settings = {}
    if options.tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*options.tls)
        settings.update(tls_context=context, require_starttls=True)
    if options.auth:
        settings.update(authenticator=authenticate, auth_required=True, auth_require_tls=bool(options.tls))
    server = await asyncio.get_running_loop().create_server(
        lambda: SMTP(Handler(), hostname="mail.test", **settings), "127.0.0.1", options.port
    )
    print("listening", server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


try:
    asyncio.run(main())
except KeyboardInterrupt:
    sys.exit(0)
