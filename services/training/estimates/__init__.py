"""What a training job would need and how long it would take, told before anything is queued."""
