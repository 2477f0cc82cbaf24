"""Listens on a TCP address: `listens.py ADDRESS PORT`, port 0 for any; says which, and waits to be ended.

With `--share` it lets others listen there too, and with `--fork` it is a fork of it that has the socket.
"""

import os
import signal
import socket
import sys

address, port = sys.argv[1:3]
v6 = ":" in address
listener = socket.create_server(
    (address, int(port)),
    family=socket.AF_INET6 if v6 else socket.AF_INET,
    reuse_port="--share" in sys.argv,
    dualstack_ipv6=v6,
)
if "--fork" in sys.argv and os.fork() > 0:
    listener.close()
else:
    print("ready", listener.getsockname()[1], flush=True)
while True:
    signal.pause()
