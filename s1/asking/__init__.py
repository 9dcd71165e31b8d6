"""Asks language models behind chat servers with OpenAI's interface, and pays for no answer twice.

Rooms, lowest first: ``server`` (one request, tried again where it fails in passing), ``desk`` (many different prompts
side by side, each answered by the archive of paid responses or by the server and then kept). Who is asked what, and
how a reply is read, belongs to the rooms that ask: ``s1.judge``, ``s1.classification.llm``.
"""
