"""An issuer of OAuth tokens on loopback: its keys, its answers about tokens, and its moods. A thread of the test's own."""

import base64
import json
import ssl
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.accounts.tokens.signing import jwk, jwk_set

CLIENT_ID, CLIENT_SECRET = "mail server", "s3cr3t:word"


class IssuerServer:
    """`with IssuerServer(...) as issuer`; by HTTPS if it is given (certificate, key)."""

    def __init__(self, certificate=None):
        self.keys = jwk_set(jwk("ES256"), jwk("RS256"), jwk("EdDSA"))
        self.answers = {}  # token: the members of its answer
        self.status = 200
        self.location = ""
        self.asked = []  # paths, in their order
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                issuer.asked.append(self.path)
                self._answer(issuer.keys)

            def do_POST(self):
                issuer.asked.append(self.path)
                form = urllib.parse.parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
                self._answer(issuer.answer(self.headers.get("Authorization", ""), form))

            def _answer(self, content):
                status = 401 if content is None else issuer.status
                content = content or b""
                self.send_response(status)
                if issuer.location:
                    self.send_header("Location", issuer.location)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._scheme = "http"
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
            self._scheme = "https"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    @property
    def port(self):
        return self._server.server_address[1]

    def url(self, path):
        return f"{self._scheme}://127.0.0.1:{self.port}{path}"

    def answer(self, authorization, form):
        """What it says of a token; None to who is not this server."""
        pair = f"{urllib.parse.quote_plus(CLIENT_ID)}:{urllib.parse.quote_plus(CLIENT_SECRET)}"
        if authorization != "Basic " + base64.b64encode(pair.encode()).decode():
            return None
        (token,) = form["token"]
        found = self.answers.get(token, {"active": False})
        return found if isinstance(found, bytes) else json.dumps(found).encode()

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
