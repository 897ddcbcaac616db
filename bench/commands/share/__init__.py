"""The commands that pass results on: a bundle to the Hub, a run to a tracker of experiments."""
