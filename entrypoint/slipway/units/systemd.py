"""A unit of systemd for the root file system that ``make install`` has put under PREFIX."""

from __future__ import annotations

import os
from typing import Final

from slipway import secret_files
from slipway.runtime.start import Start
from slipway.units import parts

# Set by PREFIX/bin/slipway.
PREFIX: Final = "SLIPWAY_PREFIX"
_USUAL: Final = "/opt/slipway"
_SECRETS: Final = "/etc/slipway/secrets"
_WATCHDOG_SECONDS: Final = 30
# After SIGABRT, which ends a supervisor that hangs at once.
_ABORT_SECONDS: Final = 10
_DESCRIPTORS: Final = 65536
# MemoryDenyWriteExecute is not among them: Node compiles what its WebAssembly engine does.
SANDBOX: Final = (
    *("DynamicUser=yes", "NoNewPrivileges=yes", "CapabilityBoundingSet=", "AmbientCapabilities="),
    # Paths with a + are those of the gateway's own root. What can be written cannot be run.
    "NoExecPaths=+/tmp +/var/tmp +/run/slipway +/var/lib/slipway",
    # The machine's shared memory is everybody's, and so is what systemd 252 mounts at /run. Named above too, /dev/shm
    # would be the machine's again.
    "TemporaryFileSystem=/dev/shm:mode=1777,noexec /run:mode=0755",
    *("ProtectSystem=strict", "ProtectHome=yes", "PrivateTmp=yes", "PrivateDevices=yes", "PrivateUsers=yes"),
    *("PrivateIPC=yes", "ProtectHostname=yes", "ProtectClock=yes", "ProtectKernelTunables=yes"),
    *("ProtectKernelModules=yes", "ProtectKernelLogs=yes", "ProtectControlGroups=yes", "ProtectProc=invisible"),
    *("ProcSubset=pid", "RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX", "RestrictNamespaces=yes"),
    *("RestrictRealtime=yes", "RestrictSUIDSGID=yes", "LockPersonality=yes", "RemoveIPC=yes", "KeyringMode=private"),
    *("SystemCallArchitectures=native", "SystemCallFilter=@system-service", "SystemCallFilter=~@privileged @resources"),
    # Workers lower their own priority, so that probes are answered.
    "SystemCallFilter=setpriority",
    *("SystemCallErrorNumber=EPERM", "DevicePolicy=closed", "LimitCORE=0"),
    # The cloud's metadata service; `slipway egress --format systemd` names all that is allowed.
    "IPAddressDeny=169.254.0.0/16 fe80::/10 fd00:ec2::254",
)


def unit(start: Start) -> str:
    """Return the unit of this start. Raises Refusal where no unit can keep it."""
    parts.refuse_impossible(start)
    prefix = os.environ.get(PREFIX) or _USUAL
    stop = start.plan.budget.stop
    service = [
        "Type=notify",
        "NotifyAccess=main",
        # The launcher becomes the supervisor: no process is between systemd and what hears its signals.
        f"ExecStart=/opt/slipway/entrypoint.sh {parts.arguments(start)}".rstrip(),
        # Ends with the reload, and fails when the configuration was refused.
        "ExecReload=/opt/slipway/bin/slipway reload --wait",
        "SyslogIdentifier=slipway",
        # The supervisor drains the others.
        "KillMode=mixed",
        f"TimeoutStartSec={parts.start_seconds(start)}",
        f"# {start.plan.budget.arithmetic}",
        f"TimeoutStopSec={stop}",
        f"WatchdogSec={_WATCHDOG_SECONDS}",
        f"TimeoutAbortSec={_ABORT_SECONDS}",
        *parts.restart(),
        # A worker that the kernel killed for its memory is replaced; the rest goes on.
        "OOMPolicy=continue",
        f"LimitNOFILE={_DESCRIPTORS}",
        f"RootDirectory={prefix}/root",
        "MountAPIVFS=yes",
        "BindReadOnlyPaths=/etc/slipway -/etc/resolv.conf -/etc/hosts -/etc/localtime",
        # Nobody but root reads them there.
        f"InaccessiblePaths=-+{_SECRETS}",
        # By systemd's credentials: readable for the service alone, in memory that is never swapped.
        f"LoadCredential={secret_files.CREDENTIAL}:{_SECRETS}",
        f"Environment={secret_files.DIRECTORY}=%d",
        "RuntimeDirectory=slipway",
        "StateDirectory=slipway",
        "WorkingDirectory=/app",
        *(f"Environment={parts.quoted(line)}" for line in parts.IMAGE),
        *parts.environment(start, parts.quoted),
        "# What stands here goes before the lines above.",
        "EnvironmentFile=-/etc/slipway/environment",
        *SANDBOX,
    ]
    sections = {
        "Unit": [
            f"Description={parts.DESCRIPTION}",
            "Wants=network-online.target",
            "After=network-online.target postgresql.service redis-server.service",
        ],
        "Service": service,
        "Install": ["WantedBy=multi-user.target"],
    }
    return "\n\n".join("\n".join([f"[{name}]", *lines]) for name, lines in sections.items())
