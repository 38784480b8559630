"""`engawa doctor`: looks at everything a running Engawa needs and says what to fix."""

import asyncio
import os
import platform
import sys
import time
from pathlib import Path

import click

from base.checks import Finding
from base.console import FAILED, counted, json_option, read_settings, setting_options, show_json, show_table
from broker.settings import PREFIX, SECTION, BrokerSettings
from personal import settings as personal_settings
from personal.agent import settings as agent_settings
from personal.agent.settings import AgentSettings
from personal.settings import PersonalSettings

BUILT = 1_792_540_800  # 21 October 2026: no clock that is right shows less
LOCKED_PYTHON = ((3, 11), (3, 14))


@click.command()
@setting_options(BrokerSettings, PREFIX, only=("host", "open", "port", "data", "policy", "context_folder"))
@click.option(
    "--personal-data",
    type=click.Path(path_type=Path),
    help="Folder of the personal-data module. [default: var/personal]",
)
@json_option
def doctor(as_json: bool, config: Path | None, personal_data: Path | None, **given: object) -> None:
    """Check all that a running Engawa needs; say what to fix.

    Looks at Python, clock, data folders, ports, databases, contexts and certificates.

    \b
    Example:
      engawa doctor --data var/broker
    """
    from broker.doctor import examine
    from personal.agent.doctor import examine as examine_inside
    from personal.doctor import examine as examine_residents

    settings = read_settings(BrokerSettings, prefix=PREFIX, section=SECTION, given=given, config=config)
    module = read_settings(
        PersonalSettings,
        prefix=personal_settings.PREFIX,
        section=personal_settings.SECTION,
        given={"data": personal_data},
        config=config,
    )
    findings = [python(), clock(time.time()), files(), *asyncio.run(examine(settings))]
    findings += asyncio.run(examine_residents(module))
    findings += asyncio.run(examine_inside(_agent(config)))
    if as_json:
        rows = [
            {"part": f.part, "subject": f.subject, "good": f.good, "seen": f.seen, "fix": f.fix}
            for f in findings
        ]
        show_json({"good": all(f.good for f in findings), "findings": rows})
    else:
        show_table(
            ("", "part", "subject", "seen"),
            [("ok" if f.good else "FAULT", f.part, f.subject, f.seen) for f in findings],
        )
        for f in findings:
            if not f.good:
                click.echo(f"\n{f.part}, {f.subject}: {f.fix}")
    if not all(f.good for f in findings):
        click.get_current_context().exit(FAILED)


def _agent(config: Path | None) -> AgentSettings:
    return read_settings(
        AgentSettings, prefix=agent_settings.PREFIX, section=agent_settings.SECTION, given={}, config=config
    )


def python() -> Finding:
    """Say whether this Python is one that the pinned dependencies are made for."""
    good = LOCKED_PYTHON[0] <= sys.version_info[:2] < LOCKED_PYTHON[1]
    return Finding(
        "engawa", "Python", good, platform.python_version(), "use Python 3.11 to 3.13: make clean setup"
    )


def clock(seconds: float) -> Finding:
    """Say whether the clock can be right."""
    seen = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
    return Finding(
        "engawa", "clock", seconds > BUILT, seen, "set the clock; timestamps and expiry depend on it"
    )


def files() -> Finding:
    """Say whether enough files may be open: one for each connection and some for each database."""
    import resource

    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return Finding(
        "engawa",
        "open files",
        soft >= 1024,
        f"{soft} ({counted(os.cpu_count() or 1, 'core')})",
        "raise the limit: ulimit -n 4096",
    )
