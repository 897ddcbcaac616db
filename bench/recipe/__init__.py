"""The recipe: what a run trains, exports and measures, and how it is read."""

ALONE = "hard"  # what a student is trained for without any help, against which its teacher's help is counted
