"""Random input for what reads input from outside, guided by the code that it reaches (atheris, libFuzzer).

`python -m tests.fuzz cesql` goes on until it finds something, or as libFuzzer's options say (`-runs=100000 -seed=7`).
What it finds is written to a file, and `python -m tests.fuzz cesql FILE` runs that once more.
"""
