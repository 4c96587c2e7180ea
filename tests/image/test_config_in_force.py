"""LiteLLM's own functions read the configuration in force, until LiteLLM itself writes its file."""

from __future__ import annotations

from tests.support.lab import Lab, Spec

CODE = """
import asyncio, sys, tempfile
from pathlib import Path
sys.path.insert(0, "/opt/slipway/app")
from litellm.proxy import proxy_server
from slipway.runtime import config_in_force
from slipway.workers import configuration

place, kept = Path(tempfile.mkdtemp()), Path(tempfile.mkdtemp())
file, beside, nested = place / "config.yaml", place / "below" / "more.yaml", place / "below" / "last.yaml"
beside.parent.mkdir()
settings = proxy_server.proxy_config

def write(number):
    file.write_text(f"include: [below/more.yaml]\\nlitellm_settings: {{number: {number}, list: [a]}}\\n")
    beside.write_text("include: [last.yaml]\\nlitellm_settings: {drop: true}\\nmodel_list: [{model_name: one}]\\n")
    nested.write_text("model_list: [{model_name: two}]\\n")

def read():
    return asyncio.run(settings._get_config_from_file(str(file)))

write(1)
upstream = read()
assert [model["model_name"] for model in upstream["model_list"]] == ["one", "two"], upstream
refused = []
config_in_force.install({}, refused)
assert refused == [], refused
assert read() == upstream, "nothing is held yet"
configuration.keep(kept, map(str, (file, beside, nested)))
config_in_force.hold(kept)
assert read() == upstream
read()["model_list"].clear()
file.write_text("model_list: [")
beside.unlink()
assert read() == upstream, "each reader has its own"
assert proxy_server.user_config_file_path == str(file)

file.unlink()
assert read() == upstream, "the file is gone"
asyncio.run(settings.save_config({"litellm_settings": {"number": 2}}))
assert read() == {"litellm_settings": {"number": 2}}, "LiteLLM wrote it"
config_in_force.hold(kept)
assert read()["litellm_settings"] == {"number": 2}, "the next worker"

configuration.propose(kept, [str(file)])
configuration.accept(kept)
config_in_force.hold(kept)
file.write_text("nothing: here")
assert read()["litellm_settings"] == {"number": 2}, "what a reload accepted"
print("held")
"""


def test_files_in_force_are_read_in_place_of_those_on_disk(lab: Lab) -> None:
    done = lab.once(Spec(entrypoint=("python", "-P", "-c", CODE)))
    assert done.stdout.splitlines()[-1:] == ["held"], done.stderr
