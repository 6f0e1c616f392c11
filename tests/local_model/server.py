"""Serves a model with the llama.cpp in the package xllamacpp: the same HTTP server as `llama-server`.

`serve` starts it, and ends it with SIGTERM.
"""

import argparse
import os
import signal

import xllamacpp


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--model", required=True)
    arguments.add_argument("--alias", required=True)
    arguments.add_argument("--template", required=True, help="file with the chat template")
    arguments.add_argument("--port", type=int, required=True)
    arguments.add_argument("--context", type=int, required=True, help="tokens of each slot")
    arguments.add_argument("--slots", type=int, default=1)
    arguments.add_argument("--threads", type=int, required=True)
    arguments = arguments.parse_args()

    # Blocked before the server's threads start, so that the signal waits for us.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    params = xllamacpp.CommonParams()
    params.model.path = arguments.model
    params.model_alias = {arguments.alias}
    with open(arguments.template, encoding="utf-8") as template:
        params.chat_template = template.read()
    params.use_jinja = True
    params.hostnames = ["127.0.0.1"]
    params.port = arguments.port
    params.n_ctx = arguments.context * arguments.slots
    params.n_parallel = arguments.slots
    params.cpuparams.n_threads = arguments.threads
    params.cpuparams_batch.n_threads = arguments.threads
    # Threads that spin while they wait take the cores from everything else.
    params.cpuparams.poll = 0
    params.cpuparams_batch.poll = 0
    params.cache_ram_mib = 1024
    # No page of a browser needs it.
    params.cors_origins = "http://127.0.0.1"
    params.ui = False
    # Its constructor returns once the model is loaded and the port is open.
    server = xllamacpp.Server(params)
    print(f"listening at {server.listening_address}", flush=True)
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    # Requests that still run are not waited for.
    os._exit(0)


main()
