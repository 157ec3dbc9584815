"""Checks of the machine: processor, memory, limits on processes, and what ends them."""

from __future__ import annotations

import ctypes
import itertools
import os
import platform
import resource
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from ntgbench.doctor import Finding
from ntgbench.machine import (
    cpu_model,
    processes_left,
    usable_cores,
    usable_memory,
)
from ntgbench.words import pluralised

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS", "TORCH_NUM_THREADS")
"""Variables that cells do not depend on: the protocol says how many threads they have."""

ARITHMETIC = (
    *("ATEN_CPU_CAPABILITY", "DNNL_MAX_CPU_ISA", "ONEDNN_MAX_CPU_ISA", "MKL_ENABLE_INSTRUCTIONS", "MKL_CBWR"),
    *("NPY_DISABLE_CPU_FEATURES", "NPY_ENABLE_CPU_FEATURES", "OPENBLAS_CORETYPE", "OMP_THREAD_LIMIT"),
    *("NVIDIA_TF32_OVERRIDE", "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE"),
)
"""Variables that choose other instructions, which give other last digits."""

FILES = 256
"""Open files that a run needs at most: each running cell takes about ten."""

PROCESSES = 200
"""Processes and threads that a run may need: a cell has a keeper, a worker, and threads of its libraries."""

MEMORY_OF_A_CELL = 2 * 2**30
"""Bytes of memory that a cell of a small model takes."""

_PR_SET_CHILD_SUBREAPER, _PR_GET_CHILD_SUBREAPER = 36, 37


def processor(info: Path = Path("/proc/cpuinfo")) -> Iterator[Finding]:
    """The processor's model, and whether it has the instructions that models are fast with."""
    flags: set[str] = set()
    if info.exists():
        for line in info.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith(("flags", "Features")):
                flags = set(line.partition(":")[2].split())
                break
    known = {"AVX2": {"avx2"}, "AVX-512": {"avx512f"}, "VNNI (int8)": {"avx512_vnni", "avx_vnni"}}
    known |= {"bfloat16": {"avx512_bf16", "amx_bf16", "bf16"}, "NEON": {"asimd"}, "int8 products": {"asimddp"}}
    found = [name for name, any_of in known.items() if flags & any_of]
    what = f"{cpu_model()}: {', '.join(found) or 'no vector instructions known'}"
    if flags and platform.machine() in ("x86_64", "AMD64") and "AVX2" not in found:
        yield Finding("processor", "warning", f"{what}; without AVX2, models are slow", "use a newer machine")
    else:
        missing = "" if not flags or {"VNNI (int8)", "int8 products"} & set(found) else "; int8 models are slow here"
        yield Finding("processor", "ok", what + missing)


def cores(load: float | None = None) -> Iterator[Finding]:
    """How many processors cells may use, and whether others use them now."""
    usable, whole = usable_cores(), os.cpu_count() or 1
    what = f"{usable} of {whole} usable, enough for as many cells of one thread at a time"
    load = os.getloadavg()[0] if load is None else load
    if load > 1.5 * usable:
        advice = "results stay the same, but times of the efficiency suite need a quiet machine"
        yield Finding("cores", "warning", f"{what}; the load is {load:.1f}", advice)
    else:
        yield Finding("cores", "ok", what)


def memory(needed: int = MEMORY_OF_A_CELL) -> Iterator[Finding]:
    """How much memory cells may use."""
    import psutil

    usable, free = usable_memory(), int(psutil.virtual_memory().available)
    what = f"{usable / 2**30:.1f} GiB usable, {min(free, usable) / 2**30:.1f} GiB of them free"
    if min(free, usable) < needed:
        advice = f"a cell may need {needed / 2**30:.0f} GiB: end other programs"
        yield Finding("memory", "warning", what, advice)
    else:
        yield Finding("memory", "ok", what)


