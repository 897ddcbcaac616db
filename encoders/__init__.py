"""Items to arrays and back: tokenizers, word tables, images, and what a model's graph takes in. Needs no torch."""
