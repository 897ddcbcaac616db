"""What an exported file is, how it is made, and how it is proven: formats, runtimes, graphs, the parity gate."""
