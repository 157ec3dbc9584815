"""Reports: from rows to what people read."""
