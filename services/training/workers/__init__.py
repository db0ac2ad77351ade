"""The machines that train: capacity, usage, launchers, and the registry of live workers."""
