"""What a run came to: rows, means over seeds, speed-ups and learning curves, from the models and their measurements."""
