"""The work of reading some captures into files of flows, as a request and an answer in JSON.

`python -m ntgbench.datasets.capture_work FOLDER` does it in a process of its own.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from ntgbench.errors import NtgbenchError
from ntgbench.probing import ended_how
from ntgbench.running.beacon import stopping
from ntgbench.running.processes import kept, last_line, working_elsewhere
from ntgbench.traffic.capture_flows import Account, flow_tables

PROGRESS_FILE = "bytes-read"
"""File in the folder of a capture: how many of its bytes have been read so far."""

_REQUEST, _ANSWER, _LOG = "request.json", "answer.json", "log.txt"
_LOOK_EVERY = 0.1


def read_apart(text: str) -> str:
    """`read_into_files` in a child process, which ends with the run that asks for it.

    Args:
        text: JSON with `folder`, for the files of the process; `run` and `silence`, see `stopping`; and `request`.

    Returns:
        the answer of `read_into_files`; or a JSON object with `died`, how the process ended, or `full`, why it could
        not be started.
    """
    values = json.loads(text)
    folder = Path(values["folder"])
    command = [sys.executable, "-P", "-m", "ntgbench.datasets.capture_work", str(folder)]
    try:
        (folder / _REQUEST).write_text(json.dumps(values["request"]), encoding="utf-8")
        with stopping(Path(values["run"]), values["silence"]) as stop, (folder / _LOG).open("a+b") as log:
            with kept(command, log, folder, working_elsewhere(os.environ)) as process:
                while not stop.is_set():
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        process.wait(_LOOK_EVERY)
                        break
            if process.returncode == 0:
                return (folder / _ANSWER).read_text(encoding="utf-8")
            return json.dumps({"died": _how(process.returncode, last_line(log, process))})
    except OSError as error:
        return json.dumps({"full": os.strerror(error.errno) if error.errno else str(error)})


def _how(status: int, last: str) -> str:
    if status == -signal.SIGKILL:
        return "its process was killed, as the system does when memory runs out"
    return f"its process ended {ended_how(status)}" + (f": {last}" if last else "")


def read_into_files(text: str) -> str:
    """Read captures, each into files of flows in a folder of its own.

    Args:
        text: JSON with `captures`, a list of objects with `path`, `class_name` (null: the sidecar has the classes) and
            `folder`, which is there and empty; and `options`, the options of `flow_tables`.

    Returns:
        JSON list with an object for each capture: `classes` (of each its flows, and how many begin upstream),
        `changes` and `warnings` (see `Account`), and `files`; or `error`, why it cannot be read. After `full`, the
        reason why nothing can be written, nothing more is read.
    """
    request = json.loads(text)
    answers: list[dict[str, Any]] = []
    for capture in request["captures"]:
        try:
            answers.append(
                _read(Path(capture["path"]), capture["class_name"], Path(capture["folder"]), request["options"])
            )
        except NtgbenchError as error:
            answers.append({"error": str(error)})
        except MemoryError:
            answers.append({"error": "it needs more memory than there is"})
        except OSError as error:  # errors of reading are those of ntgbench
            answers.append({"full": os.strerror(error.errno) if error.errno else str(error)})
            break
    return json.dumps(answers)


def _read(path: Path, class_name: str | None, folder: Path, options: dict[str, Any]) -> dict[str, Any]:
    account = Account()
    flows: Counter[str] = Counter()
    upstream: Counter[str] = Counter()
    files = 0
    with (folder / PROGRESS_FILE).open("w") as file:

        def progress(done: int) -> None:
            file.seek(0)
            file.write(f"{done:020}")
            file.flush()

        for table in flow_tables(path, account, class_name, folder=folder, progress=progress, **options):
            if len(table):
                table.to_parquet(folder / f"{files:05}.parquet")
                files += 1
            up = table.signed_pl[table.offsets[:-1]] > 0
            for name, count, begin_up in zip(
                table.classes, table.class_counts(), np.bincount(table.label, up, len(table.classes)), strict=True
            ):
                flows[name] += int(count)
                upstream[name] += int(begin_up)
    return {
        "classes": {name: (flows[name], upstream[name]) for name in sorted(flows)},
        "changes": account.changes,
        "warnings": account.warnings,
        "files": files,
    }


def main() -> None:
    """The child's side: a request in a folder becomes an answer there."""
    folder = Path(sys.argv[1])
    answer = read_into_files((folder / _REQUEST).read_text(encoding="utf-8"))
    (folder / _ANSWER).write_text(answer, encoding="utf-8")


if __name__ == "__main__":
    main()
