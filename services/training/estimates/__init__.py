"""Estimates of a training job's memory and time before it is queued."""
