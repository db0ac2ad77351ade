"""Serves a GGUF file on a Unix socket with llama.cpp's defaults, until standard input is closed; for serving_peers.py.

Run in .venv-llama-cpp: `python -I serving_llama_cpp.py '{"model": …, "socket": …, "threads": …, "slots": …}'`. The
export service's own script compares files and answers one request at a time.
"""

import json
import sys

import xllamacpp

spec = json.loads(sys.argv[1])
params = xllamacpp.CommonParams()
params.model.path = spec["model"]
params.hostnames = [spec["socket"]]
params.n_parallel = spec["slots"]
params.n_ctx = spec["slots"] * 1024
params.n_gpu_layers = 0
params.cpuparams.n_threads = params.cpuparams_batch.n_threads = spec["threads"]
params.ui = False
server = xllamacpp.Server(params)
sys.stdout.write("started\n")
sys.stdout.flush()
sys.stdin.read()
