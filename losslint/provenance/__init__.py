"""What the tensor that reaches a loss stands for: logits, probabilities or their logarithms."""
