"""The one training loop, the objectives, and length-bucketed batches."""
