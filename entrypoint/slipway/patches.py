"""Changes to installed packages, made when the image is built, where no setting does what is needed.

Each patch names the text it expects and fails the build when a new release no longer has it. Usage at build:
``python3 patches.py SITE_PACKAGES [FILE]``. With FILE, which the images of other lines of LiteLLM are built with, what
does not fit is left out and written there. ``slipway explain`` lists them.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final


@dataclass(frozen=True, slots=True)
class Patch:
    """One replacement in one file, and what else in that file goes with it (``also``: expected, replacement).

    ``switch`` is the variable that, set to off, brings the original behaviour back.
    """

    name: str
    why: str
    switch: str
    file: str
    expected: str
    replacement: str
    also: tuple[tuple[str, str], ...] = ()

    def apply(self, packages: Path) -> None:
        """Patch the file below ``packages``. Raises ValueError when it is not as expected."""
        path = packages / self.file
        text = path.read_text(encoding="utf-8")
        for expected, replacement in ((self.expected, self.replacement), *self.also):
            if text.count(expected) != 1:
                raise ValueError(
                    f"patch {self.name}: {self.file} is not as expected; read the new release and adapt it"
                )
            text = text.replace(expected, replacement)
        path.write_text(text, encoding="utf-8")

    def state(self, environment: Mapping[str, str]) -> str:
        """Return ``applied`` or ``off``."""
        return "off" if environment.get(self.switch, "").strip().lower() == "off" else "applied"


_GAUGE_LABELS: Final = """\
        labelled_values: Final = replace(enum_values, rate_limit_type=rate_limit_type)
        labelnames: Final = self.get_labels_for_metric(metric_name)
        labels: Final = prometheus_label_factory(
            supported_enum_labels=labelnames,
            enum_values=labelled_values,
            label_context=PrometheusLabelFactoryContext(labelled_values),
        )
        if limit is None or remaining is None:
"""

PATCHES: Final = (
    Patch(
        name="fast-litellm-inert",
        why="importing fast_litellm 0.1.10 swaps LiteLLM's router class for one without its methods, and every "
        "completion fails with 400; with this patch the import changes nothing",
        switch="SLIPWAY_PATCH_FAST_LITELLM",
        file="fast_litellm/__init__.py",
        expected="        enhanced_monkeypatch.enhanced_apply_acceleration(rust_module)\n",
        replacement="        import os\n\n"
        '        if os.environ.get("SLIPWAY_PATCH_FAST_LITELLM", "").strip().lower() == "off":\n'
        "            enhanced_monkeypatch.enhanced_apply_acceleration(rust_module)\n",
    ),
    Patch(
        name="soundfile-without-numpy",
        why="soundfile 0.14 imports numpy (33 MB) for two names of types, and LiteLLM asks it for the length of a "
        "recording only, which needs no numpy; with this patch it goes on where there is none",
        switch="SLIPWAY_PATCH_SOUNDFILE_NUMPY",
        file="soundfile.py",
        expected="\nimport numpy\nfrom typing_extensions import Self\n",
        replacement="""
try:
    import numpy
except ModuleNotFoundError:
    if _os.environ.get("SLIPWAY_PATCH_SOUNDFILE_NUMPY", "").strip().lower() == "off":
        raise
    from types import SimpleNamespace

    # At import only its names of types are used; what reads samples imports numpy itself and says that it is missing.
    numpy = SimpleNamespace(ndarray=tuple, dtype=list, float32=int, float64=int, int32=int, int16=int)
