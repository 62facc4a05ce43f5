"""What was learned, moved to where the keys go after a topic has been given more partitions."""
