"""One ONNX file from texts to probabilities: a bundle's tokenizer as operators before its model."""
