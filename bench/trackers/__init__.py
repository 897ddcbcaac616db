"""Finished runs in trackers of experiments: what is written of a run, and one file for each tracker."""
