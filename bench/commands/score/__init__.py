"""The command `score`: a corpus of any size, answered by a bundle."""