from typing_extensions import Self
""",
    ),
    Patch(
        name="prisma-engine-attribute",
        why="LiteLLM writes a private attribute that prisma-client-py 0.15 has renamed: each connect fails once, and a "
        "reconnect after a database restart for good; with this patch it uses the property that both releases have",
        switch="SLIPWAY_PATCH_PRISMA_ENGINE",
        file="litellm/proxy/db/prisma_client.py",
        expected="        prisma_client._Prisma__engine = engine\n",
        replacement='        if os.environ.get("SLIPWAY_PATCH_PRISMA_ENGINE", "").strip().lower() == "off":\n'
        "            prisma_client._Prisma__engine = engine\n"
        "        else:\n"
        "            prisma_client._engine = engine\n",
    ),
    Patch(
        name="database-outage",
        why="LiteLLM takes a database that is away for an outage only when its engine is gone too, so that the first "
        "requests of an outage fail although allow_requests_on_db_unavailable is set; with this patch the engine's own "
        "words for it (P1001, P1002, P1017) count as well, and requests that LiteLLM's reconnect cut off",
        switch="SLIPWAY_PATCH_DATABASE_OUTAGE",
        file="litellm/proxy/db/exception_handler.py",
        expected="        return isinstance(e, ProxyException) and e.type == ProxyErrorTypes.no_db_connection\n",
        replacement="        import os\n\n"
        '        if os.environ.get("SLIPWAY_PATCH_DATABASE_OUTAGE", "").strip().lower() != "off":\n'
        "            import httpx\n\n"
        "            gone = (httpx.RemoteProtocolError, prisma.errors.ClientNotConnectedError, "
        "prisma.errors.HTTPClientClosedError)\n"
        '            if isinstance(e, gone) or getattr(e, "code", None) in ("P1001", "P1002", "P1017"):\n'
        "                return True\n"
        "        return isinstance(e, ProxyException) and e.type == ProxyErrorTypes.no_db_connection\n",
    ),
    Patch(
        name="spend-requeue",
        why="LiteLLM without Redis drops the spend of keys, teams and users that a database outage kept it from "
        "writing, so that budgets count too little; with this patch it goes back on the queue, by the rule that "
        "LiteLLM has for its Redis queue",
        switch="SLIPWAY_PATCH_SPEND_REQUEUE",
        file="litellm/proxy/db/db_spend_update_writer.py",
        expected="""\
            await self.spend_update_queue.flush_and_get_aggregated_db_spend_update_transactions()
        )
        await self._commit_spend_updates_to_db(
            prisma_client=prisma_client,
            n_retry_times=n_retry_times,
            proxy_logging_obj=proxy_logging_obj,
            db_spend_update_transactions=db_spend_update_transactions,
        )
""",
        replacement="""\
            await self.spend_update_queue.flush_and_get_aggregated_db_spend_update_transactions()
        )
        committed: list[_SpendTableName] = []
        try:
            await self._commit_spend_updates_to_db(
                prisma_client=prisma_client,
                n_retry_times=n_retry_times,
                proxy_logging_obj=proxy_logging_obj,
                db_spend_update_transactions=db_spend_update_transactions,
                on_table_committed=committed.append,
            )
        except Exception as failure:
            if os.environ.get("SLIPWAY_PATCH_SPEND_REQUEUE", "").strip().lower() != "off":
                left = _spend_tables_left_to_send(db_spend_update_transactions, committed, failure) or {}
                for table, costs in left.items():
                    kind = Litellm_EntityType(table.removesuffix("_list_transactions").replace("org", "organization"))
                    for entity, cost in (costs or {}).items():
                        await self.spend_update_queue.add_update(
                            {"entity_type": kind, "entity_id": entity, "response_cost": cost}
                        )
            raise
