"""The model card of a bundle, in the form of the Hugging Face Hub."""
