#!/usr/bin/env python3
"""Check whether this environment satisfies requirements files, including their dependencies.

Takes a fraction of a second, so set-up scripts do not need pip (and the network) each time.
Prints what is missing; exit code 1 if anything is.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

try:
    from packaging.requirements import Requirement
except ImportError:  # a fresh environment has only pip
    from pip._vendor.packaging.requirements import Requirement  # type: ignore[assignment]


def read_requirements(path: Path) -> list[Requirement]:
    """Parse the requirement lines of a file (comments and blank lines are skipped)."""
    lines = (line.split("#")[0].strip() for line in path.read_text().splitlines())
    return [Requirement(line) for line in lines if line]


def applies(requirement: Requirement, extras: frozenset[str]) -> bool:
    """Whether the requirement's marker holds here, for a package asked for with `extras`."""
    marker = requirement.marker
    return marker is None or any(marker.evaluate({"extra": extra}) for extra in extras or {""})


def unmet(requirements: list[Requirement]) -> Iterator[str]:
    """Yield a line for each requirement, direct or not, that the environment does not satisfy."""
    pending = [(requirement, frozenset[str]()) for requirement in requirements]
    seen: set[str] = set()
    while pending:
        requirement, extras = pending.pop()
        if not applies(requirement, extras) or str(requirement) in seen:
            continue
        seen.add(str(requirement))
        try:
            installed = distribution(requirement.name)
        except PackageNotFoundError:
            yield f"{requirement} is not installed"
            continue
        if not requirement.specifier.contains(installed.version, prereleases=True):
            yield f"{requirement} is needed, {installed.version} is installed"
        wanted = frozenset(requirement.extras) | {""}
        pending += [(Requirement(line), wanted) for line in installed.requires or []]


def main(arguments: list[str]) -> int:
    """Check the files named on the command line."""
    requirements = [item for name in arguments for item in read_requirements(Path(name))]
    missing = list(unmet(requirements))
    print("\n".join(missing))
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