def threads() -> Iterator[Finding]:
    """Variables that say how many threads libraries take, and how they compute."""
    given = [f"{name}={os.environ[name]}" for name in THREADS if name in os.environ]
    what = f"{', '.join(given) or 'no variable'} set: cells take the threads of the protocol in any case"
    yield Finding("threads", "ok", what)
    other = [f"{name}={os.environ[name]}" for name in ARITHMETIC if name in os.environ]
    if other:
        what = f"{', '.join(other)} set: last digits of results may differ from those of others"
        yield Finding("arithmetic", "warning", what, "unset it")


def limits() -> Iterator[Finding]:
    """Limits of the shell, and of the control group, that a run may exceed."""
    wrong = []
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if files != resource.RLIM_INFINITY and files < FILES:
        wrong.append(Finding("limits", "warning", f"at most {files:,} open files", f"ulimit -n {4 * FILES}"))
    most = resource.getrlimit(resource.RLIMIT_NPROC)[0]
    if most != resource.RLIM_INFINITY and most < PROCESSES + _threads_of_user():
        advice = f"ulimit -u {4 * PROCESSES + _threads_of_user()}"
        wrong.append(Finding("limits", "warning", f"at most {most:,} processes of this user", advice))
    left = processes_left()
    if left is not None and left < PROCESSES:
        what = f"its control group allows {pluralised(left, 'more process')} or threads"
        wrong.append(Finding("limits", "warning", what, "raise pids.max, of a container by --pids-limit"))
    for name, letter, kind in (
        ("CPU seconds", "t", resource.RLIMIT_CPU),
        ("bytes of a file", "f", resource.RLIMIT_FSIZE),
        ("bytes of address space", "v", resource.RLIMIT_AS),
    ):
        value = resource.getrlimit(kind)[0]
        if value != resource.RLIM_INFINITY:
            what = f"at most {value:,} {name}: cells that need more will fail"
            wrong.append(Finding("limits", "warning", what, f"ulimit -{letter} unlimited"))
    yield from wrong or [Finding("limits", "ok", "open files, processes, time and memory suffice")]


def _threads_of_user() -> int:
    """Processes of this user, each with its threads: that is what the limit counts."""
    import psutil

    own = os.getuid()
    found = psutil.process_iter(["uids", "num_threads"])
    return sum(one.info["num_threads"] or 1 for one in found if one.info["uids"] and one.info["uids"].real == own)


def orphans(system: str = sys.platform) -> Iterator[Finding]:
    """Whether processes that a cell leaves behind can be found and ended."""
    if system != "linux":
        what = "this system has no subreaper: a process that leaves the session of its cell may outlive it"
        yield Finding("orphans", "warning", what, "run plugins that you do not trust on Linux")
        return
    library, before = ctypes.CDLL(None, use_errno=True), ctypes.c_int()
    library.prctl(_PR_GET_CHILD_SUBREAPER, ctypes.byref(before), 0, 0, 0)
    ended = library.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    library.prctl(_PR_SET_CHILD_SUBREAPER, before.value, 0, 0, 0)
    if ended:
        what = f"this process cannot become a subreaper: {os.strerror(ctypes.get_errno())}"
        yield Finding("orphans", "warning", what, "let the container call prctl (seccomp)")
    else:
        yield Finding("orphans", "ok", "processes that a cell leaves behind are found and ended (subreaper)")


def clock(
    read: Callable[[], float] = time.monotonic, now: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> Iterator[Finding]:
    """Whether the clocks can be used: phases are timed by the monotonic one, files are dated by the other."""
    readings = [read() for _ in range(1000)]
    written = datetime.fromtimestamp(Path(__file__).stat().st_mtime, UTC)
    if any(later < earlier for earlier, later in itertools.pairwise(readings)):
        yield Finding("clock", "warning", "the monotonic clock goes back: times are wrong", "update the kernel")
    elif now() < written:
        what = f"it is {now():%Y-%m-%d} here, and ntgbench was installed on {written:%Y-%m-%d}"
        yield Finding("clock", "warning", what, "set the clock: downloads fail otherwise")
    else:
        yield Finding("clock", "ok", f"monotonic, in steps of {time.get_clock_info('monotonic').resolution:g} s")
