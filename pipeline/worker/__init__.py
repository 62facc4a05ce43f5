"""The live engine: Faust hands over slices of partitions, aligned transactional checkpoints give exactly-once."""
