"""Stands in for the `docker` that the suite calls to start and stop an MQTT server: it starts mosquitto itself.

It knows the two calls the suite makes: `docker run -d … -e CONF=name …` and `docker rm -f …`.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path


def main(words: list[str]) -> int:
    """Answer one call."""
    folder = Path(os.environ["ENGAWA_ETSI_MQTT"])
    if "rm" in words:
        stop(folder)
        return 0
    if words[:1] == ["run"]:
        stop(folder)
        return start(folder, next((w[5:] for w in words if w.startswith("CONF=")), "mosquitto.conf"))
    print("this stands in for docker, and starts and stops mosquitto only", file=sys.stderr)
    return 1


def start(folder: Path, name: str) -> int:
    """Start mosquitto with a configuration of the suite, on the ports the suite expects."""
    given = Path(os.environ["ENGAWA_ETSI_MOSQUITTO"])
    lines = [f"user {os.environ.get('USER') or 'root'}"]
    for line in (given / name).read_text().splitlines():
        if line.startswith("listener"):
            lines += [f"listener {port} 127.0.0.1" for port in os.environ["ENGAWA_ETSI_MQTT_PORTS"].split()]
        else:
            lines.append(line.replace("/mosquitto/config", str(folder)))
    for file in given.iterdir():
        shutil.copy(file, folder)
        (folder / file.name).chmod(0o600)
    (folder / "own.conf").write_text("\n".join(lines) + "\n")
    program = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if program is None:
        print("mosquitto is not installed", file=sys.stderr)
        return 1
    process = subprocess.Popen(  # noqa: S603 - mosquitto, as found on the path
        [program, "-c", str(folder / "own.conf")],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    (folder / "pid").write_text(str(process.pid))
    time.sleep(0.3)
    return 1 if process.poll() is not None else 0


def stop(folder: Path) -> None:
    """End the mosquitto that we started."""
    file = folder / "pid"
    if not file.exists():
        return
    try:
        os.kill(int(file.read_text()), signal.SIGTERM)
        time.sleep(0.2)
    except (ProcessLookupError, ValueError):
        pass
    file.unlink(missing_ok=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
