"""Launches of one file: how fast the machine was during each, which are made again, and what several come to."""
