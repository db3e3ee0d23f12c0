"""Lanes: a training step on the CPU, compiled once, with one image in each SIMD lane.

Knows no torch: arrays in, arrays out.
"""
