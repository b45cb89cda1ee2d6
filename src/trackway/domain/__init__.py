"""The rules of deliveries, free of input and output: life cycle, motion, progress, geometry."""
