"""A corpus of any size, scored chunk by chunk: reading, scoring in several processes, parts that survive a crash."""
