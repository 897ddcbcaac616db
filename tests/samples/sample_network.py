"""Programs for processes of their own that may ask no host for anything."""

SPY = """
import socket, sys

asked = []
def spy(host, *args, **kwargs):
    asked.append(host)
    raise OSError("no network in this test")
socket.getaddrinfo = spy
socket.socket.connect = lambda self, address: spy(address)

from bench.commands.command_line import app
"""
