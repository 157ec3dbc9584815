"""Traffic: its types, and the ways in and out of them."""
