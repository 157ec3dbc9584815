"""Words with random vectors, which need no training."""

import numpy as np

from ntgbench.mapping.words import WIDTH, Words


def random_words(ports, protocols, seed=0):
    """A vector of length 1 for each of the ports and protocols, which need not be sorted."""
    rng = np.random.default_rng(seed)
    ports, protocols = np.unique(ports).astype(np.uint16), np.unique(protocols).astype(np.uint8)
    vectors = rng.normal(size=(len(ports) + len(protocols), WIDTH))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return Words(ports, protocols, vectors[: len(ports)], vectors[len(ports) :])


def words_of(packets, seed=0):
    """Random words for a trace."""
    return random_words(np.concatenate([packets.source_port, packets.destination_port]), packets.protocol, seed)
