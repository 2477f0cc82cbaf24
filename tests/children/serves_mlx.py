"""mlx-vlm's own server with one model, on a Unix socket: MODEL SOCKET."""

import os
import sys

os.environ["MLX_VLM_PRELOAD_MODEL"], socket = sys.argv[1:]

import uvicorn  # noqa: E402
from mlx_vlm.server import app  # noqa: E402

uvicorn.run(app, uds=socket, log_level="warning")
