"""Starts the proxy from a program, with flags of its own."""

import json
import os
import sys

from my_litellm_wrapper import init_gflags  # type: ignore[import-not-found]

os.environ["GFLAGS_ARGV"] = json.dumps(sys.argv)
os.environ["LITELLM_WORKER_STARTUP_HOOKS"] = "my_litellm_wrapper:init_gflags_for_worker"

if __name__ == "__main__":
    init_gflags()

    from litellm.proxy.proxy_cli import run_server

    run_server(["--config", "config.yaml", "--num_workers", "2"], standalone_mode=False)
