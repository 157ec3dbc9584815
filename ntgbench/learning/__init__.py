"""What plugins that learn with torch share: training, sampling, checkpoints, the device."""
