"""Samplers, stopping rules, objectives and the front. Imports no torch."""
