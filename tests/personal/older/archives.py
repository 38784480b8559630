"""Data folders as former versions left them, named after the month; everybody and every key in them is made up."""

import tarfile
from pathlib import Path


def archives(kind: str) -> list[Path]:
    """List the archives of a kind."""
    return sorted((Path(__file__).parent / kind).glob("*.tar.xz"))


def version(archive: Path) -> str:
    """Name the version that left a folder."""
    return archive.name.removesuffix(".tar.xz")


def unpacked(archive: Path, folder: Path) -> Path:
    """Unpack an archive into a folder."""
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")
    return folder
