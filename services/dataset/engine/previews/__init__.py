"""What an upload would be read as, from its beginning."""
