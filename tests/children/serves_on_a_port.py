"""llama.cpp on a TCP port, as a person starts it who does not know of Viewfinder.

`serves_on_a_port.py MODEL MMPROJ`: prints the address once it listens, then serves until it is ended.
"""

import signal
import sys

import xllamacpp

params = xllamacpp.CommonParams()
params.model.path, params.mmproj.path = sys.argv[1:]
params.model_alias = {"someone/else"}
params.hostnames = ["127.0.0.1"]
params.port = 0
params.n_ctx = 4096
params.n_parallel = 1
params.cache_ram_mib = 0
server = xllamacpp.Server(params)
print(server.listening_address, flush=True)
while True:
    signal.pause()
