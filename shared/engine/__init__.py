"""What engines share, and only engines import: the protocol, the warm parent, templates, loading, generation.

Everything here runs in a child process. Services reach it by name through `shared.runtime.processes.children`.
"""
