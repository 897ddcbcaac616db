"""Figures and tests of quality and time: arrays in, numbers out."""
