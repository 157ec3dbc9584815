"""The site: its workflow may do no more than publish, and the reference on it is made of all that the code declares."""

import re
import sys

import pytest
import yaml
from guide import GUIDES, ROOT

from ntgbench import hookspecs
from ntgbench.interfaces import GeneratorSpec
from ntgbench.plugins import registry
from ntgbench.protocol import Protocol
from ntgbench.row_schema import Row
from ntgbench.values import fields_of

sys.path.insert(0, str(ROOT / "docs"))
import generate

WORKFLOW = yaml.safe_load((ROOT / ".github/workflows/site.yml").read_text())
JOBS = WORKFLOW["jobs"]


def test_only_the_job_that_publishes_may_write_and_only_pages() -> None:
    assert WORKFLOW["permissions"] == {"contents": "read"}
    assert {name: job["permissions"] for name, job in JOBS.items() if "permissions" in job} == {
        "deploy": {"pages": "write", "id-token": "write"}
    }
    assert WORKFLOW[True] == {"push": {"branches": ["main"]}}  # YAML reads `on` as true


def test_it_publishes_what_make_docs_writes() -> None:
    (path,) = (step["with"]["path"] for step in JOBS["build"]["steps"] if "path" in step.get("with", {}))
    makefile = (ROOT / "Makefile").read_text()
    (recipe,) = re.findall(r"^docs:.*\n\t(.*)", makefile, flags=re.MULTILINE)
    assert recipe.split()[-1] == path
    targets = {target for job in JOBS.values() for step in job["steps"] for target in _made(step.get("run", ""))}
    assert targets == {"docs", "links"}
    assert all(re.search(rf"^{target}:", makefile, flags=re.MULTILINE) for target in targets)


def _made(command: str) -> list[str]:
    return re.findall(r"^make (\w+)$", command)


@pytest.mark.parametrize("page", GUIDES, ids=lambda page: page.name)
def test_marks_name_a_part_of_the_reference(page) -> None:
    assert set(generate.MARK.findall(page.read_text())) <= generate.PARTS.keys()


def test_every_part_of_the_reference_is_on_one_page() -> None:
    used = [name for page in GUIDES for name in generate.MARK.findall(page.read_text())]
    assert sorted(used) == sorted(generate.PARTS)


def first_cells(text: str) -> set[str]:
    return set(re.findall(r"^\| `([^`]+)` \|", text, flags=re.MULTILINE))


def test_the_reference_has_every_key_of_a_protocol() -> None:
    keys = fields_of(Protocol).keys() - {"budget", "limits", "layout", "settings"}
    tables = [track.layout for track in registry().tracks().values()]
    tables += [suite.settings for track in registry().tracks() for suite in registry().suites(track).values()]
    assert keys.union(*(fields_of(table) for table in tables)) <= first_cells(generate.protocol_keys())


def test_the_reference_has_every_metric_system_row_key_field_and_hook() -> None:
    assert registry().metrics().keys() <= first_cells(generate.metrics())
    assert fields_of(Row).keys() <= first_cells(generate.rows())
    assert fields_of(GeneratorSpec).keys() <= first_cells(generate.hooks())
    headings = set(re.findall(r"^### `(.+)`$", f"{generate.systems()}\n{generate.hooks()}", flags=re.MULTILINE))
    assert {spec.name for spec in registry().every_system()} <= headings
    assert {name for name in hookspecs.__all__ if name.startswith("ntgbench_")} <= headings


def test_every_field_that_the_reference_shows_is_explained() -> None:
    for part in ("hooks", "protocol-keys", "rows"):
        assert re.findall(r"^\| `.*\|  \|$", generate.PARTS[part](), flags=re.MULTILINE) == []
