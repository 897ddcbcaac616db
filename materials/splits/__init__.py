"""Train, validation, test and transfer rows of one seed: how they are drawn, and how they are stored."""
