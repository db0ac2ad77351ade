"""What every room stands on: six small packages, and no business of any room."""
