"""Is it the loss that was meant?"""