""",
    ),
    Patch(
        name="model-info-copy",
        why="LiteLLM copies a model's entry of the price list twice in each request, object by object; with this patch "
        "it is copied by pickle, in C: 5 % of the request",
        switch="SLIPWAY_PATCH_MODEL_INFO_COPY",
        file="litellm/router.py",
        expected="""\
        merged_model_info: Final[ModelMapInfo] = {
            **copy.deepcopy(model_info),
""",
        replacement="""\
        import os
        import pickle

        if os.environ.get("SLIPWAY_PATCH_MODEL_INFO_COPY", "").strip().lower() == "off":
            copied_model_info = copy.deepcopy(model_info)
        else:
            copied_model_info = pickle.loads(pickle.dumps(model_info))
        merged_model_info: Final[ModelMapInfo] = {
            **copied_model_info,
""",
    ),
    Patch(
        name="unused-rate-limit-gauges",
        why="LiteLLM's prometheus callback works out the labels of eight gauges of rate limits in each request, to "
        "remove series that do not exist where no limit is set; with this patch it looks first: 6 % of the request",
        switch="SLIPWAY_PATCH_UNUSED_GAUGES",
        file="litellm/integrations/prometheus.py",
        expected=_GAUGE_LABELS,
        replacement="""\
        if (
            (limit is None or remaining is None)
            and getattr(allowed_gauge, "_metrics", None) == {}
            and getattr(used_gauge, "_metrics", None) == {}
            and os.environ.get("SLIPWAY_PATCH_UNUSED_GAUGES", "").strip().lower() != "off"
        ):
            return
"""
        + _GAUGE_LABELS,
    ),
    Patch(
        name="metric-slots",
        why="prometheus_client names each process's files by its pid, so that recycled workers leave files behind that "
        "every scrape reads; with this patch they are named by a slot that the next worker takes over",
        switch="SLIPWAY_PATCH_METRIC_SLOTS",
        file="prometheus_client/values.py",
        expected="        return MultiProcessValue()\n",
        replacement="""\
        if os.environ.get("SLIPWAY_PATCH_METRIC_SLOTS", "").strip().lower() == "off":
            return MultiProcessValue()
        from slipway.workers import slots

        return MultiProcessValue(slots.identifier())
""",
    ),
    Patch(
        name="metric-sums",
        why="prometheus_client adds up the files of a directory in the order in which the file system lists them, so "
        "that a sum of fractions can lose its last digit, which a counter's rate takes for a restart; and a file of "
        "gauges that goes meanwhile fails the scrape; with this patch the order is fixed and such a file is left out",
        switch="SLIPWAY_PATCH_METRIC_SUMS",
        file="prometheus_client/multiprocess.py",
        expected="        files = glob.glob(os.path.join(self._path, '*.db'))\n",
        replacement="""\
        files = glob.glob(os.path.join(self._path, '*.db'))
        if os.environ.get("SLIPWAY_PATCH_METRIC_SUMS", "").strip().lower() != "off":
            files.sort()
""",
        also=(
            (
                "                if typ == 'gauge' and parts[1].startswith('live'):\n",
                "                if typ == 'gauge' and (parts[1].startswith('live') or "
                'os.environ.get("SLIPWAY_PATCH_METRIC_SUMS", "").strip().lower() != "off"):\n',
            ),
        ),
    ),
    Patch(
        name="metric-files-reserved",
        why="prometheus_client maps files without blocks of their own, so that a write on a full file system kills the "
        "worker (SIGBUS), and a file read in the moment between its creation and its first byte fails the scrape; "
        "with this patch blocks are reserved first, so that the metric fails instead, and such a file counts as empty",
        switch="SLIPWAY_PATCH_METRIC_FILES",
        file="prometheus_client/mmap_dict.py",
        expected="""\
            self._f.truncate(_INITIAL_MMAP_SIZE)
            capacity = _INITIAL_MMAP_SIZE
""",
        replacement="""\
            _reserve(self._f, _INITIAL_MMAP_SIZE)
            capacity = _INITIAL_MMAP_SIZE
""",
        also=(
            (
                """\
            self._capacity *= 2
            self._f.truncate(self._capacity)
""",
                """\
            grown = self._capacity + min(self._capacity, _LARGEST_STEP)
            _reserve(self._f, grown)
            self._capacity = grown
""",
            ),
            (
                """\
            data = infp.read(mmap.PAGESIZE)
""",
                """\
            data = infp.read(mmap.PAGESIZE)
            if not data and os.environ.get("SLIPWAY_PATCH_METRIC_FILES", "").strip().lower() != "off":
                return iter(())
""",
            ),
            (
                """\
class MmapedDict:
""",
                """\
_LARGEST_STEP = 1 << 20


def _reserve(file, size):
    import errno

    if os.environ.get("SLIPWAY_PATCH_METRIC_FILES", "").strip().lower() != "off":
        try:
            return os.posix_fallocate(file.fileno(), 0, size)
        except OSError as problem:
            # A file system that cannot: some network file systems.
            if problem.errno not in (errno.EBADF, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP):
                # What prometheus_client's callers expect of a metric that cannot be made.
                raise ValueError(f"no room for another metric: {problem}") from problem
    file.truncate(size)


class MmapedDict:
""",
            ),
        ),
    ),
)


def main() -> int:
    """Apply every patch; with a second argument, those that fit."""
    packages, *report = map(Path, sys.argv[1:])
    left_out: dict[str, str] = {}
    for patch in PATCHES:
        try:
            patch.apply(packages)
        except (OSError, ValueError) as problem:
            print(f"patches: {problem}", file=sys.stderr)
            if not report:
                return 1
            left_out[patch.name] = str(problem)
        else:
            print(f"patches: {patch.name} applied", file=sys.stderr)
    for file in report:
        file.write_text(json.dumps(left_out), encoding="utf-8")
    return 0


if __name__ == "__main__":
    os.umask(0o022)
    sys.exit(main())
