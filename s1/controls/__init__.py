"""Prompted controls of thinking (paper section 5.2): what prompts and training texts say, and the points that ask so.

Import the module you need: ``texts`` (text alone), or ``points`` (what decoding makes of ``generate.controls``).
"""
