"""Who will leave, and which answers will please: a calibrated baseline, tested on later time."""
