#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""embed.py FILE NAME - the bytes of FILE as C: the array pw_NAME of NAME.h, on standard output"""

import sys

with open(sys.argv[1], "rb") as file:
    data = file.read()
name = sys.argv[2]
print(f'#include "{name}.h"\n')
print(f"const size_t pw_{name}_bytes = {len(data)};")
print(f"const unsigned char pw_{name}[] __attribute__((aligned(8))) = {{")
for at in range(0, len(data), 16):
    print("\t" + " ".join(f"{byte:#04x}," for byte in data[at:at + 16]))
print("};")
