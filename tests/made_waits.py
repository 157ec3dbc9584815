"""A plugin whose generator waits in its fit, so that tests can end it there."""

WAITS = """
    import os
    import numpy as np
    from ntgbench import GeneratorSpec, hookimpl

    @hookimpl
    def ntgbench_generators():
        return [GeneratorSpec("waits", "waits:Waits", "tells its process number, then waits to be let go")]

    class Waits:
        def __init__(self, parameters): pass
        def fit(self, train, context):
            begun = context.checkpoint / "begun"
            self.again = begun.exists()
            begun.touch()
            with open(os.environ["TELL"], "w") as tell:
                tell.write(str(os.getpid()))
            open(os.environ["LET_GO"]).close()
        def sample(self, labels, rng): return np.full((len(labels), 10), 2 if self.again else 1)
        def save(self, folder): pass
        def load(self, folder): pass
"""
