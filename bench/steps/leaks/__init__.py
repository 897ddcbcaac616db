"""The steps that find near-duplicates of test rows, and judge files without these rows."""
