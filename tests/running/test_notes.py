"""What is logged while a cell runs, as notes on its row."""

import logging
import sys

from ntgbench.running.rows import Notes


def test_notes_are_warnings_once_and_name_no_folder_of_the_environment() -> None:
    notes, log = Notes(), logging.getLogger("made")
    log.addHandler(notes)
    try:
        log.info("nothing")
        for _ in range(2):
            log.warning("cannot load %s/lib/one.so", sys.prefix)
        log.error("other")
    finally:
        log.removeHandler(notes)
    assert list(notes.messages) == ["cannot load lib/one.so", "other"]
