"""The SLURM engine: each piece of work is a job of the cluster, submitted by submitit."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, Self

from ntgbench.running.engines import EngineError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from types import TracebackType

    from ntgbench.running.engines import Needs, Work

FOLDER = ".slurm"

_LOOK_EVERY = 1.0


class SlurmEngine:
    """The cluster that `sbatch` submits to.

    Args:
        jobs: jobs that are submitted at a time; None: all.
        runs: the folder of all runs, below which submitit keeps its files.
        options: of `sbatch`, by name.
        cluster: "slurm", or another executor of submitit.

    Raises:
        EngineError: when submitit is not installed, or there is no SLURM.
    """

    name = "slurm"

    def __init__(self, jobs: int | None, runs: Path, options: Mapping[str, str], cluster: str = "slurm") -> None:
        try:
            import submitit
        except ImportError as error:
            raise EngineError("the engine slurm is not installed: pip install 'ntgbench[slurm]'") from error
        try:
            self._executor: Any = submitit.AutoExecutor(runs / FOLDER, cluster=cluster)
        except RuntimeError as error:
            raise EngineError(f"there is no SLURM on this machine: {error}") from error
        self._jobs, self._options = jobs, {f"slurm_{name}": value for name, value in options.items()}
        self._running: dict[Future[str], Any] = {}
        self._ended = threading.Event()
        self._looking = threading.Thread(target=self._look, daemon=True)
        self._looking.start()

    def has_room(self, needs: Needs) -> bool:  # noqa: ARG002 - SLURM looks after them
        """Whether fewer than `jobs` are submitted."""
        return self._jobs is None or len(self._running) < self._jobs

    def submit(self, work: Work, text: str, needs: Needs) -> Future[str]:
        """Submit it as a job."""
        self._executor.update_parameters(
            name="ntgbench",
            cpus_per_task=needs.threads,
            mem_gb=needs.memory_gib,
            gpus_per_node=needs.gpus,
            **self._options,
        )
        job = self._executor.submit(work, text)
        future: Future[str] = Future()
        future.set_running_or_notify_cancel()
        self._running[future] = job
        return future

    def _look(self) -> None:
        while not self._ended.wait(_LOOK_EVERY):
            for future, job in list(self._running.items()):
                if job.done():
                    del self._running[future]
                    error = job.exception()
                    if error is None:
                        future.set_result(job.result())
                    else:
                        future.set_exception(error)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._looking.join()
        for job in self._running.values():
            job.cancel()
