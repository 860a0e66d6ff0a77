"""What may be kept, for how long and who may see it, and how it leaves: policy, erasure, purge."""
