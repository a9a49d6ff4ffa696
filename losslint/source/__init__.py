"""From bytes on disk to text that can be pointed into."""
