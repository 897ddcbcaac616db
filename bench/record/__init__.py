"""The run file and its rows, written and read without torch."""
