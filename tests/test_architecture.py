"""docs/architecture.md lists the existing folders; the files and links in all documents exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
TREE = PAGE.split("```text\n")[1].split("```")[0]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
PATHS = sorted(set(re.findall(r"`([\w.]+(?:/[\w.]+)*(?:/|\.\w+))`", PAGE)))


def folders_of_the_page() -> list[str]:
    """The paths of the indented tree, in order."""
    paths: list[str] = []
    parents: list[str] = []
    for line in TREE.splitlines():
        indent, name = re.match(r"( *)(\w+)/ +\S", line).groups()
        parents[len(indent) // 2 :] = [name]
        paths.append("/".join(parents))
    return paths


def folders_on_disk() -> set[str]:
    """Every folder with Python files, except test folders that mirror a source folder."""
    paths = {
        str(file.parent.relative_to(ROOT))
        for package in ("bot", "training", "tests")
        for file in (ROOT / package).rglob("*.py")
    }
    return {path for path in paths if mirrored_folder(path) not in paths}


def mirrored_folder(path: str) -> str | None:
    """`tests/training/X` mirrors `training/X`, and `tests/X` mirrors `bot/X`."""
    first, _, rest = path.partition("/")
    if first != "tests" or not rest:
        return None
    return rest if rest.startswith("training/") else f"bot/{rest}"


def test_the_page_has_one_line_for_each_folder() -> None:
    assert sorted(folders_of_the_page()) == sorted(folders_on_disk())


@pytest.mark.parametrize("package", ["bot", "training"])
def test_the_folders_are_in_the_order_of_the_import_rule(package: str) -> None:
    from tests.test_house import LAYERS

    folders = [path.split("/")[1] for path in folders_of_the_page() if re.fullmatch(rf"{package}/\w+", path)]

    assert folders == [name for name in LAYERS[package] if name in folders]


@pytest.mark.parametrize("name", PATHS)
def test_every_file_and_folder_of_the_page_exists(name: str) -> None:
    assert (ROOT / name).exists()


def test_the_readme_links_the_page() -> None:
    assert "(docs/architecture.md)" in (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_between_the_documents_has_a_target(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)\s]+)\)", page.read_text(encoding="utf-8")):
        path, _, anchor = target.partition("#")
        document = (page.parent / path).resolve() if path else page

        assert document.exists(), target
        assert not anchor or anchor in anchors(document), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_file_that_a_document_names_exists(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    files = re.findall(r"\b(?:bot|training|tests|benchmarks|docs)/[\w./]*\.(?:py|md|toml|zip)\b", text)
    modules = [name.replace(".", "/") for name in re.findall(r"python -m (tests[\w.]*)", text)]

    assert [file for file in files if not (ROOT / file).is_file()] == []
    assert [name for name in modules if not ((ROOT / f"{name}.py").is_file() or (ROOT / name).is_dir())] == []


def anchors(page: Path) -> set[str]:
    """The headings of a page as GitHub spells them in addresses."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
