"""The command line: thin commands over one client, which is the local record or a server.

What a command needs is imported when it runs, so that ``ragstone --help`` and ``ragstone search`` start at once.
"""
