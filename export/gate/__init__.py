"""The parity gate: whether an exported file still computes what the model computes, and on which inputs."""
