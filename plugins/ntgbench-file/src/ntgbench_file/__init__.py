"""Traffic from a file in place of a generator: generators that are closed, or in another language."""

from __future__ import annotations

from ntgbench.hookspecs import hookimpl
from ntgbench.interfaces import GeneratorSpec
from ntgbench_file.parameters import FileParameters


@hookimpl
def ntgbench_generators() -> list[GeneratorSpec]:
    """The system `file`, for biflows and for header traces."""
    return [
        GeneratorSpec(
            "file",
            f"ntgbench_file.{track}:{target}",
            summary,
            parameters=FileParameters,
            track=track,
            files=("path",),
        )
        for track, target, summary in (
            ("biflows", "FileOfBiflows", "Biflows of a file that another program has made: file[path=…]"),
            ("headers", "FileOfPackets", "Packets of a file that another program has made: file[path=…]"),
        )
    ]
