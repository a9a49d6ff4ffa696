"""What a training loop does with its loss: where it is back-propagated, checked, shown."""
