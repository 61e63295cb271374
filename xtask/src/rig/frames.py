"""Sends the lines of a file, hexadecimal, as frames: frames.py INTERFACE FILE TIMES."""

import socket
import sys

interface, file, times = sys.argv[1:]
with open(file, encoding="ascii") as lines:
    frames = [bytes.fromhex(line) for line in lines]
link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
link.bind((interface, 0))
for _ in range(int(times)):
    for frame in frames:
        link.send(frame)
