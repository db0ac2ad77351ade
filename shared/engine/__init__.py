"""Code that all engines share: process protocol, forkserver, chat templates, model loading, generation.

It runs in child processes only. A service starts an engine by module name (shared/runtime/processes/children.py) and
never imports this package.
"""
