"""Pictures of a run: quality against latency, learning curves, confusion matrices, and how they become files."""
