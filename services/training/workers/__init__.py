"""The machines that train: their capacity and usage, engine launchers, and the registry of live workers."""
