"""What every service stands on: six small packages, and no business of any service."""
