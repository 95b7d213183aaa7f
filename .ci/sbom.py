"""Prints the software bill of materials of an installation, as CycloneDX 1.6: `make sbom`.

Names, versions and hashes are those of a lock file. Licences are read from the packages that are installed here. It has
no time and no serial number, so the same lock file gives the same document.
"""

from __future__ import annotations

import json
import re
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PACKAGE = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)\s*(?:;\s*([^\\\n]+?))?\s*\\?$", re.MULTILINE)


def document(lock: str, project: dict[str, Any]) -> dict[str, Any]:
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": "mynah-bot",
                "name": project["name"],
                "version": project["version"],
                "description": project["description"],
                "licenses": [{"expression": project["license"]}],
                "purl": f"pkg:pypi/{project['name']}@{project['version']}",
            }
        },
        "components": list(map(component, re.split(r"^(?=[A-Za-z0-9])", lock, flags=re.MULTILINE)[1:])),
    }


def component(entry: str) -> dict[str, Any]:
    """`entry`: a package of the lock file, with the hashes of its files below."""
    match = PACKAGE.match(entry)
    if match is None:
        sys.exit(f"this is not a pinned package: {entry.splitlines()[0]}")
    name, version, marker = match.groups()
    purl = f"pkg:pypi/{name.lower()}@{version}"
    hashes = [{"alg": "SHA-256", "content": digest} for digest in re.findall(r"--hash=sha256:(\w+)", entry)]
    origin = {"type": "distribution", "url": f"https://pypi.org/project/{name}/{version}/", "hashes": hashes}
    licence = licence_of(name)
    return {
        "type": "library",
        "bom-ref": purl,
        "name": name,
        "version": version,
        **({"licenses": [{"license": {"name": licence}}]} if licence else {}),
        "purl": purl,
        "externalReferences": [origin],
        **({"properties": [{"name": "python:marker", "value": marker}]} if marker else {}),
    }


def licence_of(package: str) -> str:
    """As the package says it: an expression, a name or a classifier; empty if it is not installed, or says nothing."""
    try:
        about = metadata(package)
    except PackageNotFoundError:
        return ""
    classifiers = [line.rpartition(" :: ")[2] for line in about.get_all("Classifier", []) if line.startswith("License")]
    whole = about.get("License-Expression") or about.get("License") or ", ".join(classifiers)
    return whole.strip().splitlines()[0] if whole.strip() else ""


def main() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lock = Path(sys.argv[1]).read_text(encoding="utf-8")
    json.dump(document(lock, project), sys.stdout, indent=2)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
