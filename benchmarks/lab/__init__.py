"""The lab: real programs talking over a real network stack on one machine, captured and labelled by construction."""
