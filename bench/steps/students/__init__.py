"""The steps that make a student: how it reads, what it starts from, and its training."""
