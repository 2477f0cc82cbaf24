"""An engine that can only listen on TCP: `serves_tcp_only.py PORT`; its key comes by ENGINE_KEY.

A request without that key gets 401.
"""

import os
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        known = self.headers["Authorization"] == f"Bearer {os.environ['ENGINE_KEY']}"
        self.send_response(200 if known else 401)
        self.end_headers()


HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
