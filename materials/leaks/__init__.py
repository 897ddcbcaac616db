"""Near-duplicates: rows that are almost the same, found among a million without comparing each with each."""
