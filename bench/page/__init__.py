"""Runs as one HTML file that needs no network: verdict, front, tables, curves, matrices, and how all was measured."""
