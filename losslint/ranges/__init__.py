"""What values a loss can take, and where it goes as a parameter grows."""
