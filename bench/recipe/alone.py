"""The title of what a student is trained for without any help, against which its teacher's help is counted."""

ALONE = "hard"
