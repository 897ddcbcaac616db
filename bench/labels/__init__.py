"""What a class name more costs: a zero-shot teacher and a student, timed with ever more of them."""
