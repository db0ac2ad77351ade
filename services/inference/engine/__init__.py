"""The only home of torch in this room."""
