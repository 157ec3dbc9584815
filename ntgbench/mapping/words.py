"""Vectors of header values, such as ports, learnt from which of them occur in one packet."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ntgbench.traffic.trace import PacketTrace

Vectors = npt.NDArray[np.float32]

WIDTH = 10
"""Numbers of a vector, w."""

MOST_SENTENCES = 200_000
"""Packets that vectors are learnt from: more change little and take long."""

_CHUNK = 64
"""Vectors that are compared at a time: more leave the cache and take twice the time, and 16 MB suffice."""


@dataclass(frozen=True, eq=False)
class Words:
    """A vector of length 1 for each port and each protocol of a trace."""

    ports: npt.NDArray[np.uint16]  # uint16 (V,). Ascending
    protocols: npt.NDArray[np.uint8]  # uint8 (K,). Ascending
    port_vectors: Vectors  # float32 (V, 10)
    protocol_vectors: Vectors  # float32 (K, 10)

    @staticmethod
    def learn(trace: PacketTrace, seed: int) -> Words:
        """Word2Vec by continuous bags of words with negative sampling (Mikolov et al. 2013, arXiv 1301.3781).

        A sentence is the source port, destination port and protocol of a packet. Words carry their kind, so that
        port 17 is not protocol 17. Settings are those of CascadeNet's code: 10 numbers, window 5, 5 epochs.
        """
        rows = sentences((trace.source_port, trace.destination_port, trace.protocol), seed)
        sides = (trace.source_port[rows], trace.destination_port[rows])
        found = learnt([("port", sides[0]), ("port", sides[1]), ("proto", trace.protocol[rows])], seed)
        units = [vectors / np.linalg.norm(vectors, axis=1, keepdims=True) for _, vectors in found.values()]
        return Words(found["port"][0].astype(np.uint16), found["proto"][0].astype(np.uint8), *units)

    def table(self) -> Vectors:
        """All vectors, ports before protocols, float32 (V + K, 10)."""
        return np.concatenate([self.port_vectors, self.protocol_vectors])

    def index(self, trace: PacketTrace) -> npt.NDArray[np.int64]:
        """Rows of the table for source port, destination port and protocol of each packet, int64 (N, 3)."""
        ports = [np.searchsorted(self.ports, side) for side in (trace.source_port, trace.destination_port)]
        protocol = len(self.ports) + np.searchsorted(self.protocols, trace.protocol)
        return np.stack([*ports, protocol], axis=1).astype(np.int64)

    def nearest_ports(self, vectors: Vectors) -> npt.NDArray[np.uint16]:
        """The ports with the most similar vectors by cosine, uint16 (N,), for float32 (N, 10)."""
        return self.ports[nearest(vectors, self.port_vectors)]

    def nearest_protocols(self, vectors: Vectors) -> npt.NDArray[np.uint8]:
        """The protocols with the most similar vectors by cosine, uint8 (N,), for float32 (N, 10)."""
        return self.protocols[nearest(vectors, self.protocol_vectors)]


def learnt(
    columns: Sequence[tuple[str, npt.NDArray[np.integer]]], seed: int, width: int = WIDTH, skip_gram: bool = False
) -> dict[str, tuple[npt.NDArray[np.integer], Vectors]]:
    """For each kind of word its values, ascending, and their vectors, float32 (V, width), as Word2Vec learns them.

    Mikolov et al. 2013 (arXiv 1301.3781), with negative sampling, window 5 and 5 epochs.

    Args:
        columns: the words of all sentences, at least one: the kind of each place, and the values there, (N,).
            A word is its kind and its value, so several places may have words of one kind.
        seed: of the vectors before training.
        width: numbers of a vector.
        skip_gram: words are predicted from one other word each, in place of all others together.
    """
    from gensim.models import Word2Vec

    text = "\n".join(
        " ".join(f"{kind}:{value}" for (kind, _), value in zip(columns, sentence, strict=True))
        for sentence in zip(*(column.tolist() for _, column in columns), strict=True)
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sentences.txt"
        path.write_text(text + "\n", encoding="ascii")
        # One thread: with more, the order of the updates differs from run to run.
        model = Word2Vec(
            corpus_file=str(path),
            vector_size=width,
            window=5,
            min_count=1,
            workers=1,
            seed=seed,
            sg=int(skip_gram),
        )
    found = {}
    for kind in dict.fromkeys(kind for kind, _ in columns):
        values = np.unique(np.concatenate([column for name, column in columns if name == kind]))
        places = [model.wv.key_to_index[f"{kind}:{value}"] for value in values.tolist()]
        found[kind] = values, model.wv.vectors[places].astype(np.float32)
    return found


def nearest(vectors: Vectors, known: Vectors) -> npt.NDArray[np.int64]:
    """Rows of `known`, float32 (V, w), that have the largest inner product with each of `vectors`: int64 (N,).

    Where all of `known` have length 1, they are the most similar ones by cosine. Exact: a tree is slower where no
    vector is near.
    """
    parts = [np.argmax(vectors[begin : begin + _CHUNK] @ known.T, axis=1) for begin in range(0, len(vectors), _CHUNK)]
    return np.concatenate(parts) if parts else np.zeros(0, np.int64)


def sentences(columns: Sequence[npt.NDArray[np.integer]], seed: int) -> npt.NDArray[np.int64]:
    """Rows to learn vectors from: all, or `MOST_SENTENCES` at random and those in which a value of a column is first.

    Args:
        columns: the words of each place of a sentence, (N,) each.
        seed: of the choice.
    """
    count = len(columns[0])
    if count <= MOST_SENTENCES:
        return np.arange(count)
    drawn = np.random.default_rng(seed).choice(count, MOST_SENTENCES, replace=False)
    firsts = [np.unique(column, return_index=True)[1] for column in columns]
    return np.union1d(drawn, np.concatenate(firsts))
