"""Decoding: one protocol, an implementation on this machine, budget forcing on any engine.

Import the module you need (``protocol``, ``forced``, ``model``): ``local`` loads torch and transformers.
"""
