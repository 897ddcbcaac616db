"""Data sets and pretrained weights: where they come from, verified fetching, splits, the store of finished stages."""
