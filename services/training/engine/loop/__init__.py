"""The named steps that train.py arranges: preparation, evaluation, checkpoints, stopping, delivery."""
