"""The dask engine: the workers of a `dask.distributed` scheduler.

A worker that declares resources, as in `dask worker --resources "GPU=1 MEMORY=64e9"`, is given no more at a time than
it has: GPU counts GPUs, MEMORY bytes, THREADS processors. A worker that dies takes its work with it, which another one
then does.
"""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import Future
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from ntgbench.running.engines import EngineError

if TYPE_CHECKING:
    from ntgbench.running.engines import Needs, Work

_ANSWERS_IN = 10.0


class DaskEngine:
    """A scheduler.

    Args:
        address: such as tcp://host:8786; None takes that in dask's own configuration.
        jobs: pieces of work that are submitted at a time; None: all.

    Raises:
        EngineError: when dask is not installed, the scheduler does not answer, or it has no worker.
    """

    name = "dask"

    def __init__(self, address: str | None, jobs: int | None) -> None:
        try:
            from distributed import Client
        except ImportError as error:
            raise EngineError("the engine dask is not installed: pip install 'ntgbench[dask]'") from error
        import dask

        self.address = address or dask.config.get("scheduler-address", None)
        if self.address is None:
            raise EngineError("the engine dask needs the address of its scheduler: --address tcp://HOST:8786")
        try:
            # A client waits for ever where something else listens, and leaves a thread behind for a wrong address.
            asyncio.run(asyncio.wait_for(_greet(self.address), 2 * _ANSWERS_IN))
            self._client: Any = Client(self.address, timeout=_ANSWERS_IN, set_as_default=False, name="ntgbench")
        except OSError as error:
            why = str(error) or "what listens there says nothing"
            raise EngineError(f"the dask scheduler at {self.address} does not answer: {why}") from error
        except (TypeError, ValueError) as error:  # the former for TLS without certificates
            raise EngineError(f"{self.address} is no address such as tcp://HOST:8786: {error}") from error
        if not self._workers():
            self._client.close()
            raise EngineError(f"the dask scheduler at {self.address} has no worker; start one: dask worker ADDRESS")
        # What dask logs about a lost scheduler is said once, by an error of ours.
        loggers = [log for log in logging.root.manager.loggerDict.values() if isinstance(log, logging.Logger)]
        self._levels = {log: log.level for log in loggers if log.name.partition(".")[0] == "distributed"}
        for log in self._levels:
            log.setLevel(logging.CRITICAL)
        self._jobs, self._running = jobs, list[Future[str]]()
        self._executors: dict[Needs, Any] = {}

    def has_room(self, needs: Needs) -> bool:  # noqa: ARG002 - the scheduler looks after them
        """Whether fewer than `jobs` are submitted."""
        return self._jobs is None or sum(not future.done() for future in self._running) < self._jobs

    def submit(self, work: Work, text: str, needs: Needs) -> Future[str]:
        """Hand it to the scheduler."""
        if needs not in self._executors:
            self._executors[needs] = self._client.get_executor(pure=False, resources=self._resources(needs))
        future: Future[str] = self._executors[needs].submit(work, text)
        self._running = [*(one for one in self._running if not one.done()), future]
        return future

    def _workers(self) -> dict[str, Any]:
        workers: dict[str, Any] = self._client.scheduler_info(n_workers=-1)["workers"]
        return workers

    def _resources(self, needs: Needs) -> dict[str, float]:
        """What workers must have, of what any worker declares. Raises EngineError when no worker declares a GPU."""
        declared = {name for worker in self._workers().values() for name in worker["resources"]}
        if needs.gpus and "GPU" not in declared:
            raise EngineError(
                f"no worker of the dask scheduler at {self.address} declares a GPU; start one for each GPU: "
                "CUDA_VISIBLE_DEVICES=0 dask worker ADDRESS --nthreads 1 --resources GPU=1"
            )
        wanted = {"GPU": needs.gpus, "MEMORY": needs.memory_gib * 2**30, "THREADS": needs.threads}
        return {name: number for name, number in wanted.items() if number and name in declared}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for executor in self._executors.values():
            executor.shutdown(wait=False)
        self._client.close()
        for log, level in self._levels.items():
            log.setLevel(level)


async def _greet(address: str) -> None:
    """Connect to a scheduler once. Raises OSError, and ValueError or TypeError for what is no address."""
    from distributed import Security
    from distributed.comm.core import connect

    comm = await connect(address, _ANSWERS_IN, **Security().get_connection_args("client"))
    await comm.close()
