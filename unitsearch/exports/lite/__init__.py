"""TensorFlow Lite files: networks in the layout of LiteRT, in float32 and in int8, and their arena.

Nothing here is imported before a file is asked for: the packages of the extra ``litert`` are heavy.
"""
