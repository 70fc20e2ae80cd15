#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""embed.py FILE - the bytes of FILE as the inside of a C array, on standard output"""

import sys

with open(sys.argv[1], "rb") as file:
    data = file.read()
for at in range(0, len(data), 16):
    print(" ".join(f"{byte:#04x}," for byte in data[at:at + 16]))
