"""One recipe over many data sets, each at several numbers of labelled rows: whether its rules hold untuned."""
