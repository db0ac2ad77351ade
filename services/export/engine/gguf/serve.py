"""Serves a GGUF file with llama.cpp's own HTTP server on a Unix socket, until standard input is closed.

Run in the environment of requirements/llama-cpp.txt, which has neither this package nor torch:
`python -I serve.py '{"model": …, "socket": …, "context": …, "threads": …, "adapter": null}'`.
"""

import json
import sys

import xllamacpp

spec = json.loads(sys.argv[1])
params = xllamacpp.CommonParams()
params.model.path = spec["model"]
params.hostnames = [spec["socket"]]
params.n_ctx = spec["context"]
params.n_parallel = 1
params.n_gpu_layers = 0
params.cpuparams.n_threads = params.cpuparams_batch.n_threads = spec["threads"]
params.cpuparams.poll = params.cpuparams_batch.poll = 0  # idle threads sleep
params.cache_type_k = params.cache_type_v = xllamacpp.ggml_type.GGML_TYPE_F32  # the file is compared, not the cache
params.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
params.warmup = False
params.ui = False
params.use_jinja = True
if spec["adapter"]:
    adapter = xllamacpp.CommonAdapterLoraInfo()
    adapter.path, adapter.scale = spec["adapter"], 1.0
    params.lora_adapters = [adapter]
server = xllamacpp.Server(params)
sys.stdout.write(json.dumps({"version": xllamacpp.__version__}) + "\n")
sys.stdout.flush()
sys.stdin.read()
