"""Traffic matrices as what models read, and back."""
