"""Answers in place of labels: those of a file that is all there is of a teacher, and a teacher's own."""
